"""The world of one run: the venue and the disk that live on, and the process that is killed and comes back.

All of it is in virtual time on one thread. Between two processes the venue goes on alone. A process that ends by itself
is started again, as its guard would do it.
"""

import shutil
from collections import Counter
from hashlib import sha256
from pathlib import Path
from random import Random

from bulkhead.chaos.disk import Disk
from bulkhead.chaos.eyes import Eyes, Watcher
from bulkhead.chaos.house import START_NS, TIGHT_LIMITS, WIDE_LIMITS, House
from bulkhead.chaos.model.busting import BustingVenue
from bulkhead.chaos.model.numbered import NumberedVenue
from bulkhead.chaos.model.venue import ADDRESS, ModelVenue
from bulkhead.chaos.plan import Plan, VenueKind
from bulkhead.chaos.watched_host import PowerCut, WatchedHost
from bulkhead.ledger.port import LedgerInUse, LedgerUnavailable
from bulkhead.ledger.sqlite import SqliteLedger
from messages.base import Letter
from supervisor.runtime.simulated import SimulatedHost

NS_PER_S = 1_000_000_000
GUARDS_PAUSE_S = 5.0
"""Before a process that has ended by itself, or was not born, is started again."""
NS_PER_DAY = 86_400 * NS_PER_S
DST_NS = 1_743_296_400 * NS_PER_S
"""2025-03-30 01:00 UTC: the clocks of Europe go forward by an hour."""
VENUES: dict[VenueKind, type[ModelVenue]] = {VenueKind.IDS: BustingVenue, VenueKind.NUMBERED: NumberedVenue}


class World:
    """Made empty; `start` begins the first process."""

    def __init__(self, folder: Path, plan: Plan, *, template: Path | None = None) -> None:
        """`template`: an empty ledger, copied instead of making one anew, which takes a third of a second."""
        self.folder, self.plan = folder, plan
        self.eyes = Eyes()
        self.rng = Random(f"{plan.seed}:world")
        self.fired: Counter[str] = Counter()
        """How often each fault has really struck: counted where it takes effect."""
        self.paths: Counter[str] = Counter()
        """How often each way of recovering was taken."""
        self.messages = 0
        self.process = 0
        """Processes begun."""
        self.disk = Disk(self.eyes, self.fired, folder, Random(f"{plan.seed}:disk"))
        self.venue = VENUES[plan.venue](plan.seed, tick_s=plan.tick_s)
        self.venue.eyes, self.venue.fired = self.eyes, self.fired
        self._trace = sha256()
        self._elapsed_ns = self._born_ns = 0
        """Of the processes that have ended, and the pauses between them."""
        self.start_ns = start_of(plan)
        """The true time as the world begins."""
        self._wall_ahead_ns = 0
        """Our clock less the true one."""
        self._other: SqliteLedger | None = None
        """Another process that has the ledger."""
        self._other_until_s = 0.0
        self.kept_out_s = 0.0
        """For so long another process is to have the ledger once ours has been killed."""
        self.kept_out_by = ""
        """The fault."""
        self.undetected: list[str] = []
        """What should have been seen or refused, and was not."""
        if template is not None:
            shutil.copyfile(template, folder / "ledger.db")

    # -- time ---------------------------------------------------------------------------------------------------------

    def elapsed_ns(self) -> int:
        """Since the world began, whoever was alive."""
        return self._elapsed_ns + self.host.monotonic_ns() - self._born_ns

    def elapsed_s(self) -> float:
        return self.elapsed_ns() / NS_PER_S

    def run_for(self, seconds: float) -> None:
        """Go on, over deaths and births."""
        self.run_until(self.elapsed_s() + seconds)

    def run_until(self, elapsed_s: float) -> None:
        end_ns = round(elapsed_s * NS_PER_S)
        while (left_ns := end_ns - self.elapsed_ns()) > 0:
            try:
                self.host.run_until(self.host.monotonic_ns() + min(left_ns, NS_PER_S))
            except PowerCut as cut:
                self.kill(cut.pause_s)
            if self.house.root_downs:
                self.paths["process.ended_by_itself"] += 1
                self.kill(GUARDS_PAUSE_S)

    def true_ns(self) -> int:
        """The time as the venue's clock tells it, and everybody's but ours."""
        return self.host.monotonic_ns()

    def set_wall_by(self, seconds: float) -> None:
        """Our machine's clock jumps; it stays set when the process is another."""
        by_ns = round(seconds * NS_PER_S)
        self._wall_ahead_ns += by_ns
        self.host.virtual_clock.set_wall_by(by_ns)

    # -- life and death -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin a process on what is on disk."""
        self._begin(self.start_ns)

    def cut(self, pause_s: float) -> None:
        """Kill it from within: here and now where it writes, else before it takes another message."""
        cut = PowerCut(pause_s)
        if self.disk.is_writing:
            raise cut
        self.host.cut = cut

    def calm(self) -> None:
        """Whatever was to go wrong and has not gone wrong yet does not."""
        self.host.afflictions.breaks.clear()
        self.host.afflictions.holds.clear()
        self.host.cut = self.disk.refusal = self.disk.tear = None
        self.kept_out_s, self.kept_out_by = 0.0, ""
        self.leave_ledger()
        self.host.thaw()

    def trace(self) -> str:
        return self._trace.hexdigest()

    def kill(self, pause_s: float) -> None:
        """The process is gone; the venue goes on alone for `pause_s`; then another process begins."""
        self.close()
        self.eyes.tell(Watcher.killed)
        now_ns = self._left_alone(self.host.monotonic_ns(), pause_s)
        for events in self.disk.mend_after_a_cut(self.folder):
            self.eyes.tell(Watcher.committed, *events)
        if self.kept_out_s:
            self.take_ledger(self.elapsed_s() + self.kept_out_s)
            self.kept_out_s = 0.0
        self._begin(now_ns)

    def _left_alone(self, now_ns: int, pause_s: float) -> int:
        self._elapsed_ns += now_ns - self._born_ns
        then_ns = left_alone(self.venue, now_ns, pause_s)
        self._elapsed_ns += then_ns - now_ns
        self._born_ns = self.host.monotonic_ns()
        return then_ns

    def _begin(self, now_ns: int) -> None:
        """A start that is refused is tried again by the guard."""
        while not self._is_born(now_ns):
            self.paths["process.not_born"] += 1
            if self.kept_out_by:
                self.fired[self.kept_out_by] += 1
                self.kept_out_by = ""
            self._born_ns = now_ns
            now_ns = self._left_alone(now_ns, GUARDS_PAUSE_S)
            if self.elapsed_s() >= self._other_until_s:
                self.leave_ledger()

    def _is_born(self, now_ns: int) -> bool:
        """False where the ledger is another's, or cannot be opened."""
        self.host = WatchedHost(self.plan.seed + 1_000_003 * (self.process + 1), now_ns, self.eyes)
        self._born_ns = now_ns
        self.eyes.tell(Watcher.born)
        try:
            house = House(
                self.host,
                self.folder,
                self.venue,
                session_id=f"s-{self.process + 1}",
                wrap=self.disk.over,
                limits=TIGHT_LIMITS if self.plan.has_tight_limits else WIDE_LIMITS,
                leave=self._leave,
            )
        except (LedgerInUse, LedgerUnavailable):
            self.eyes.tell(Watcher.killed)
            return False
        self.process += 1
        self.house = house
        self.host.virtual_clock.set_wall_by(self._wall_ahead_ns)
        self._be_seen()
        return True

    def _leave(self, why: str) -> None:
        """The process ends at once, by its own will."""
        self.paths["process.left"] += 1
        self.house.left.append(why)
        raise PowerCut(GUARDS_PAUSE_S)

    # -- another process ----------------------------------------------------------------------------------------------

    def take_ledger(self, until_s: float) -> None:
        """Another process owns the ledger, until then or until `leave_ledger`. Raises LedgerInUse while ours does."""
        self.leave_ledger()
        self._other = SqliteLedger(self.folder / "ledger.db")
        self._other_until_s = until_s

    def leave_ledger(self) -> None:
        other, self._other = self._other, None
        if other is not None:
            other.close()

    def _be_seen(self) -> None:
        """Hang the eyes beside what the house itself hangs on the same hooks."""
        gate, host, memory = self.house.gate, self.host, self.house.memory
        moves, stands, loses = gate.on_change, host.on_liveness, host.on_dead_letter

        def on_change() -> None:
            moves()
            self.eyes.tell(Watcher.gate_moved)

        def on_liveness(name: str, is_up: bool) -> None:
            stands(name, is_up)
            if is_up:
                self.eyes.tell(Watcher.became_ready, name)

        def on_dead_letter(letter: Letter, reason: str) -> None:
            loses(letter, reason)
            self.eyes.tell(Watcher.dead, letter, reason)

        gate.on_change, host.on_liveness, host.on_dead_letter = on_change, on_liveness, on_dead_letter
        memory.on_decision = lambda made: self.eyes.tell(Watcher.decided, made)

    def close(self) -> None:
        """The process at hand is over."""
        self.messages += self.host.steps
        self._trace.update(self.host.trace_hash().encode())
        self.house.file.close()


def start_of(plan: Plan) -> int:
    """When it is, as the world begins: where a day is to roll, or the clocks are to be put forward, that is then."""
    for strike in plan.strikes:
        at_ns = round(strike.at_s * NS_PER_S)
        if strike.fault == "time.day_roll":
            return START_NS + NS_PER_DAY - at_ns
        if strike.fault == "time.dst":
            return DST_NS - at_ns
    return START_NS


def left_alone(venue: ModelVenue, now_ns: int, pause_s: float) -> int:
    """The venue goes on while no process of ours lives; what was sent arrives. Returns the time then."""
    host = SimulatedHost(0, now_ns)
    venue.hear_nobody()
    host.start_child(ADDRESS, lambda: venue, parent=None)
    host.run_until(now_ns + round(pause_s * NS_PER_S))
    return host.now_ns()


def make_template(folder: Path) -> Path:
    """An empty ledger for `World`."""
    path = folder / "template.db"
    SqliteLedger(path).close()
    return path

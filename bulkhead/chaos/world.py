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
from bulkhead.ledger.sqlite import SqliteLedger
from supervisor.runtime.simulated import SimulatedHost

NS_PER_S = 1_000_000_000
GUARDS_PAUSE_S = 5.0
"""Before a process that has ended by itself is started again."""
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
        self.disk = Disk(self.eyes, self.fired)
        self.venue = VENUES[plan.venue](plan.seed, tick_s=plan.tick_s)
        self.venue.eyes, self.venue.fired = self.eyes, self.fired
        self._trace = sha256()
        self._elapsed_ns = 0
        """Of the processes that have ended, and the pauses between them."""
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
            if self.house.root_downs or self.house.left:
                self.paths["process.ended_by_itself"] += 1
                self.kill(GUARDS_PAUSE_S)

    # -- life and death -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin a process on what is on disk."""
        self._begin(START_NS + self._elapsed_ns)

    def cut(self, pause_s: float) -> None:
        """Kill it from within: here and now where it writes, else before it takes another message."""
        cut = PowerCut(pause_s)
        if self.disk.is_writing:
            raise cut
        self.host.cut = cut

    def trace(self) -> str:
        return self._trace.hexdigest()

    def kill(self, pause_s: float) -> None:
        """The process is gone; the venue goes on alone for `pause_s`; then another process begins."""
        self.close()
        self.eyes.tell(Watcher.killed)
        self._elapsed_ns += self.host.monotonic_ns() - self._born_ns
        now_ns = left_alone(self.venue, self.host.now_ns(), pause_s)
        self._elapsed_ns += round(pause_s * NS_PER_S)
        self.disk.mend_after_a_cut(self.folder)
        self._begin(now_ns)

    def _begin(self, now_ns: int) -> None:
        self.process += 1
        self.host = WatchedHost(self.plan.seed + 1_000_003 * self.process, now_ns, self.eyes)
        self._born_ns = now_ns
        self.eyes.tell(Watcher.born)
        self.house = House(
            self.host,
            self.folder,
            self.venue,
            session_id=f"s-{self.process}",
            wrap=self.disk.over,
            limits=TIGHT_LIMITS if self.plan.has_tight_limits else WIDE_LIMITS,
        )
        self._be_seen()

    def _be_seen(self) -> None:
        """Hang the eyes beside what the house itself hangs on the same hooks."""
        gate, host, memory = self.house.gate, self.host, self.house.memory
        moves, stands = gate.on_change, host.on_liveness

        def on_change() -> None:
            moves()
            self.eyes.tell(Watcher.gate_moved)

        def on_liveness(name: str, is_up: bool) -> None:
            stands(name, is_up)
            if is_up:
                self.eyes.tell(Watcher.became_ready, name)

        gate.on_change, host.on_liveness = on_change, on_liveness
        memory.on_decision = lambda made: self.eyes.tell(Watcher.decided, made)

    def close(self) -> None:
        """The process at hand is over."""
        self.messages += self.host.steps
        self._trace.update(self.host.trace_hash().encode())
        self.house.file.close()


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

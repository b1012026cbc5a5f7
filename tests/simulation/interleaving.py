"""What may happen, in whatever order, and what must hold: crashes, power cuts, streams that drop, answers lost or late.

Hypothesis chooses the steps and shrinks what fails. After each step what is on disk must hold by itself; at the end,
once everything is calm, our books must be the venue's. Which venue it is, a machine of its own says.
"""

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors import addresses
from bulkhead.app.house import ROOT
from bulkhead.chaos.model.venue import ModelVenue
from bulkhead.chaos.model.words import CALM, ROUGH, Faults
from messages.escapes import Escape, EscapeTrigger
from messages.supervision import ChildState
from tests.simulation.conftest import NS_PER_S, Run
from tests.simulation.test_crashes import ORDER_PATH, OTHERS

LOSSY = Faults(lost_request=0.3, lost_reply=0.3, late_ack=0.3, duplicate=0.5)
REFUSING = Faults(reject=0.3, not_sent=0.3, late_ack=0.5)
CRASHES, PERIOD_S = 2, 90
"""Fewer than a budget, for that a house gives up after too many is no fault."""


class Interleaving(RuleBasedStateMachine):
    kind: type[ModelVenue]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="interleaving-"))
        self.runs: list[Run] = []
        self.crashed_ns: list[int] = []
        self.escapes = 0

    @property
    def run(self) -> Run:
        return self.runs[-1]

    def begin(self, seed: int, before: Run | None = None) -> None:
        faults = before.house.venue.faults if before else ROUGH
        self.runs.append(Run(self.folder, seed, faults, lambda ledger: ledger, before, kind=self.kind))
        self.crashed_ns.clear()

    @initialize(seed=st.integers(0, 999))
    def start(self, seed: int) -> None:
        self.begin(seed)
        self.run.work(8)

    # -- what may happen ----------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.003, 0.05, 0.5, 3.0, 10.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.run.work(seconds)

    @rule(faults=st.sampled_from([CALM, ROUGH, LOSSY, REFUSING]))
    def the_venue_changes_its_mood(self, faults: Faults) -> None:
        self.run.house.venue.faults = faults

    @precondition(lambda self: self.run.house.venue.is_stream_up)
    @rule()
    def the_stream_drops(self) -> None:
        self.run.house.venue.drop_stream()

    @precondition(lambda self: not self.run.house.venue.is_stream_up and self.run.house.venue.order_sink is not None)
    @rule()
    def the_stream_comes_back(self) -> None:
        self.run.house.venue.raise_stream()

    def may_crash(self) -> bool:
        """Not before the tree is up: that a first start fails as a whole is how it is meant."""
        if self.run.house.states().get(ROOT) is not ChildState.READY:
            return False
        now_ns = self.run.host.now_ns()
        return sum(now_ns - at_ns < PERIOD_S * NS_PER_S for at_ns in self.crashed_ns) < CRASHES

    @precondition(may_crash)
    @rule(name=st.sampled_from([*ORDER_PATH, *OTHERS]))
    def somebody_dies(self, name: str) -> None:
        self.crashed_ns.append(self.run.host.now_ns())
        self.run.house.poison(name)

    @precondition(lambda self: self.run.house.states().get(ROOT) is ChildState.READY)
    @rule(strategy_id=st.sampled_from([None, "heads", "tails"]), is_closing=st.booleans())
    def somebody_wants_out(self, strategy_id: str | None, is_closing: bool) -> None:
        self.escapes += 1
        out = Escape(
            escape_id=f"e{self.escapes}",
            trigger=EscapeTrigger.OPERATOR,
            reason="a test",
            strategy_id=strategy_id,
            is_closing=is_closing,
        )
        self.run.host.tell(addresses.OMS, out, sender="test")

    @precondition(lambda self: len(self.runs) < 4)
    @rule(seed=st.integers(0, 999))
    def the_power_is_cut(self, seed: int) -> None:
        before = self.run
        before.house.file.close()
        self.begin(seed, before)

    # -- what must hold -----------------------------------------------------------------------------------------------

    def rows(self, query: str) -> list[tuple[str, ...]]:
        return [tuple(row) for row in self.run.house.file.connection.exec_driver_sql(query)]

    @invariant()
    def each_order_adds_up(self) -> None:
        for key, *numbers, is_open, status in self.rows(
            "select client_order_id, quantity, filled, leaves, is_open, status from orders"
        ):
            quantity, filled, leaves = map(Decimal, numbers)
            assert filled + leaves <= quantity, f"{key}: more filled and live than was ordered"
            assert not is_open or filled + leaves == quantity, f"{key}: open, and something is missing"
            assert status != "FILLED" or filled == quantity, key

    @invariant()
    def no_child_has_more_at_work_than_it_was_to_fill(self) -> None:
        """Filled, live and unknown over all attempts: what is unknown is open, and its rest is in `leaves`."""
        children: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for intent_id, child, *rest in self.rows(
            "select intent_id, child, quantity, filled, leaves from orders order by attempt"
        ):
            children.setdefault((intent_id, child), []).append(tuple(rest))
        for key, attempts in children.items():
            asked = Decimal(attempts[0][0])
            at_work = sum(Decimal(filled) + Decimal(leaves) for _, filled, leaves in attempts)
            assert at_work <= asked, f"child {key}: {at_work} at work of {asked}"

    @invariant()
    def no_intent_has_more_at_work_than_it_asked_for(self) -> None:
        query = (
            "select i.intent_id, i.quantity, o.filled, o.leaves from order_intents i join orders o using (intent_id)"
        )
        asked: dict[str, Decimal] = {}
        at_work: dict[str, Decimal] = {}
        for intent_id, quantity, filled, leaves in self.rows(query):
            asked[intent_id] = Decimal(quantity)
            at_work[intent_id] = at_work.get(intent_id, Decimal(0)) + Decimal(filled) + Decimal(leaves)
        assert not [key for key, total in at_work.items() if total > asked[key]]

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        assert not self.run.house.venue.repeated_ids, "an id was handed in again though it had been accepted"

    def teardown(self) -> None:
        try:
            if self.runs:
                self.end_well()
        finally:
            for run in self.runs[-1:]:
                run.house.file.close()
            shutil.rmtree(self.folder)

    def be_told(self) -> None:
        """What only somebody outside can say."""

    def compare(self) -> None:
        assert self.run.house.differences() == ()

    def end_well(self) -> None:
        house = self.run.house
        house.venue.faults = CALM
        if not house.venue.is_stream_up and house.venue.order_sink is not None:
            house.venue.raise_stream()
        self.run.work(5)
        self.be_told()
        self.run.until(lambda: house.gate.is_recovered)
        self.run.settle()
        self.compare()
        assert not house.root_downs
        assert house.epoch(addresses.OMS) >= 1

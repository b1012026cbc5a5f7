"""Houses in virtual time, each in a folder of its own, closed when the test has ended."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulkhead.chaos.house import SESSION, START_NS, House
from bulkhead.chaos.model.busting import BustingVenue
from bulkhead.chaos.model.venue import ModelVenue
from bulkhead.chaos.model.words import CALM, Faults
from bulkhead.chaos.world import left_alone
from bulkhead.ledger.port import LedgerPort
from supervisor.runtime import simulated
from supervisor.runtime.simulated import SimulatedHost

Wrap = Callable[[LedgerPort], LedgerPort]
NS_PER_S = 1_000_000_000


class Run:
    """A house on the simulated host, and its clock."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        faults: Faults,
        wrap: Wrap,
        before: "Run | None" = None,
        owners: tuple[str, ...] = (),
        kind: type[ModelVenue] = BustingVenue,
    ) -> None:
        self.folder: Path = before.folder if before else folder
        self.folder.mkdir(exist_ok=True)
        start_ns = left_alone(before.house.venue, before.host.now_ns(), 5.0) if before else START_NS
        self.host: SimulatedHost = SimulatedHost(seed, start_ns)
        self.number: int = before.number + 1 if before else 1
        session_id = f"{SESSION}-{self.number}" if before else SESSION
        venue: ModelVenue = before.house.venue if before else kind(seed, faults)
        venue.faults = faults
        self.house: House = House(self.host, self.folder, venue, session_id=session_id, wrap=wrap, owners=owners)

    def work(self, seconds: float) -> None:
        self.host.run_until(self.host.monotonic_ns() + int(seconds * NS_PER_S))

    def until(self, what: Callable[[], bool], patience_s: float = 120.0, step_s: float = 0.05) -> None:
        end_ns = self.host.monotonic_ns() + int(patience_s * NS_PER_S)
        while not what():
            reasons = "; ".join(f"{r.reason_id}: {r.cause}" for r in self.house.gate.reasons())
            assert self.host.monotonic_ns() < end_ns, f"it never came true ({reasons or 'the gate is open'})"
            self.work(step_s)

    def open_gate(self) -> None:
        self.until(lambda: self.house.gate.is_open)

    def rearm(self) -> None:
        """As an operator does: what only he may lift is lifted."""
        for reason in self.house.gate.reasons():
            if reason.needs_operator:
                self.house.gate.lift(reason.reason_id, by=None)

    def settle(self) -> None:
        """No more entries, everything answered, the books compared."""
        self.house.stop_trading()
        self.work(60)
        self.until(lambda: self.house.gate.is_recovered and self.house.oms.figures().working == 0)
        self.work(1)


StartRun = Callable[..., Run]


@pytest.fixture(autouse=True)
def _loops_end_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here needs more messages at one instant than this; a loop must not cost minutes."""
    monkeypatch.setattr(simulated, "RUNAWAY_STEPS", 20_000)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartRun]:
    runs: list[Run] = []

    def begin(
        seed: int = 1,
        faults: Faults = CALM,
        wrap: Wrap = lambda ledger: ledger,
        before: Run | None = None,
        owners: tuple[str, ...] = (),
    ) -> Run:
        """`before`: the run whose process has ended; its ledger and its venue are met again. `owners`: see House."""
        run = Run(tmp_path / f"run{len(runs)}", seed, faults, wrap, before, owners)
        runs.append(run)
        return run

    yield begin
    for run in runs:
        run.house.file.close()

"""The gate: the strictest reason wins, exits pass where entries do not, and only a comparison ends a doubt."""

from pathlib import Path

import pytest

from messages.failure import StopReason
from messages.values import IntentType, StopLevel
from supervisor.gate import LEDGER_REASON, RECOVERY_REASON, Gate
from supervisor.latch import StopLatch
from tests.execution.orders import order


class NoLatch:
    """Keeps nothing, or fails as a full disk does."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.written: list[str] = []

    def write(self, reason: StopReason) -> None:
        if self.fails:
            raise OSError("no space left on device")
        self.written.append(reason.reason_id)

    def remove(self, reason_id: str) -> None:
        self.written.remove(reason_id)


def reason(reason_id: str, level: StopLevel, scope: str = "all", *, needs_operator: bool = False) -> StopReason:
    return StopReason(
        reason_id=reason_id, level=level, scope=scope, cause="a test", since_ns=1, needs_operator=needs_operator
    )


def gate(*reasons: StopReason, epoch: int = 1, latch: NoLatch | None = None) -> Gate:
    return Gate(reasons, lambda name: epoch, latch or NoLatch())


ENTRY = order().ticket
EXIT = order(intent_type=IntentType.EXIT_FULL).ticket


@pytest.mark.parametrize(
    ("level", "entry_leaves", "exit_leaves"),
    [
        (StopLevel.RUN, True, True),
        (StopLevel.REDUCED, True, True),
        (StopLevel.SOFT, False, True),
        (StopLevel.MEDIUM, False, True),
        (StopLevel.HARD, False, False),
    ],
)
@pytest.mark.req("S-09")
def test_what_leaves_at_each_level(level: StopLevel, entry_leaves: bool, exit_leaves: bool) -> None:
    one = gate(reason("r", level))
    assert (one.refusal(ENTRY, "oms", 1) is None) is entry_leaves
    assert (one.refusal(EXIT, "oms", 1) is None) is exit_leaves
    assert one.is_open is entry_leaves


def test_the_strictest_wins_and_lifting_it_leaves_the_others() -> None:
    one = gate(reason("a", StopLevel.SOFT), reason("b", StopLevel.HARD))
    assert one.level() is StopLevel.HARD
    assert one.lift("b")
    assert not one.lift("b")
    assert one.level() is StopLevel.SOFT
    assert not one.is_open


@pytest.mark.parametrize(
    ("scope", "refused"),
    [("all", True), ("venue:sim", True), ("symbol:BTCUSDT", True), ("venue:other", False), ("symbol:ETHUSDT", False)],
)
def test_a_reason_reaches_as_far_as_its_scope(scope: str, refused: bool) -> None:
    one = gate(reason("r", StopLevel.SOFT, scope))
    said = one.refusal(ENTRY, "oms", 1)
    assert (said is not None) is refused
    assert said is None or said.startswith("GATE_SHUT")


@pytest.mark.parametrize(("epoch", "leaves"), [(2, False), (3, True), (4, True)])
def test_an_ended_incarnation_is_fenced_even_through_an_open_gate(epoch: int, leaves: bool) -> None:
    said = gate(epoch=3).refusal(EXIT, "oms", epoch)
    assert (said is None) is leaves
    assert leaves or (said or "").startswith("FENCED")


@pytest.mark.lesson("L13")
def test_only_a_comparison_begun_after_the_last_doubt_opens_it() -> None:
    one = gate()
    one.require_recovery("a crash", 1)
    began = one.doubts
    one.require_recovery("another, while the comparison ran", 2)
    assert not one.recovered(began)
    assert one.level() is StopLevel.SOFT
    assert one.recovered(one.doubts)
    assert one.level() is StopLevel.RUN
    assert one.is_recovered


def test_a_recovery_removes_only_its_own_reason() -> None:
    one = gate(reason("risk:max_daily_loss", StopLevel.MEDIUM))
    one.require_recovery("start", 1)
    one.ledger_failed("disk full", 1)
    assert one.recovered(one.doubts)
    assert {r.reason_id for r in one.reasons()} == {"risk:max_daily_loss", LEDGER_REASON}
    one.ledger_works()
    assert {r.reason_id for r in one.reasons()} == {"risk:max_daily_loss"}
    assert not one.is_in_force(RECOVERY_REASON)


def test_shutting_again_says_nothing_new_unless_it_is_stricter_or_wider() -> None:
    one = gate()
    assert one.shut(reason("r", StopLevel.MEDIUM, "symbol:BTCUSDT"))
    assert not one.shut(reason("r", StopLevel.SOFT, "symbol:BTCUSDT"))
    assert one.level(frozenset({"symbol:BTCUSDT"})) is StopLevel.MEDIUM
    assert one.shut(reason("r", StopLevel.HARD, "symbol:BTCUSDT"))
    assert one.shut(reason("r", StopLevel.HARD, "all"))


@pytest.mark.lesson("L22")
def test_it_shuts_even_where_the_latch_cannot_be_written() -> None:
    one = gate(latch=NoLatch(fails=True))
    assert one.shut(reason("risk:x", StopLevel.HARD, needs_operator=True))
    assert one.refusal(EXIT, "oms", 1)
    assert one.unlatched == 1


def test_only_what_an_operator_must_lift_is_latched() -> None:
    latch = NoLatch()
    one = gate(latch=latch)
    one.shut(reason("down:oms", StopLevel.SOFT))
    one.shut(reason("risk:x", StopLevel.SOFT, needs_operator=True))
    assert latch.written == ["risk:x"]


@pytest.mark.lesson("L36")
def test_a_latched_stop_outlives_the_process(tmp_path: Path) -> None:
    first = Gate((), lambda name: 1, StopLatch(tmp_path))
    first.shut(reason("risk:x", StopLevel.MEDIUM, needs_operator=True))
    latch = StopLatch(tmp_path)
    second = Gate(latch.load(now_ns=9), lambda name: 1, latch)
    assert second.level() is StopLevel.MEDIUM


def test_each_change_is_told_and_counted_and_no_other() -> None:
    watched = gate()
    told: list[int] = []
    watched.on_change = lambda: told.append(watched.changes)
    assert watched.shut(reason("a", StopLevel.SOFT))
    assert not watched.shut(reason("a", StopLevel.SOFT))
    watched.require_recovery("a doubt", 1)
    assert watched.lift("a")
    assert not watched.lift("a")
    assert watched.recovered(watched.doubts)
    assert told == [1, 2, 3, 4]

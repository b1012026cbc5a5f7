"""The failure handler and the stop plans: told at once, told again after every doubt, and never before their time."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.failure_handler import FailureHandlerActor
from messages.base import Body
from messages.escapes import Escape, EscapeTrigger
from messages.failure import CancelEntries, FailureMode, FailureReported, StopReason
from messages.stops import Reduction, SetReductions, StopPlansRecorded
from messages.values import StopLevel, StopPlan
from supervisor.gate import told_of
from supervisor.stop_plans import BOOKS, OPERATOR, PlanPolicy
from tests.actors.kit import Story, open_gate
from tests.execution.orders import T0

SHARE = Decimal("0.25")


class Handler(Story):
    def __init__(self, *latched: StopReason, is_automatic: bool = False, epoch: int = 1) -> None:
        self.gate, self._asked_before = open_gate(), 0
        for reason in latched:
            self.gate.shut(reason, by=None)
        policy = PlanPolicy(is_automatic, SHARE)
        actor = FailureHandlerActor(self.gate, leave=pytest.fail, venue="sim", policy=policy)
        super().__init__(actor, addresses.FAILURE_HANDLER, epoch)
        self.start()

    def moved(self) -> "Handler":
        """Hears that the gate has changed, as from the house."""
        self.hear(told_of(self.gate))
        return self

    def asked(self) -> list[Body]:
        """What the OMS was told since last time."""
        found = [body for to, body in self.ctx.told if to == addresses.OMS]
        new, self._asked_before = found[self._asked_before :], len(found)
        return new

    def plans(self) -> list[tuple[str, StopPlan, str | None]]:
        (*_, last) = self.ctx.records(StopPlansRecorded)
        return [(state.scope, state.plan, state.waits_for) for state in last.plans]


def stop(level: StopLevel, scope: str = "all", name: str = "risk:x", *, technical: bool = False) -> StopReason:
    return StopReason(
        reason_id=name,
        level=level,
        scope=scope,
        cause="a test",
        since_ns=T0,
        needs_operator=True,
        is_technical=technical,
    )


@pytest.mark.lesson("L22")
@pytest.mark.req("P-09", "S-09")
def test_a_hard_trip_gets_out_of_everything_and_a_soft_one_cancels_entries() -> None:
    handler = Handler()
    handler.asked()
    handler.gate.shut(stop(StopLevel.SOFT, "symbol:BTCUSDT", "risk:a"), by=None)
    (cancel,) = handler.moved().asked()
    assert isinstance(cancel, CancelEntries)
    assert (cancel.symbol, cancel.strategy_id, cancel.everything) == ("BTCUSDT", None, False)
    handler.gate.shut(stop(StopLevel.HARD), by=None)
    (out,) = handler.moved().asked()
    assert isinstance(out, Escape)
    assert (out.trigger, out.is_closing, out.strategy_id, out.symbol) == (EscapeTrigger.RISK_GUARD, True, None, None)


@pytest.mark.req("S-09")
def test_medium_cancels_entries_and_reduces_until_it_is_lifted() -> None:
    handler = Handler()
    handler.asked()
    handler.gate.shut(stop(StopLevel.MEDIUM, "strategy:trend"), by=None)
    cancel, reduce = handler.moved().asked()
    assert isinstance(cancel, CancelEntries)
    wanted = Reduction(reduction_id="strategy:trend", reason="risk:x", strategy_id="trend")
    assert reduce == SetReductions(reductions=(wanted,), share_per_min=SHARE)
    assert handler.moved().asked() == [], "told once"
    handler.gate.lift("risk:x", by=None)
    assert handler.moved().asked() == [SetReductions(reductions=(), share_per_min=SHARE)]


def test_a_second_reason_for_the_same_plan_runs_it_again_and_one_that_goes_does_not() -> None:
    handler = Handler()
    handler.gate.shut(stop(StopLevel.SOFT), by=None)
    handler.moved().asked()
    handler.gate.shut(stop(StopLevel.SOFT, name="risk:y"), by=None)
    assert len(handler.moved().asked()) == 1
    handler.gate.lift("risk:y", by=None)
    assert handler.moved().asked() == []
    handler.gate.lift("risk:x", by=None)
    handler.moved()
    handler.gate.shut(stop(StopLevel.SOFT), by=None)
    assert len(handler.moved().asked()) == 1, "the same limit, tripped anew"


@pytest.mark.lesson("L22")
@pytest.mark.req("S-09")
@pytest.mark.parametrize("level", [StopLevel.SOFT, StopLevel.MEDIUM, StopLevel.HARD])
def test_after_every_doubt_each_plan_is_told_anew(level: StopLevel) -> None:
    """Whoever was told may have died over it."""
    handler = Handler()
    handler.gate.shut(stop(level), by=None)
    first = handler.moved().asked()
    handler.gate.require_recovery("the order manager has started", T0, by=None)
    assert handler.moved().asked() == []
    handler.gate.recovered(handler.gate.doubts, by=None)
    assert handler.moved().asked() == [
        body for body in first if body != SetReductions(reductions=(), share_per_min=SHARE)
    ]


@pytest.mark.req("S-09")
@pytest.mark.parametrize("epoch", [1, 2])
def test_what_is_latched_runs_after_a_restart_of_the_process_and_of_the_actor(epoch: int) -> None:
    handler = Handler(stop(StopLevel.HARD), epoch=epoch)
    assert [body for body in handler.asked() if isinstance(body, Escape)]


@pytest.mark.req("S-09")
def test_a_technical_failure_cancels_entries_waits_for_the_books_and_then_for_an_operator() -> None:
    handler = Handler()
    handler.gate.require_recovery("a reconnect", T0, by=None)
    handler.asked()
    report = FailureReported(mode=FailureMode.EXCHANGE_DISCONNECT, detail="no feed")
    handler.hear(report)
    assert [type(body) for body in handler.asked() if not isinstance(body, SetReductions)] == [CancelEntries]
    assert handler.plans() == [("all", StopPlan.CANCEL_ENTRIES, None), ("all", StopPlan.REDUCE, BOOKS)]
    handler.gate.recovered(handler.gate.doubts, by=None)
    handler.moved()
    assert handler.plans()[-1] == ("all", StopPlan.REDUCE, OPERATOR)
    assert not [body for body in handler.asked() if isinstance(body, SetReductions) and body.reductions]
    assert handler.gate.confirm("exchange_disconnect:all", "confirmed by kim", by=None)
    assert [body for body in handler.moved().asked() if isinstance(body, SetReductions) and body.reductions]
    assert handler.plans() == [("all", StopPlan.REDUCE, None)]
    handler.hear(report)
    assert handler.plans() == [("all", StopPlan.REDUCE, None)], "the same report again makes nothing pending"


def test_automatic_plans_wait_for_the_books_alone() -> None:
    handler = Handler(is_automatic=True)
    handler.gate.require_recovery("a reconnect", T0, by=None)
    handler.asked()
    handler.gate.shut(stop(StopLevel.HARD, name="broker_disconnect:all", technical=True), by=None)
    assert not [body for body in handler.moved().asked() if isinstance(body, Escape)]
    handler.gate.recovered(handler.gate.doubts, by=None)
    (out,) = [body for body in handler.moved().asked() if isinstance(body, Escape)]
    assert out.trigger is EscapeTrigger.FAILURE


def test_doubts_of_the_house_ask_for_nothing() -> None:
    handler = Handler()
    handler.asked()
    handler.gate.require_recovery("a crash", T0, by=None)
    handler.gate.ledger_failed("disk full", T0, by=None)
    assert handler.moved().asked() == []

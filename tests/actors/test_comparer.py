"""Portfolio beside the venue's balances: what differs shuts what it is about, and an operator settles it exactly."""

from decimal import Decimal
from typing import Any

import pytest

from actors import addresses
from actors.bookkeeper import PortfolioSeat
from actors.comparer import LOOK_AGAIN_S, MAX_SETTLE_ROUNDS
from actors.portfolio import PortfolioActor
from messages.adjustments import AdjustmentKind, AdjustmentRecorded
from messages.costs import TradingCosts
from messages.failure import FailureMode, FailureReported, StopReason
from messages.operator import ActAnswered, PositionAdjusted, SettleDrift
from messages.orders import Balance, FillBooked, Reconcile, VenueExecution
from messages.portfolio import Marks, PortfolioSnapshot, PositionChanged, ReconcilePortfolio
from messages.records import AccountObserved, PositionRecorded, RecoveryLoaded
from messages.strangers import KnownStrangers, Settlement, Stranger, StrangerKind, Verdict
from messages.supervision import Outcome
from messages.values import IntentType, Side, StopLevel
from tests.actors.kit import Story, released
from tests.execution.orders import T0, fill, venue_execution
from tests.risk.portfolios import position

D = Decimal
ASSETS = {"BTCUSDT": ("BTC", "USDT"), "ETHUSDT": ("ETH", "USDT")}
SEAT = PortfolioSeat("sim", "paper", "USDT", ASSETS, dict.fromkeys(ASSETS, D("0.001")), 10.0, tuple(ASSETS))
DESK = "operator-desk"
BY_HAND = venue_execution(
    "1", 7, symbol="ETHUSDT", price=D(3000), venue_order_id="v-hand", fee=D("0.001"), fee_asset="ETH"
)
"""One ETH bought by hand."""


def balance(asset: str, total: str) -> Balance:
    return Balance(asset=asset, free=D(total), locked=D(0))


def settle(asset: str, strategy_id: str | None = None, number: int = 1, symbol: str | None = None) -> SettleDrift:
    return SettleDrift(
        request_id=f"r{number}",
        operator="mina",
        reason="by hand",
        reply_to=DESK,
        asset=asset,
        strategy_id=strategy_id,
        symbol=symbol,
    )


class Books(Story):
    """A Portfolio that has read its ledger: 10,000 USDT and one BTC of trend's, bought at 100."""

    def __init__(
        self, known: KnownStrangers | None = None, opening: bool = True, costs: TradingCosts | None = None
    ) -> None:
        self.in_force: tuple[StopReason, ...] = ()
        super().__init__(PortfolioActor(SEAT._replace(costs=costs), lambda: self.in_force), addresses.PORTFOLIO)
        self.start()
        loaded = RecoveryLoaded(
            open_intents=(),
            orders=(),
            positions=(position("1"),) if opening else (),
            last_portfolio=None,
            opening_balances=(balance("BTC", "0"), balance("USDT", "10100")) if opening else None,
            balance_changes={"BTCUSDT:base": D(1), "BTCUSDT:quote": D(-100)} if opening else {},
            fill_ids=(),
            known=known or KnownStrangers(),
            watermark_ns=0,
            has_history=True,
        )
        self.hear(loaded, Marks(venue="sim", prices={"BTCUSDT": D(100), "ETHUSDT": D(3100)}, at_ns=T0))
        self.ctx.forget()

    def compared(self, *strangers: VenueExecution, times: int = 1, clean: bool = True, **totals: str) -> None:
        stated = {"USDT": "10000", "BTC": "1", **totals}
        balances = tuple(balance(asset, total) for asset, total in stated.items())
        decided = {"ETHUSDT": self.decided_ns} if self.decided_ns else {}
        for _ in range(times):
            told = ReconcilePortfolio(
                balances=balances, as_of_ns=self.ctx.now, strangers=strangers, is_clean=clean, decided_ns=decided
            )
            self.hear(told)

    decided_ns = 0

    def scopes(self) -> list[str]:
        """For which drift was reported."""
        return [each.scope for each in self.ctx.tells(FailureReported, addresses.FAILURE_HANDLER) if not each.recovered]

    def lifted(self) -> list[tuple[str, bool]]:
        found = self.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
        return [(each.scope, each.by_operator) for each in found if each.recovered]

    def answers(self) -> list[ActAnswered]:
        """At once, or once what was booked is on disk."""
        later = [body for append in self.ctx.appends() for to, body in released(append, ActAnswered) if to == DESK]
        return [*self.ctx.tells(ActAnswered, DESK), *later]

    def shut(self, scope: str) -> None:
        reason_id = f"{FailureMode.POSITION_DRIFT.value}:{scope}"
        self.in_force = (
            StopReason(reason_id=reason_id, level=StopLevel.SOFT, scope=scope, cause="drift", since_ns=self.ctx.now),
        )
        self.ctx.now += 1


def booked(number: int = 1) -> FillBooked:
    return FillBooked(fill=fill(Side.BUY, "1", "100", number), intent_type=IntentType.ENTRY, order_quantity=D(1))


@pytest.mark.req("X-08")
@pytest.mark.lesson("L08")
def test_a_trade_by_hand_shuts_its_symbol_and_no_other() -> None:
    books = Books()
    books.compared(BY_HAND, times=3, ETH="0.999", USDT="7000")
    assert books.scopes() == ["symbol:ETHUSDT"]
    (report,) = books.ctx.tells(FailureReported)
    assert report.detail.startswith("POSITION_SYNC_FAIL")
    assert "ETH: books 0, venue 0.999, USDT: books 10000, venue 7000" in report.detail


def test_money_that_nothing_explains_shuts_everything() -> None:
    books = Books()
    books.compared(BY_HAND, times=2, ETH="0.999", USDT="6999")
    assert sorted(books.scopes()) == ["all", "symbol:ETHUSDT"]


def test_until_a_difference_is_called_it_is_looked_at_again_soon() -> None:
    books = Books()
    books.compared(ETH="1")
    books.later(LOOK_AGAIN_S, "look-again")
    (look,) = books.ctx.tells(Reconcile, addresses.OMS)
    assert look.is_look, "nobody doubts the orders"
    books.compared(ETH="1")
    assert "look-again" not in books.ctx.timers


def test_adopting_books_position_and_balance_to_the_last_digit_without_profit() -> None:
    books = Books()
    books.compared(BY_HAND, times=2, ETH="0.999", USDT="7000")
    before = books.ctx.publishes(PortfolioSnapshot)[-1]
    books.hear(settle("ETH", "trend"))
    assert books.ctx.tells(Reconcile, addresses.OMS)[-1].is_look
    books.compared(BY_HAND, ETH="0.999", USDT="7000")
    (adjustment,) = books.ctx.records(AdjustmentRecorded)
    assert (adjustment.kind, adjustment.amount, adjustment.price) == (AdjustmentKind.ADOPTED, D("0.999"), D(3100))
    assert adjustment.adjustment_id == "operator:r1"
    (changed,) = [record.position for record in books.ctx.records(PositionRecorded)]
    assert (changed.symbol, changed.quantity, changed.average_price) == ("ETHUSDT", D("0.999"), D(3100))
    (append,) = [each for each in books.ctx.appends() if adjustment in each.records]
    assert [to for to, _ in released(append, PositionChanged)] == [addresses.strategy("trend")]
    ((to, moved),) = released(append, PositionAdjusted)
    assert (to, moved.change) == (addresses.OMS, D("0.999"))
    (answer,) = books.answers()
    assert (answer.request_id, answer.outcome, answer.facts["amount"]) == ("r1", Outcome.DONE, "0.999")
    after = books.ctx.publishes(PortfolioSnapshot)[-1]
    assert after.equity - before.equity == D("0.999") * 3100
    assert (after.day_pnl, after.drawdown) == (before.day_pnl, before.drawdown), "nobody has earned it"
    assert list(books.ctx.records(AccountObserved)[-1].differences) == ["USDT"]


def test_ignoring_changes_the_balance_alone_and_what_is_settled_explains_nothing_more() -> None:
    books = Books()
    books.compared(BY_HAND, times=2, ETH="0.999", USDT="7000")
    books.hear(settle("ETH"), settle("USDT", number=2))
    books.compared(BY_HAND, ETH="0.999", USDT="7000")
    assert [(r.kind, r.asset, r.amount, r.price) for r in books.ctx.records(AdjustmentRecorded)] == [
        (AdjustmentKind.OTHER, "ETH", D("0.999"), None),
        (AdjustmentKind.OTHER, "USDT", D(-3000), None),
    ]
    assert not books.ctx.records(PositionRecorded)
    assert books.ctx.records(AccountObserved)[-1].differences == {}
    snapshot = books.ctx.publishes(PortfolioSnapshot)[-1]
    assert (snapshot.cash, snapshot.day_pnl, snapshot.drawdown) == (D(7000), D(0), D(0))
    books.compared(BY_HAND, times=2, ETH="0.999", USDT="4000")
    assert books.scopes()[-1] == "all", "another 3000 are gone, and that trade does not explain them"


def test_it_is_booked_when_it_holds_still_and_not_before() -> None:
    books = Books()
    books.compared(ETH="1")
    books.hear(settle("ETH"))
    books.compared(ETH="2")
    assert not books.ctx.records(AdjustmentRecorded)
    assert "look-again" in books.ctx.timers
    books.compared(ETH="2")
    assert [record.amount for record in books.ctx.records(AdjustmentRecorded)] == [D(2)]


def test_what_never_holds_still_is_given_up_with_its_numbers() -> None:
    books = Books()
    books.hear(settle("ETH"))
    for number in range(MAX_SETTLE_ROUNDS):
        books.compared(ETH=f"{number + 1}")
    (answer,) = books.answers()
    assert answer.outcome is Outcome.FAILED
    assert f"venue {MAX_SETTLE_ROUNDS} in the last of {MAX_SETTLE_ROUNDS} comparisons" in answer.detail
    assert not books.ctx.records(AdjustmentRecorded)


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (settle("USDT", "trend"), "no traded symbol's base"),
        (settle("ETH", "trend", symbol="BTCUSDT"), "not the base of BTCUSDT, but of ETHUSDT"),
    ],
)
def test_what_cannot_be_a_position_is_refused(act: SettleDrift, why: str) -> None:
    books = Books()
    books.hear(act)
    (answer,) = books.answers()
    assert (answer.outcome, why in answer.detail) == (Outcome.FAILED, True)


def test_what_has_no_price_is_not_adopted() -> None:
    story = Story(PortfolioActor(SEAT), addresses.PORTFOLIO)
    story.start()
    story.hear(settle("ETH", "trend"))
    assert "being read" in story.ctx.tells(ActAnswered)[-1].detail


# -- when entries are open again --------------------------------------------------------------------------------------


def test_entries_open_when_an_operator_has_settled_the_last_of_it() -> None:
    books = Books()
    books.compared(BY_HAND, times=2, ETH="0.999", USDT="7000")
    books.shut("symbol:ETHUSDT")
    books.hear(settle("ETH"))
    books.compared(BY_HAND, ETH="0.999", USDT="7000")
    assert books.lifted() == [], "the money still differs"
    books.hear(settle("USDT", number=2))
    books.compared(BY_HAND, ETH="0.999", USDT="7000")
    assert books.lifted() == [("symbol:ETHUSDT", True)]


def test_what_goes_away_by_itself_stays_shut_until_an_operator_says_so() -> None:
    books = Books()
    books.compared(times=2, ETH="1")
    books.shut("symbol:ETHUSDT")
    books.compared(times=3)
    assert books.lifted() == []
    books.hear(settle("ETH"))
    books.compared()
    assert books.lifted() == [("symbol:ETHUSDT", True)]
    assert "nothing differs in ETH" in books.answers()[-1].detail
    assert not books.ctx.records(AdjustmentRecorded)


def test_after_a_resume_what_is_another_difference_is_called_again_and_the_same_is_not() -> None:
    books = Books()
    books.compared(times=2, ETH="1")
    books.shut("symbol:ETHUSDT")
    books.compared(times=3, ETH="2")
    assert books.scopes() == ["symbol:ETHUSDT"], "it is shut"
    books.compared(times=3, ETH="1")
    books.in_force = ()
    books.compared(times=3, ETH="1")
    assert books.scopes() == ["symbol:ETHUSDT"], "the operator has seen that one"
    books.compared(times=2, ETH="3")
    assert books.scopes() == ["symbol:ETHUSDT"] * 2
    books.compared(times=2)
    books.compared(times=2, ETH="3")
    assert books.scopes() == ["symbol:ETHUSDT"] * 3, "it had gone meanwhile"


def test_an_order_that_was_adopted_settles_its_symbol_once_its_fills_are_booked() -> None:
    books = Books()
    books.compared(BY_HAND, times=2, ETH="0.999", USDT="7000")
    books.shut("symbol:ETHUSDT")
    books.decided_ns = books.ctx.now
    adopted = fill(Side.BUY, "1", "3000", 7, fill_id="sim:ETHUSDT:7", symbol="ETHUSDT", fee=D("0.001"), fee_asset="ETH")
    books.hear(FillBooked(fill=adopted, intent_type=IntentType.ENTRY, order_quantity=D(1)))
    books.compared(ETH="0.999", USDT="7000")
    assert books.lifted() == [("symbol:ETHUSDT", True)]


def test_everything_opens_only_when_no_order_is_in_doubt_either() -> None:
    books = Books()
    books.compared(times=2, USDT="9000")
    books.shut("all")
    books.hear(settle("USDT"))
    books.compared(USDT="9000", clean=False)
    assert books.lifted() == []
    books.compared(USDT="9000")
    assert books.lifted() == [("all", True)]


# -- restarts ---------------------------------------------------------------------------------------------------------


def known(seq: int, *settlements: Settlement, opening_seq: int = 5) -> KnownStrangers:
    seen = Stranger(
        kind=StrangerKind.FILL, symbol="ETHUSDT", number="7", verdict=Verdict.SEEN, execution=BY_HAND, seq=seq
    )
    return KnownStrangers(strangers=(seen,), settlements=settlements, opening_seq=opening_seq)


def test_a_restart_still_knows_what_a_trade_by_hand_explains() -> None:
    books = Books(known(9))
    books.compared(times=2, ETH="0.999", USDT="7000")
    assert books.scopes() == ["symbol:ETHUSDT"]


@pytest.mark.parametrize(
    "told",
    [known(9, Settlement(asset="USDT", seq=10, at_ns=T0)), known(3)],
    ids=["settled since", "before the books were opened"],
)
def test_what_is_settled_already_explains_nothing_after_a_restart(told: KnownStrangers) -> None:
    books = Books(told)
    books.compared(times=2, USDT="7000")
    assert books.scopes() == ["all"]


def test_a_restart_between_settling_and_opening_forgets_nothing() -> None:
    at_ns = T0 + 10
    books = Books(known(9, Settlement(asset="ETH", seq=10, at_ns=at_ns), Settlement(asset="USDT", seq=11, at_ns=at_ns)))
    books.shut("symbol:ETHUSDT")
    books.compared()
    assert books.lifted() == [("symbol:ETHUSDT", True)]


def test_what_was_done_by_hand_before_the_books_are_opened_is_in_them() -> None:
    books = Books(opening=False)
    books.compared(BY_HAND, ETH="0.999")
    books.compared(BY_HAND, times=2, ETH="0.999")
    assert books.scopes() == []


def test_a_fill_of_ours_is_no_stranger_any_more() -> None:
    books = Books()
    books.hear(booked(8))
    books.compared(times=2, BTC="2", USDT="9900")
    assert books.scopes() == []


# -- where costs are estimates ----------------------------------------------------------------------------------------

ESTIMATED = TradingCosts(asset="USDT", commission_rate=D("0.001"), sell_tax_rate=D(0), unit=D(1), off_by=D(2))


class Estimating(Books):
    def __init__(self) -> None:
        super().__init__(costs=ESTIMATED)
        self.compared(times=2)
        self.ctx.forget()

    def adjusted(self) -> list[tuple[str, Decimal]]:
        return [(record.kind.value, record.amount) for record in self.ctx.records(AdjustmentRecorded)]


def test_what_is_less_than_the_venue_can_state_is_no_difference() -> None:
    books = Estimating()
    books.compared(times=3, USDT="10000.4")
    assert books.scopes() == []
    assert books.adjusted() == []


@pytest.mark.parametrize(("stated", "expected"), [("9897", [("FEE", D(-3))]), ("9904", [("FEE", D(4))])])
def test_within_what_estimates_may_be_off_the_venue_is_right(stated: str, expected: list[tuple[str, Decimal]]) -> None:
    """Two buys of one at 100, less the fee that was estimated."""
    books = Estimating()
    books.hear(booked(2))
    books.compared(times=2, USDT="9900", BTC="2")
    books.hear(booked(3), booked(4))
    books.compared(times=3, USDT=str(D(stated) - 200), BTC="4")
    assert books.adjusted() == expected
    assert books.scopes() == []
    assert not books.ctx.records(AccountObserved)[-1].differences


def test_beyond_it_is_drift() -> None:
    books = Estimating()
    books.hear(booked(2))
    books.compared(times=3, USDT="9897", BTC="2")
    assert books.scopes() == ["all"]
    assert books.adjusted() == []


def test_what_was_traded_by_hand_in_all_the_time_hides_no_loss_after_a_restart() -> None:
    """All of it was settled long ago."""
    (first,) = known(9).strangers
    assert first.execution is not None
    strangers = tuple(
        first.model_copy(
            update={"number": str(each), "execution": first.execution.model_copy(update={"execution_id": str(each)})}
        )
        for each in range(100)
    )
    settled = tuple(Settlement(asset=asset, seq=10, at_ns=T0) for asset in ("ETH", "USDT"))
    books = Books(KnownStrangers(strangers=strangers, settlements=settled, opening_seq=5), costs=ESTIMATED)
    books.compared(times=3, USDT="9850")
    assert books.scopes() == ["all"]
    assert not books.ctx.records(AdjustmentRecorded)


def test_somebodys_trade_by_hand_is_no_estimate_of_ours() -> None:
    books = Estimating()
    books.compared(BY_HAND, times=3, ETH="0.999", USDT="7000")
    assert books.scopes() == ["symbol:ETHUSDT"]
    assert books.adjusted() == []


def test_a_trade_by_hand_in_a_symbol_of_no_rules_is_about_that_symbol_and_its_money() -> None:
    """Whoever sells securities holds them under their own names."""
    books = Estimating()
    other = BY_HAND.model_copy(update={"symbol": "069500", "quantity": D(2), "price": D(50), "fee": D(0)})
    held: dict[str, Any] = {"069500": "2"}
    books.compared(other, times=3, USDT="9900", **held)
    assert books.scopes() == ["symbol:069500"]
    books.shut("symbol:069500")
    books.hear(settle("069500"), settle("USDT", number=2))
    books.compared(times=3, USDT="9900", **held)
    assert set(books.lifted()) == {("symbol:069500", True)}

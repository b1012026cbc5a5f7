"""The account at one moment: marked where there are marks, at cost and said so where there are none."""

from decimal import Decimal

import pytest

from bulkhead.execution.accounting import FillContext, Holding, apply_fill, flat
from bulkhead.execution.valuation import Account, Baseline, ImpossibleNumber, balances_after, value
from messages.orders import Balance
from messages.portfolio import PortfolioSnapshot
from messages.values import Side
from tests.execution.orders import T0, D, fill

CONTEXT = FillContext("BTC", "USDT", D("0.001"))
ACCOUNT = Account("sim", "paper", "USDT")
FRESH = Baseline(None, None)
CASH = (Balance(asset="USDT", free=D(900), locked=D(50)), Balance(asset="BTC", free=D(1), locked=D(0)))


def long_one(price: str = "100") -> Holding:
    bought = fill(Side.BUY, "1", price)
    return apply_fill(flat(bought), bought, CONTEXT).holding


def valued(mark: str | None = "110", baseline: Baseline = FRESH) -> PortfolioSnapshot:
    marks = {} if mark is None else {"BTCUSDT": D(mark)}
    return value(ACCOUNT, [long_one()], CASH, marks, baseline, T0)


@pytest.mark.req("P-07")
def test_equity_is_cash_and_positions_at_their_marks() -> None:
    snapshot = valued()
    assert (snapshot.cash, snapshot.equity, snapshot.unrealised_pnl) == (D(950), D(1060), D(10))
    assert (snapshot.peak_equity, snapshot.drawdown, snapshot.day_pnl) == (D(1060), D(0), D(0))
    assert snapshot.unmarked == ()


def test_without_a_mark_a_position_is_worth_its_cost() -> None:
    snapshot = valued(None)
    assert (snapshot.equity, snapshot.unrealised_pnl, snapshot.unmarked) == (D(1050), D(0), ("BTCUSDT",))


@pytest.mark.parametrize(("mark", "peak", "drawdown"), [("110", "1200", "140"), ("300", "1250", "0")])
def test_drawdown_is_below_the_highest_equity_and_never_negative(mark: str, peak: str, drawdown: str) -> None:
    snapshot = valued(mark, Baseline(D(1200), D(1000)))
    assert (snapshot.peak_equity, snapshot.drawdown) == (D(peak), D(drawdown))
    assert snapshot.day_pnl == snapshot.equity - 1000


@pytest.mark.lesson("L24")
@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity"])
def test_lesson_l24_an_impossible_number_never_becomes_the_peak(bad: str) -> None:
    with pytest.raises(ImpossibleNumber):
        value(ACCOUNT, [long_one()], CASH, {"BTCUSDT": Decimal(bad)}, Baseline(D(1000), D(1000)), T0)
    with pytest.raises(ImpossibleNumber):
        value(ACCOUNT, [long_one()], CASH, {}, Baseline(Decimal(bad), D(1000)), T0)


def test_balances_follow_the_fills() -> None:
    after = balances_after(CASH, {"USDT": D(-100), "BNB": D(2)})
    assert after == (
        Balance(asset="BNB", free=D(2), locked=D(0)),
        Balance(asset="BTC", free=D(1), locked=D(0)),
        Balance(asset="USDT", free=D(800), locked=D(50)),
    )


def test_spending_reaches_into_what_was_locked() -> None:
    (*_, cash) = balances_after(CASH, {"USDT": D(-920)})
    assert cash == Balance(asset="USDT", free=D(0), locked=D(30))


def test_what_was_not_there_cannot_have_been_spent() -> None:
    with pytest.raises(ImpossibleNumber, match="USDT"):
        balances_after(CASH, {"USDT": D(-951)})

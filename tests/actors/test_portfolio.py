"""Portfolio: each fill once, also across a restart; opening balances; a difference counts when it is seen twice."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.bookkeeper import PortfolioSeat
from actors.portfolio import PortfolioActor
from messages.failure import FailureMode, FailureReported
from messages.orders import Balance, FillBooked, Reconcile
from messages.portfolio import (
    PORTFOLIO_TOLD_EVERY_S,
    EquityTold,
    Marks,
    PortfolioSnapshot,
    Position,
    PositionChanged,
    PositionsTold,
    RebasePeak,
    ReconcilePortfolio,
    TellState,
    TradeClosed,
)
from messages.records import (
    AccountObserved,
    AppendFailed,
    LoadRecovery,
    OpeningBalancesRecorded,
    PortfolioRecorded,
    PositionRecorded,
    RecoveryLoaded,
)
from messages.values import IntentType, Side
from tests.actors.kit import NS_PER_S, Story, released
from tests.execution.orders import T0, fill
from tests.risk.portfolios import position

SEAT = PortfolioSeat("sim", "paper", "USDT", {"BTCUSDT": ("BTC", "USDT")}, {"BTCUSDT": Decimal("0.001")}, 10.0)
OWNER = addresses.strategy("trend")


def booked(number: int, quantity: str = "1", side: Side = Side.BUY, price: str = "100") -> FillBooked:
    return FillBooked(
        fill=fill(side, quantity, price, number),
        intent_type=IntentType.ENTRY,
        order_quantity=Decimal(quantity),
        decision_price=Decimal(100),
    )


def loaded(
    *positions: Position,
    unapplied: tuple[FillBooked, ...] = (),
    usdt: str | None = "1000",
    changes: dict[str, Decimal] | None = None,
    last: PortfolioSnapshot | None = None,
) -> RecoveryLoaded:
    return RecoveryLoaded(
        open_intents=(),
        orders=(),
        positions=positions,
        unapplied_fills=unapplied,
        last_portfolio=last,
        opening_balances=None if usdt is None else (balance("USDT", usdt),),
        balance_changes=changes or {},
        fill_ids=(),
        watermark_ns=0,
        has_history=True,
    )


def balance(asset: str, total: str) -> Balance:
    return Balance(asset=asset, free=Decimal(total), locked=Decimal(0))


def stated(*balances: Balance) -> ReconcilePortfolio:
    return ReconcilePortfolio(balances=balances, as_of_ns=T0)


@pytest.fixture
def story() -> Story:
    made = Story(PortfolioActor(SEAT), addresses.PORTFOLIO)
    made.start()
    return made


def quantities(story: Story) -> list[Decimal]:
    return [record.position.quantity for record in story.ctx.records(PositionRecorded)]


def test_it_is_ready_once_the_ledger_was_read(story: Story) -> None:
    assert story.ctx.tells(LoadRecovery, addresses.LEDGER)
    assert not story.ctx.is_ready
    story.hear(loaded())
    assert story.ctx.is_ready


@pytest.mark.req("P-07")
def test_a_fill_changes_the_position_and_its_owner_hears_once_it_is_on_disk(story: Story) -> None:
    story.hear(loaded(), booked(1, "2"), booked(2, "1", Side.SELL, "110"))
    assert quantities(story) == [Decimal(2), Decimal(1)]
    assert not story.ctx.tells(PositionChanged)
    told = [released(append, PositionChanged)[0] for append in story.ctx.appends()]
    assert [(name, body.position.quantity) for name, body in told] == [(OWNER, Decimal(2)), (OWNER, Decimal(1))]
    snapshot = story.ctx.publishes(PortfolioSnapshot, addresses.PORTFOLIO_CHANGES)[-1]
    assert snapshot.cash == Decimal(1000) - 200 + 110


def test_the_way_back_to_flat_is_a_trade(story: Story) -> None:
    story.hear(loaded(), booked(1), booked(2, side=Side.SELL, price="90"))
    (closed,) = story.ctx.tells(TradeClosed, addresses.RISK_GUARD)
    assert closed.trade.pnl == Decimal(-10)


@pytest.mark.lesson("L07")
@pytest.mark.lesson("L10")
def test_fills_that_a_crash_left_are_applied_once_and_their_letters_ignored(story: Story) -> None:
    change = {"BTCUSDT:base": Decimal(3), "BTCUSDT:quote": Decimal(-300)}
    story.hear(loaded(position("2"), unapplied=(booked(3),), changes=change), booked(3))
    assert quantities(story) == [Decimal(3)]
    assert story.ctx.publishes(PortfolioSnapshot)[-1].cash == Decimal(700)


@pytest.mark.lesson("L08")
def test_a_fill_that_waited_across_the_restart_is_not_put_into_an_empty_book(story: Story) -> None:
    """It comes before the ledger's answer, which has it: applied at once it would be written down as the whole."""
    story.hear(booked(3, side=Side.SELL))
    assert quantities(story) == []
    assert not story.ctx.tells(TradeClosed)
    story.hear(loaded(position("2"), unapplied=(booked(3, side=Side.SELL),)))
    assert quantities(story) == [Decimal(1)]


def test_a_comparison_that_waited_across_the_restart_opens_no_books(story: Story) -> None:
    story.hear(stated(balance("USDT", "5000")))
    assert not story.ctx.records(OpeningBalancesRecorded)
    story.hear(loaded(usdt="1000"), stated(balance("USDT", "1000")))
    assert not story.ctx.records(OpeningBalancesRecorded)


def test_nobody_is_told_of_positions_that_were_not_read_yet(story: Story) -> None:
    story.hear(TellState(strategy_id="trend"), sender=OWNER)
    assert not story.ctx.tells(PositionsTold)
    story.hear(loaded(position("2")))
    (told,) = story.ctx.tells(PositionsTold, OWNER)
    assert [p.quantity for p in told.positions] == [Decimal(2)]


def test_the_first_meeting_opens_the_books_less_what_our_own_fills_brought(story: Story) -> None:
    story.hear(loaded(usdt=None, changes={"BTCUSDT:base": Decimal(1), "BTCUSDT:quote": Decimal(-100)}))
    assert not story.ctx.publishes(PortfolioSnapshot)
    story.hear(stated(balance("USDT", "900"), balance("BTC", "3")))
    (opening,) = story.ctx.records(OpeningBalancesRecorded)
    assert {b.asset: b.total for b in opening.balances} == {"USDT": Decimal(1000), "BTC": Decimal(2)}
    assert not story.ctx.tells(FailureReported)


@pytest.mark.req("X-08")
@pytest.mark.lesson("L08")
def test_a_difference_counts_as_drift_when_it_is_seen_twice(story: Story) -> None:
    story.hear(loaded(), stated(balance("USDT", "999")))
    assert not story.ctx.tells(FailureReported)
    story.hear(stated(balance("USDT", "999")), stated(balance("USDT", "999")))
    (report,) = story.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
    assert report.mode is FailureMode.POSITION_DRIFT
    assert "books 1000, venue 999" in report.detail
    assert "`bulkhead ignore` settles it" in report.detail


def test_a_fill_or_an_agreement_between_two_rounds_begins_the_count_anew(story: Story) -> None:
    wrong, right = stated(balance("USDT", "999")), stated(balance("USDT", "1000"))
    story.hear(loaded(), wrong, right, wrong)
    assert not story.ctx.tells(FailureReported)
    story.hear(booked(1), wrong)
    assert not story.ctx.tells(FailureReported)
    assert len(story.ctx.records(AccountObserved)) == 4


@pytest.mark.lesson("L10")
def test_a_refused_record_makes_it_read_the_ledger_again_and_not_die(story: Story) -> None:
    """A disk that is full for minutes must not use up the restart budget of the order path."""
    story.hear(loaded(position("2")), AppendFailed(reason="disk full"))
    assert story.ctx.tells(Reconcile, addresses.OMS), "the gate is shut until the books were compared"
    story.ctx.forget()
    story.hear(Marks(venue="sim", prices={"BTCUSDT": Decimal(120)}, at_ns=T0))
    story.later(10, "snapshot")
    assert not story.ctx.appends()
    story.later(5, "reload")
    assert len(story.ctx.tells(LoadRecovery)) == 1
    story.hear(loaded(position("2"), unapplied=(booked(7),)))
    assert quantities(story) == [Decimal(3)]


def test_snapshots_go_to_the_ledger_only_when_the_worth_has_changed(story: Story) -> None:
    story.hear(loaded(), booked(1))
    story.ctx.forget()
    story.later(10, "snapshot")
    assert not story.ctx.appends()
    story.hear(Marks(venue="sim", prices={"BTCUSDT": Decimal(120)}, at_ns=T0))
    story.later(10, "snapshot")
    story.later(10, "snapshot")
    assert len(story.ctx.appends()) == 1


# -- over restarts ----------------------------------------------------------------------------------------------------


def snapshots(story: Story) -> list[PortfolioSnapshot]:
    return story.ctx.publishes(PortfolioSnapshot, addresses.PORTFOLIO_CHANGES)


def figures(snapshot: PortfolioSnapshot) -> list[Decimal | None]:
    return [snapshot.day_pnl, snapshot.week_pnl, snapshot.drawdown]


@pytest.mark.req("S-07", "P-08")
def test_what_was_lost_before_a_restart_is_lost_after_it(story: Story) -> None:
    """Killed with a loss on what it holds, it begins with that loss and not with what it paid."""
    first = Story(PortfolioActor(SEAT), addresses.PORTFOLIO)
    first.start()
    bought = {"BTCUSDT:base": Decimal(5), "BTCUSDT:quote": Decimal(-500)}
    first.hear(loaded(), booked(1, "5"), Marks(venue="sim", prices={"BTCUSDT": Decimal(60)}, at_ns=T0))
    before = snapshots(first)[-1]
    assert figures(before) == [-200, -200, 200]
    story.hear(loaded(position("5"), changes=bought, last=before))
    story.later(10, "tell")
    after = snapshots(story)[-1]
    assert figures(after) == [-200, -200, 200]
    assert not after.unmarked


def test_a_day_that_begins_while_nothing_runs_begins_with_the_last_equity(story: Story) -> None:
    last = snapshot_of("900", day_pnl="-100", week_pnl="-100")
    story.later(86_400)
    story.hear(loaded(usdt="850", last=last))
    story.later(10, "tell")
    told = snapshots(story)[-1]
    assert figures(told)[:2] == [-50, -150]


def snapshot_of(equity: str, **changes: str) -> PortfolioSnapshot:
    made = Story(PortfolioActor(SEAT), addresses.PORTFOLIO)
    made.start()
    made.hear(loaded(usdt=equity))
    made.later(0, "tell")
    return snapshots(made)[-1].model_copy(update={name: Decimal(value) for name, value in changes.items()})


def test_it_is_told_in_a_quiet_market_too_with_what_is_sized_by(story: Story) -> None:
    story.hear(loaded())
    for _ in range(3):
        story.later(PORTFOLIO_TOLD_EVERY_S, "tell")
    assert [told.at_ns for told in snapshots(story)] == [T0 + n * 10 * NS_PER_S for n in (1, 2, 3)]
    assert [told.equity for told in story.ctx.publishes(EquityTold, addresses.EQUITY)] == [1000] * 3


def test_an_armed_drawdown_begins_with_the_equity_of_now_and_that_is_on_record(story: Story) -> None:
    story.hear(loaded(usdt="900", last=snapshot_of("900", peak_equity="1000", drawdown="100")))
    story.later(10, "tell")
    assert snapshots(story)[-1].drawdown == 100
    story.hear(RebasePeak(reason="an operator says so"))
    assert snapshots(story)[-1].drawdown == 0
    assert story.ctx.records(PortfolioRecorded)[-1].snapshot.peak_equity == 900


def test_a_drawdown_armed_again_before_the_books_are_read_is_not_forgotten(story: Story) -> None:
    """The risk guard reads its history first, and asks at once."""
    story.hear(RebasePeak(reason="an operator lifted it while nothing ran"))
    assert not snapshots(story)
    story.hear(loaded(usdt="900", last=snapshot_of("900", peak_equity="1000", drawdown="100")))
    story.later(10, "tell")
    assert snapshots(story)[-1].drawdown == 0
    assert story.ctx.records(PortfolioRecorded)[-1].snapshot.peak_equity == 900

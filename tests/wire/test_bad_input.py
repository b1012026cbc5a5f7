"""Bad input at a live house: refused with code and numbers, on record, and nothing leaves.

What the types refuse is put past them here (`model_copy` checks nothing), because another process or a bug may do that.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from actors import addresses
from bulkhead.app.exit_codes import ExitCode
from messages.codes import ErrorCode
from messages.trading import Decision, OrderIntent
from messages.values import IntentType, OrderType, Origin, Side
from tests.app.kit import real
from tests.wire.kit import Town

pytestmark = pytest.mark.process
SYMBOL = "BTCUSDT"
D = Decimal


def intent(here: Town, number: int, **changes: Any) -> OrderIntent:
    """A good one to rest at the best bid, but for the changes."""
    now_ns = here.host.now_ns()
    intent_id = f"bad-{number}-{now_ns}"
    good = OrderIntent(
        intent_id=intent_id,
        action_key=intent_id,
        correlation_id=intent_id,
        origin=Origin.INBOX,
        strategy_id="puppet",
        venue="sim",
        account="paper",
        group_id=intent_id,
        symbol=SYMBOL,
        side=Side.BUY,
        intent_type=IntentType.ENTRY,
        quantity=D("0.002"),
        order_type=OrderType.LMT,
        limit_price=here.bid(SYMBOL),
        reason="as the test says",
        market=here.market(SYMBOL),
        decision_time_ns=now_ns,
        expires_at_ns=now_ns + 10**10,
    )
    return good.model_copy(update=changes)


def hand_in(here: Town, wish: OrderIntent) -> None:
    here.host.tell(addresses.RISK_GUARD, wish, sender="test")


EXIT: dict[str, Any] = {"side": Side.SELL, "intent_type": IntentType.EXIT_PARTIAL}
BAD: list[tuple[ErrorCode, dict[str, Any]]] = [
    (ErrorCode.NUMBER_IMPOSSIBLE, {"quantity": D("NaN")}),
    (ErrorCode.NUMBER_IMPOSSIBLE, {"quantity": D("Infinity")}),
    (ErrorCode.NUMBER_IMPOSSIBLE, {"quantity": D(0)}),
    (ErrorCode.NUMBER_IMPOSSIBLE, {"quantity": D("-0.002")}),
    (ErrorCode.NUMBER_IMPOSSIBLE, {"limit_price": D("NaN")}),
    (ErrorCode.NUMBER_IMPOSSIBLE, {"limit_price": D(0)}),
    (ErrorCode.NUMBER_IMPOSSIBLE, {"limit_price": D(-60_000)}),
    (ErrorCode.NUMBER_IMPOSSIBLE, {"quantity": D("NaN"), **EXIT}),
    (ErrorCode.NUMBER_IMPOSSIBLE, {"quantity": D("-0.002"), **EXIT}),
    (ErrorCode.PRICE_OFF_TICK, {"limit_price": D("59990.001")}),
    (ErrorCode.QUANTITY_OFF_LOT, {"quantity": D("0.0020001")}),
    (ErrorCode.NOTIONAL_TOO_SMALL, {"quantity": D("0.00001")}),
    (ErrorCode.RISK_ORDER_NOTIONAL, {"quantity": D(1_000)}),
    (ErrorCode.PRICE_OUTSIDE_COLLAR, {"limit_price": D(30_000)}),
    (ErrorCode.INSTRUMENT_UNKNOWN, {"symbol": "NOSUCHUSDT"}),
    (ErrorCode.INTENT_EXPIRED, {"expires_at_ns": 1}),
    (ErrorCode.MARKET_MISSING, {"market": None, "limit_price": None, "order_type": OrderType.MKT}),
    (ErrorCode.NOTHING_TO_EXIT, {"quantity": D(500), **EXIT}),
    (ErrorCode.NOTHING_TO_EXIT, {"strategy_id": "stranger", **EXIT, "intent_type": IntentType.EXIT_FULL}),
]


@pytest.mark.code(
    "NUMBER_IMPOSSIBLE", "PRICE_OFF_TICK", "QUANTITY_OFF_LOT", "NOTIONAL_TOO_SMALL", "RISK_ORDER_NOTIONAL"
)
@pytest.mark.code("PRICE_OUTSIDE_COLLAR", "INSTRUMENT_UNKNOWN", "INTENT_EXPIRED", "MARKET_MISSING")
@pytest.mark.code("NOTHING_TO_EXIT")
@pytest.mark.req("P-04", "P-18", "S-07")
@pytest.mark.parametrize(("number", "code", "changes"), [(at, *row) for at, row in enumerate(BAD)])
def test_it_is_refused_with_code_and_numbers_and_nothing_leaves(
    here: Town, number: int, code: ErrorCode, changes: dict[str, Any]
) -> None:
    sent = here.venue.books()["last_order_id"]
    told = here.refused(lambda: hand_in(here, intent(here, number, **changes)))
    # No feed tells of a symbol that nobody lists: which of the two is met first depends on whether one has spoken yet.
    codes = {code, ErrorCode.RISK_DATA_UNSOUND} if code is ErrorCode.INSTRUMENT_UNKNOWN else {code}
    assert told["code"] in codes, told
    compared = told.get("limit") or " against " in told["detail"]
    assert compared, f"no numbers: {told}"
    here.settle()
    assert here.venue.books()["last_order_id"] == sent
    assert here.gate.is_open, "one bad intent stops nobody else"


@pytest.mark.code("INTENT_DUPLICATE")
@pytest.mark.req("P-05")
def test_a_repeated_action_key_is_refused_and_makes_no_second_order(here: Town) -> None:
    first = intent(here, 100)
    hand_in(here, first)
    here.until(lambda: any(row.intent_id == first.intent_id for row in here.rows()), "the order is on disk")
    again = first.model_copy(update={"intent_id": f"{first.intent_id}-again"})
    told = here.refused(lambda: hand_in(here, again))
    assert told["code"] == ErrorCode.INTENT_DUPLICATE
    assert first.action_key in told["value"]
    here.settle()
    assert sum(row.intent_id in (first.intent_id, again.intent_id) for row in here.rows()) == 1


@pytest.mark.parametrize("quantity", [D(0), D(-1), D("NaN"), D("Infinity")])
def test_the_types_refuse_it_first(quantity: Decimal) -> None:
    with pytest.raises(ValidationError, match="quantity"):
        Decision.enter(SYMBOL, Side.BUY, "a slip", quantity=quantity, limit_price=D(1))


def test_a_second_process_is_kept_off_the_ledger(here: Town, tmp_path: Path) -> None:
    """It says who has it, and asks the venue for no order."""
    sent = here.venue.books()["last_order_id"]
    done = real("run", "--config", here.config(tmp_path), "--for", "1", cwd=tmp_path)
    assert done.code == ExitCode.FENCED
    assert "in use" in done.sentence or "another process" in done.sentence
    assert here.venue.books()["last_order_id"] == sent
    here.until_status(here.bought(SYMBOL), "SUBMITTED")

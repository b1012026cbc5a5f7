"""Single steps of an intent that is worked on, where the random ones do not tell enough."""

import pytest

from bulkhead.execution.micro_pipeline import PipelineSettings
from bulkhead.execution.working import Situation, WorkSettings, work
from messages.orders import OrderRow
from messages.values import OrderStatus as S
from tests.execution.orders import T0, D, Rules, intent, order

REPLACED = "adjust: attempt 1 at 100.00"


@pytest.mark.parametrize("is_read_back", [False, True])
def test_what_waits_is_told_whichever_attempt_was_heard_of_last(is_read_back: bool) -> None:
    """A ledger hands ended orders back by their last news: a late fill puts the first attempt behind the second. Below
    zero, what waits could be told to nobody, after each restart anew."""
    first = order(S.CANCELLED, "7", key="b" + "a" * 32, quantity="10", limit="99.95", reason=REPLACED)
    second = order(S.CANCELLED, "0", key="b" + "c" * 32, quantity="4", limit="100", attempt=1, reason=REPLACED)
    rows = (second, first) if is_read_back else (first, second)
    assert _waits(rows) == D(3)


def _waits(rows: tuple[OrderRow, ...]) -> D:
    given = Situation(
        session_id="s1",
        instrument=Rules(),
        market=None,
        gate_refusal=None,
        orders=(),
        confirmed_position=D(7),
        precheck=PipelineSettings(),
        settings=WorkSettings(),
        now_ns=T0 + 1,
    )
    wish = intent(quantity=D(10), limit_price=D("99.95"))
    steps = work(wish, rows, {}, None, given, lambda stage: None)
    assert not steps.is_over
    return steps.waits

"""An operator's decisions on the desk: recorded, then asked of whom they concern, and answered whoever sits there."""

from pathlib import Path

import pytest

from actors import addresses
from bulkhead.app.audit_trail import AuditTrail
from bulkhead.app.desk import DeskActor
from bulkhead.app.desk_requests import FOLDER, Action, Answer, Request
from bulkhead.app.house import DESK
from messages.base import Body
from messages.escapes import Escape, EscapeTrigger
from messages.failure import StopReason
from messages.operator import ActAnswered, AdoptOrder, EscapeAnswered, IgnoreStranger, ReconcileAnswered, SettleDrift
from messages.orders import Reconcile, Reconciled
from messages.records import Append, AppendFailed, OperatorActed
from messages.strangers import StrangerKind
from messages.supervision import Outcome, TimerFired
from messages.values import StopLevel
from supervisor.gate import Gate
from supervisor.latch import StopLatch
from supervisor.runtime.simulated import SimulatedHost
from tests.actors.kit import Story

REQUEST_ID = "5-1"


class Desk(Story):
    """A desk in a folder, with a gate whose latch is on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.latch = StopLatch(folder / "stop")
        self.gate = Gate((), lambda name: 1, self.latch)
        self.audit = AuditTrail(folder, folder / "ledger.db")
        host = SimulatedHost(seed=1, start_ns=0)
        super().__init__(
            DeskActor(folder, self.audit, host, self.gate, ("trend",), frozenset({"BTCUSDT"}), frozenset({"gone"})),
            DESK,
        )
        self.start()

    def asked(self, action: Action, **more: object) -> None:
        request = Request.model_validate(
            {"action": action, "operator": "mina", "reason": "enough", "at_ns": self.ctx.now, **more}
        )
        (self.folder / FOLDER / f"{REQUEST_ID}.request.json").write_text(request.model_dump_json())
        self.hear(TimerFired(key="look"))

    def on_disk(self) -> tuple[str, Body]:
        """What the ledger posts once the act is on record."""
        (append,) = self.ctx.tells(Append, addresses.LEDGER)
        (letter,) = append.release
        return letter.to, letter.envelope.body

    def answer(self) -> Answer:
        return Answer.model_validate_json((self.folder / FOLDER / f"{REQUEST_ID}.answer.json").read_bytes())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


WHO = {"request_id": REQUEST_ID, "operator": "mina", "reason": "enough", "reply_to": DESK}


@pytest.mark.req("S-17")
@pytest.mark.parametrize(
    ("action", "more", "words", "to", "body"),
    [
        (
            Action.RECONCILE,
            {},
            "reconcile",
            addresses.OMS,
            Reconcile(reason="mina: enough", is_look=True, request_id=REQUEST_ID, reply_to=DESK),
        ),
        (
            Action.ADOPT_ORDER,
            {"subject": "77", "strategy_id": "trend"},
            "adopt order 77 --strategy trend",
            addresses.OMS,
            AdoptOrder(order_id="77", strategy_id="trend", **WHO),
        ),
        (
            Action.IGNORE_ORDER,
            {"subject": "77"},
            "ignore order 77",
            addresses.OMS,
            IgnoreStranger(kind=StrangerKind.ORDER, number="77", **WHO),
        ),
        (
            Action.IGNORE_FILL,
            {"subject": "9"},
            "ignore fill 9",
            addresses.OMS,
            IgnoreStranger(kind=StrangerKind.FILL, number="9", **WHO),
        ),
        (
            Action.ADOPT_DRIFT,
            {"subject": "BTC", "strategy_id": "trend", "symbol": "BTCUSDT"},
            "adopt drift BTC --strategy trend --symbol BTCUSDT",
            addresses.PORTFOLIO,
            SettleDrift(asset="BTC", strategy_id="trend", symbol="BTCUSDT", **WHO),
        ),
        (
            Action.IGNORE_DRIFT,
            {"subject": "BTC"},
            "ignore drift BTC",
            addresses.PORTFOLIO,
            SettleDrift(asset="BTC", **WHO),
        ),
    ],
)
def test_each_act_is_on_record_before_it_is_asked_of_anybody(
    desk: Desk, action: Action, more: dict[str, object], words: str, to: str, body: Body
) -> None:
    desk.asked(action, **more)
    (append,) = desk.ctx.tells(Append)
    (acted,) = append.records
    assert isinstance(acted, OperatorActed)
    assert (acted.operator, acted.action, acted.reason) == ("mina", words, "enough")
    assert desk.on_disk() == (to, body)
    assert {name for name, _ in desk.ctx.told} == {addresses.LEDGER}


@pytest.mark.parametrize(
    ("more", "scope"),
    [
        ({}, "all"),
        ({"strategy_id": "trend"}, "strategy:trend"),
        ({"symbol": "BTCUSDT"}, "symbol:BTCUSDT"),
        ({"strategy_id": "trend", "symbol": "BTCUSDT"}, "symbol:BTCUSDT"),
    ],
)
def test_a_flattening_shuts_the_gate_for_good_before_anything_is_closed(
    desk: Desk, more: dict[str, str], scope: str
) -> None:
    desk.asked(Action.FLATTEN, **more)
    assert desk.gate.reasons() == (), "not before it is on record"
    to, escape = desk.on_disk()
    assert to == DESK
    desk.hear(escape, sender=DESK)
    (reason,) = desk.latch.load(0)
    assert (reason.scope, reason.level, reason.needs_operator) == (scope, StopLevel.SOFT, True)
    assert desk.gate.reasons() == (reason,)
    (sent,) = desk.ctx.tells(Escape, addresses.OMS)
    assert (sent.trigger, sent.is_closing, sent.reply_to) == (EscapeTrigger.OPERATOR, True, DESK)
    assert (sent.strategy_id, sent.symbol) == (more.get("strategy_id"), more.get("symbol"))


def test_answers_are_handed_on_also_by_a_desk_that_has_not_asked(tmp_path: Path) -> None:
    Desk(tmp_path).asked(Action.FLATTEN)
    again = Desk(tmp_path)
    told = EscapeAnswered(
        escape_id=f"operator/{REQUEST_ID}",
        rounds=2,
        cancelled=("a",),
        closes=(),
        left_over=(),
        unknown=(),
        seconds=1.5,
    )
    again.hear(told)
    assert again.answer().outcome is Outcome.DONE
    assert again.answer().facts["cancelled"] == ["a"]


def test_what_is_refused_or_found_is_told_in_words_and_figures(desk: Desk) -> None:
    desk.hear(ActAnswered(request_id=REQUEST_ID, outcome=Outcome.NOT_FOUND, detail="none such", facts={"a": "1"}))
    assert desk.answer() == Answer(outcome=Outcome.NOT_FOUND, detail="none such", facts={"a": "1"})
    found = Reconciled(
        venue="sim",
        is_clean=True,
        doubts=0,
        fills_booked=1,
        orders_resolved=2,
        foreign_orders=3,
        drifts=(),
        skipped=4,
        took_s=0.5,
    )
    desk.hear(ReconcileAnswered(request_id=REQUEST_ID, result=found))
    assert desk.answer().facts == found.model_dump(mode="json")


@pytest.mark.parametrize(
    ("action", "more", "outcome", "detail"),
    [
        (Action.ADOPT_DRIFT, {"subject": "BTC"}, Outcome.BAD_SPEC, "needs a strategy"),
        (Action.FLATTEN, {"strategy_id": "trnd"}, Outcome.NOT_FOUND, "no strategy is called 'trnd'; there are trend"),
        (Action.FLATTEN, {"symbol": "BTCUSD"}, Outcome.NOT_FOUND, "the venue lists no BTCUSD"),
    ],
)
def test_what_cannot_be_is_refused_unrecorded(
    desk: Desk, action: Action, more: dict[str, object], outcome: Outcome, detail: str
) -> None:
    desk.asked(action, **more)
    assert (desk.answer().outcome, detail in desk.answer().detail) == (outcome, True)
    assert not desk.ctx.tells(Append)


def test_what_cannot_be_recorded_is_not_done_and_what_is_recorded_is_not_taken_back(desk: Desk) -> None:
    desk.asked(Action.FLATTEN)
    _, escape = desk.on_disk()
    desk.hear(AppendFailed(reason="disk full"))
    assert "disk full" in desk.answer().detail
    desk.ctx.forget()
    (desk.folder / FOLDER / f"{REQUEST_ID}.answer.json").unlink()
    desk.asked(Action.FLATTEN)
    desk.hear(escape, AppendFailed(reason="the ledger was restarted"))
    assert not (desk.folder / FOLDER / f"{REQUEST_ID}.answer.json").exists()


def test_what_a_strategy_of_an_earlier_run_holds_is_flattened_and_nothing_more_becomes_its_own(desk: Desk) -> None:
    desk.asked(Action.ADOPT_DRIFT, subject="BTC", strategy_id="gone")
    assert desk.answer().outcome is Outcome.NOT_FOUND
    assert desk.answer().detail == "no strategy is called 'gone'; there are trend"
    desk.asked(Action.FLATTEN, strategy_id="gone")
    _, command = desk.on_disk()
    assert isinstance(command, Escape)
    assert command.strategy_id == "gone"


def test_a_flattening_of_nobody_is_refused_with_the_names_there_are(desk: Desk) -> None:
    desk.asked(Action.FLATTEN, strategy_id="nobody")
    assert desk.answer().detail == "no strategy is called 'nobody'; there are trend, gone"


def latched(desk: Desk, name: str, *, technical: bool = False, level: StopLevel = StopLevel.MEDIUM) -> None:
    reason = StopReason(
        reason_id=name, level=level, cause="a test", since_ns=1, needs_operator=True, is_technical=technical
    )
    desk.gate.shut(reason, by=None)


def carried_out(desk: Desk) -> Answer:
    to, body = desk.on_disk()
    assert to == DESK
    desk.hear(body)
    return desk.answer()


@pytest.mark.lesson("L22")
@pytest.mark.parametrize("subject", ["", "kill:SOFT:all"])
def test_a_resume_that_comes_late_lifts_nothing_that_came_after_it_was_asked_for(desk: Desk, subject: str) -> None:
    """The ledger hung, the operator gave up waiting, and stopped everything."""
    latched(desk, "kill:SOFT:all")
    latched(desk, "risk:x")
    desk.asked(Action.RESUME, subject=subject)
    desk.ctx.now += 20 * 10**9
    kill = next(each for each in desk.gate.reasons() if each.reason_id == "kill:SOFT:all")
    desk.gate.shut(kill.model_copy(update={"since_ns": desk.ctx.now - 1}), by=None, is_latched=True)
    answer = carried_out(desk)
    assert desk.gate.is_in_force("kill:SOFT:all")
    assert "kill:SOFT:all" in answer.facts["left"]
    assert answer.facts["lifted"] == ("" if subject else "risk:x")


@pytest.mark.req("S-09", "S-17")
@pytest.mark.parametrize(
    ("subject", "lifted", "left"),
    [("", "kill:SOFT:all\nrisk:x", "unreadable:a.json"), ("risk:x", "risk:x", "kill:SOFT:all\nunreadable:a.json")],
)
def test_a_resume_lifts_what_an_operator_must_lift_and_nothing_else(
    desk: Desk, subject: str, lifted: str, left: str
) -> None:
    for name in ("kill:SOFT:all", "risk:x", "unreadable:a.json"):
        latched(desk, name)
    desk.gate.require_recovery("a doubt", 1, by=None)
    desk.asked(Action.RESUME, subject=subject)
    assert desk.gate.level() is StopLevel.MEDIUM, "not before it is on record"
    answer = carried_out(desk)
    assert answer.facts == {"lifted": lifted, "left": left}
    assert {r.reason_id for r in desk.gate.reasons()} == {"recovery:books", *left.split("\n")}
    assert {r.reason_id for r in desk.latch.load(0)} == set(left.split("\n"))


def test_a_resume_of_what_is_not_in_force_is_not_found(desk: Desk) -> None:
    latched(desk, "risk:x")
    desk.gate.require_recovery("a doubt", 1, by=None)
    desk.asked(Action.RESUME, subject="risk:x\nrecovery:books")
    assert carried_out(desk).outcome is Outcome.NOT_FOUND
    assert desk.gate.is_in_force("risk:x"), "all or nothing"


@pytest.mark.req("S-09", "S-17")
def test_a_pending_plan_is_confirmed_once_the_books_are_compared(desk: Desk) -> None:
    latched(desk, "exchange_disconnect:all", technical=True)
    desk.gate.require_recovery("a doubt", 1, by=None)
    desk.asked(Action.CONFIRM_PLAN, subject="exchange_disconnect:all")
    answer = carried_out(desk)
    assert (answer.outcome, "not compared" in answer.detail) == (Outcome.FAILED, True)
    desk.gate.recovered(desk.gate.doubts, by=None)
    _, body = desk.on_disk()
    desk.hear(body)
    assert desk.answer() == Answer(outcome=Outcome.DONE, detail="REDUCE runs for all")
    (reason,) = desk.latch.load(0)
    assert not reason.is_technical
    assert "confirmed by mina: enough" in reason.cause


@pytest.mark.parametrize(
    ("name", "outcome"), [("risk:x", Outcome.FAILED), ("data_delay:all", Outcome.FAILED), ("no", Outcome.NOT_FOUND)]
)
def test_where_no_plan_is_pending_none_is_confirmed(desk: Desk, name: str, outcome: Outcome) -> None:
    latched(desk, "risk:x")
    latched(desk, "data_delay:all", technical=True, level=StopLevel.SOFT)
    desk.asked(Action.CONFIRM_PLAN, subject=name)
    assert carried_out(desk).outcome is outcome


def test_a_confirmation_is_for_what_was_there_when_it_was_asked_for(desk: Desk) -> None:
    latched(desk, "broker_disconnect:all", technical=True, level=StopLevel.HARD)
    desk.asked(Action.CONFIRM_PLAN, subject="broker_disconnect:all")
    (first,) = desk.gate.reasons()
    desk.gate.lift(first.reason_id, by=None)
    desk.ctx.now += 20 * 10**9
    desk.gate.shut(first.model_copy(update={"since_ns": desk.ctx.now}), by=None)
    answer = carried_out(desk)
    assert (answer.outcome, "came after it was asked for" in answer.detail) == (Outcome.FAILED, True)
    assert desk.gate.reasons()[0].is_technical, "nothing is sold over what nobody has looked at"

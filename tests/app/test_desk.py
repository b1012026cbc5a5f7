"""What an operator asks of a running tree: found, recorded, carried out, answered."""

import threading
from pathlib import Path

import pytest

from actors import addresses
from bulkhead.app.audit import record
from bulkhead.app.audit_trail import AuditTrail, acted
from bulkhead.app.desk import MAX_AGE_S, DeskActor
from bulkhead.app.desk_requests import FOLDER, Action, Answer, Request, ask
from bulkhead.app.house import DESK
from bulkhead.ledger import audit_file
from messages.records import Append, AppendFailed, OperatorActed
from messages.supervision import ChildAnswer, Outcome, RestartChild, TimerFired
from supervisor.runtime.behaviour import Behaviour
from supervisor.runtime.simulated import SimulatedHost
from tests.actors.kit import Story, open_gate


def trail(folder: Path) -> AuditTrail:
    return AuditTrail(folder, folder / "ledger.db")


CHILD = "strategy:trend"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    host = SimulatedHost(seed=1, start_ns=0)
    host.start_child(CHILD, Behaviour, parent="seat:trend")
    desk = Story(DeskActor(tmp_path, trail(tmp_path), host, open_gate(), ("trend",), frozenset({"BTCUSDT"})), DESK)
    desk.start()
    return desk


def put(folder: Path, request: Request) -> Path:
    path = folder / FOLDER / f"{request.at_ns}-1.request.json"
    path.write_text(request.model_dump_json())
    return path


def request(story: Story, child: str = CHILD, age_s: float = 0.0) -> Request:
    return Request(
        action=Action.RESTART,
        child=child,
        operator="mina",
        reason="mended",
        at_ns=story.ctx.now - int(age_s * 1e9),
    )


def answer(folder: Path) -> Answer:
    (path,) = (folder / FOLDER).glob("*.answer.json")
    return Answer.model_validate_json(path.read_bytes())


def look(story: Story) -> None:
    story.hear(TimerFired(key="look"))


def test_the_act_is_on_record_before_the_supervisor_hears_of_it(story: Story, tmp_path: Path) -> None:
    path = put(tmp_path, request(story))
    look(story)
    (append,) = story.ctx.tells(Append, addresses.LEDGER)
    (record,) = append.records
    assert isinstance(record, OperatorActed)
    assert (record.operator, record.action, record.reason) == ("mina", f"restart {CHILD}", "mended")
    (letter,) = append.release
    assert (letter.to, letter.envelope.body) == ("seat:trend", RestartChild(child=CHILD, reply_to=DESK))
    assert not story.ctx.tells(RestartChild)
    assert not path.exists()


@pytest.mark.req("S-17")
def test_the_act_is_in_the_audit_file_first_and_the_ledger_knows_its_line(story: Story, tmp_path: Path) -> None:
    put(tmp_path, request(story))
    look(story)
    (line,) = audit_file.check(audit_file.path_in(tmp_path)).lines
    said = {"action": f"restart {CHILD}", "operator": "mina", "reason": "mended", "session": tmp_path.name}
    assert said.items() <= line.fields.items()
    assert line.fields["positions"] == []
    look(story)
    (append,) = story.ctx.tells(Append, addresses.LEDGER)
    assert append.records == (acted(line),)


@pytest.mark.req("S-17")
def test_an_act_that_the_audit_file_does_not_take_is_refused(story: Story, tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("in the way")
    put(tmp_path, request(story))
    look(story)
    assert answer(tmp_path).outcome is Outcome.FAILED
    assert "nothing is done unrecorded" in answer(tmp_path).detail
    assert not story.ctx.tells(Append)


def test_what_others_do_beside_the_run_is_taken_into_its_ledger_once(story: Story, tmp_path: Path) -> None:
    path = audit_file.path_in(tmp_path)
    line = record(path, {"action": "kill", "operator": "ada", "reason": "enough"})
    look(story)
    look(story)
    (append,) = story.ctx.tells(Append, addresses.LEDGER)
    assert (append.records, append.release) == ((acted(line),), ())


def test_the_supervisors_answer_is_passed_on(story: Story, tmp_path: Path) -> None:
    put(tmp_path, request(story))
    look(story)
    story.hear(ChildAnswer(child=CHILD, command="RestartChild", outcome=Outcome.FAILED, detail="no luck"))
    assert answer(tmp_path) == Answer(outcome=Outcome.FAILED, detail="no luck")


def test_an_act_that_cannot_be_recorded_is_refused(story: Story, tmp_path: Path) -> None:
    put(tmp_path, request(story))
    look(story)
    story.hear(AppendFailed(reason="disk full"))
    assert answer(tmp_path).outcome is Outcome.FAILED
    assert "disk full" in answer(tmp_path).detail
    asked, failed = audit_file.check(audit_file.path_in(tmp_path)).lines
    assert (asked.fields.get("state"), failed.fields["state"]) == (None, "failed")


def test_a_stranger_is_not_found(story: Story, tmp_path: Path) -> None:
    put(tmp_path, request(story, child="strategy:nobody"))
    look(story)
    assert answer(tmp_path).outcome is Outcome.NOT_FOUND
    assert not story.ctx.tells(Append)


def test_a_request_of_yesterday_is_refused(story: Story, tmp_path: Path) -> None:
    put(tmp_path, request(story, age_s=MAX_AGE_S + 1))
    look(story)
    assert answer(tmp_path).outcome is Outcome.FAILED


def test_what_is_no_request_is_answered_and_taken_away(story: Story, tmp_path: Path) -> None:
    path = tmp_path / FOLDER / "1-1.request.json"
    path.write_text('{"action": "explode"')
    look(story)
    assert answer(tmp_path).outcome is Outcome.BAD_SPEC
    assert not path.exists()


def test_it_looks_again_and_again(story: Story) -> None:
    look(story)
    assert "look" in story.ctx.timers


def test_asking_waits_for_the_answer(tmp_path: Path) -> None:
    """From the command's side: the file is there whole, and the answer ends the wait."""
    wanted = Request(action=Action.STOP, child=CHILD, operator="mina", reason="enough", at_ns=5)
    found: list[Answer | None] = []
    asking = threading.Thread(target=lambda: found.append(ask(tmp_path, wanted, timeout_s=20.0)))
    asking.start()
    pause = threading.Event()
    while not (paths := list((tmp_path / FOLDER).glob("*.request.json"))):
        pause.wait(0.01)
    assert Request.model_validate_json(paths[0].read_bytes()) == wanted
    paths[0].with_name(paths[0].name.replace("request", "answer")).write_text('{"outcome": "done"}')
    asking.join(20.0)
    assert found == [Answer(outcome=Outcome.DONE)]


def test_without_an_answer_the_request_is_taken_back(tmp_path: Path) -> None:
    wanted = Request(action=Action.STOP, child=CHILD, operator="mina", reason="enough", at_ns=5)
    assert ask(tmp_path, wanted, timeout_s=0.1) is None
    assert not list((tmp_path / FOLDER).glob("*.request.json"))

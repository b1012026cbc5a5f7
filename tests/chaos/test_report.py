"""A red run as people, programs and browsers see it."""

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from bulkhead.chaos import vacuity
from bulkhead.chaos.draw import draw
from bulkhead.chaos.report import show
from bulkhead.chaos.report_html import page, timeline, write_html
from bulkhead.chaos.report_json import write_json
from bulkhead.chaos.swarm import Crew
from bulkhead.chaos.tally import PlantedRow, Red, Report, Tally, command_for, is_drawn
from bulkhead.chaos.worker import Played
from tests.chaos.red import RED_PLAN

MARKUP = "<script>alert(1)</script> & [bold]"


@pytest.fixture
def red(forgetful: None) -> Played:
    with Crew(0) as crew:
        return crew.play(RED_PLAN)


def report_of(*played: Played, planted: tuple[PlantedRow, ...] = ()) -> Report:
    tally = Tally()
    for each in played:
        tally.add(each)
    found = tuple(
        Red(plan=p.plan, violations=p.violations, error=p.error, command=command_for(p.plan), kept=None)
        for p in tally.red
    )
    return tally.report("one seed", found, planted=planted)


def shown(report: Report) -> str:
    console = Console(file=io.StringIO(), width=200)
    show(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_terminal_says_what_broke_and_how_to_see_it_again(red: Played) -> None:
    text = shown(report_of(red))
    assert "invariant 4 (adds-up)" in text
    assert "bulkhead chaos --seed 5 --minutes 0.5" in text
    assert "1 red runs" in text
    assert re.search(r"process\.kill +1 ", text)


def test_json_has_the_verdict_the_figures_and_the_plan(red: Played, tmp_path: Path) -> None:
    report = report_of(red)
    write_json(report, tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert data["is_ok"] is False
    assert data["plans"] == 1
    assert data["red"][0]["violations"][0]["number"] == 4
    assert data["red"][0]["plan"]["strikes"][1]["fault"] == "process.kill"
    assert data["simulated_s"] > 30
    assert {row["name"] for row in data["vacuity"]} >= {"process.kill", "actor.restarted"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else_and_shows_when_what_struck(red: Played, tmp_path: Path) -> None:
    write_html(report_of(red), tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert "script" not in tags.seen
    assert tags.links == []
    assert tags.seen.count("rect") == len(RED_PLAN.strikes)
    assert text.count('stroke="#b00020"') == len(red.violations)
    assert "bulkhead chaos --seed 5" in text


def test_what_a_run_says_is_text_and_never_markup() -> None:
    bad = Played(plan=RED_PLAN, error=f"Traceback\nLookupError: {MARKUP}")
    report = report_of(bad, planted=(PlantedRow(name=MARKUP, number=1, sentence=MARKUP, seeds=None, tried=3),))
    assert "<script>" not in page(report)
    assert f"LookupError: {MARKUP}" in shown(report)
    assert "<script>" not in timeline(report.red[0])


def test_a_green_report_is_ok_and_a_zero_is_not(red: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    assert red.outcome is not None
    green = Played(plan=RED_PLAN, outcome=red.outcome.model_copy(update={"violations": ()}))
    assert report_of(green).is_ok
    assert "nothing found" in shown(report_of(green))
    monkeypatch.setattr(vacuity, "ENOUGH_SEEDS", 0)
    hollow = report_of(green)
    assert not hollow.is_ok
    assert "never happened: " in shown(hollow)
    assert "NEVER" in page(hollow)


def test_a_planted_bug_that_gets_through_is_not_ok() -> None:
    caught = PlantedRow(name="one", number=1, sentence="is caught", seeds=2, tried=2)
    assert report_of(planted=(caught,)).is_ok
    missed = report_of(planted=(caught, caught.model_copy(update={"name": "two", "seeds": None, "tried": 9})))
    assert not missed.is_ok
    assert "NOT CAUGHT in 9 seeds" in shown(missed)
    assert "planted and not caught: two" in page(missed)


def test_the_memory_of_a_tally_does_not_grow_with_green_runs(red: Played) -> None:
    tally = Tally()
    for _ in range(200):
        tally.add(red)
    assert len(tally.red) == 50
    assert tally.red_count == 200


def test_a_drawn_plan_is_repeated_by_its_seed_and_another_by_its_file() -> None:
    assert is_drawn(draw(7, 2.0))
    assert not is_drawn(RED_PLAN)
    assert command_for(draw(7)) == "bulkhead chaos --seed 7"
    assert command_for(draw(7, 2.0)) == "bulkhead chaos --seed 7 --minutes 2"
    assert command_for(RED_PLAN, Path("a plan.json")) == "bulkhead chaos --plan 'a plan.json'"

"""When a limit counts as used up, and when that is over."""

import pytest

from bulkhead.venues.transport.rate_alarm import PATIENCE_S, RateAlarm
from bulkhead.venues.transport.rate_budget import Purpose


class Alarm:
    """With a clock of its own, and what it told."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.told: list[str | None] = []
        self.alarm = RateAlarm(lambda: self.now_ns)
        self.alarm.on_change = self.told.append

    def refused(self, purpose: Purpose = Purpose.ENTRY, *, after_s: float = 0.0, is_final: bool = False) -> None:
        self.now_ns += int(after_s * 1e9)
        self.alarm.refused(purpose, "429", is_final=is_final)


def test_a_spent_budget_or_a_ban_is_told_at_once_and_once() -> None:
    alarm = Alarm()
    alarm.refused(is_final=True)
    alarm.refused(is_final=True)
    assert alarm.told == ["429"]
    assert alarm.alarm.is_on


def test_the_venues_no_is_told_when_it_outlasts_the_retries() -> None:
    alarm = Alarm()
    for delay_s in (0.0, 1.0, 2.0):
        alarm.refused(after_s=delay_s)
    assert alarm.told == []
    alarm.refused(after_s=PATIENCE_S - 3.0)
    assert alarm.told == ["429"]


def test_many_refusals_in_one_moment_are_not_more_than_one() -> None:
    alarm = Alarm()
    for _ in range(50):
        alarm.refused()
    assert alarm.told == []


def test_an_answer_between_begins_anew() -> None:
    alarm = Alarm()
    alarm.refused()
    alarm.alarm.passed(Purpose.ENTRY)
    alarm.refused(after_s=PATIENCE_S)
    assert alarm.told == []


@pytest.mark.parametrize(
    ("passing", "is_over"),
    [(Purpose.CANCEL, False), (Purpose.EXIT, False), (Purpose.ENTRY, True), (Purpose.SURVEY, True)],
)
def test_it_is_over_when_something_as_little_urgent_passes(passing: Purpose, is_over: bool) -> None:
    alarm = Alarm()
    alarm.refused(Purpose.EXIT, is_final=True)
    alarm.refused(Purpose.ENTRY)
    alarm.alarm.passed(passing)
    assert alarm.told == (["429", None] if is_over else ["429"])
    assert alarm.alarm.is_on is not is_over


def test_while_all_is_well_nothing_is_told() -> None:
    alarm = Alarm()
    for purpose in Purpose:
        alarm.alarm.passed(purpose)
    assert alarm.told == []

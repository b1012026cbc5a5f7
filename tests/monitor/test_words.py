"""How figures are shown."""

import pytest

from bulkhead.monitor.words import amount, clock, date_and_clock, one_line, rounded, short, span
from tests.monitor.sessions import T0, at


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (0, "0"),
        (450_000, "450 µs"),
        (12_300_000, "12.3 ms"),
        (4_200_000_000, "4.2 s"),
        (-4_200_000_000, "-4.2 s"),
        (200 * 10**9, "3 min 20 s"),
        (7_500 * 10**9, "2 h 5 min"),
        (400_000 * 10**9, "4 d 15 h"),
    ],
)
def test_spans(ns: int, shown: str) -> None:
    assert span(ns) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [("64010.20", "64,010.2"), ("1000", "1,000"), ("0.00000010", "0.0000001"), ("-5.50", "-5.5"), ("0", "0"),
     ("none", "none"), ("NaN", "NaN"), (None, "None")],
)  # fmt: skip
def test_amounts_are_exact(value: object, shown: str) -> None:
    assert amount(value) == shown


def test_signs_and_rounding() -> None:
    assert amount("5", signed=True) == "+5"
    assert rounded("1.23456", 2) == "1.23"
    assert rounded("-0.5", 0, signed=True) in ("-0", "+0")
    assert rounded("n/a", 2) == "n/a"


def test_times_names_and_text() -> None:
    assert clock(at(1.234)) == "12:00:01.234"
    assert date_and_clock(T0) == "2025-01-01 12:00:00.000"
    assert short("b7f2c1d4e5a6b7c8") == "b7f2c1d4e5…"
    assert short("client-1") == "client-1"
    assert one_line("a\nb\x1b[0m" + "c" * 300, 10) == "a b�[0mcc…"

"""The tape loader: what it counts, what it refuses, when it stops."""

import gzip
from pathlib import Path

import pytest

from bulkhead.venues.simulator.errors import SimulatorError
from bulkhead.venues.simulator.tape import ASK_ROW, BID_ROW, TRADE_ROW, Row, TapeFile, merged
from tests.venues.simulator.kit import T0, D, ask, bid, tape, trade

HOUR_MS = 3_600_000


def load(path: Path, share: str = "0.01", grace: int = 100) -> tuple[TapeFile, list[Row]]:
    file = TapeFile(path, D(share), grace)
    try:
        return file, list(file.rows())
    finally:
        file.close()


@pytest.mark.parametrize("name", ["BAC-2013-10-10.csv", "BAC-2013-10-10.csv.gz"])
def test_rows_are_read_exactly(tmp_path: Path, name: str) -> None:
    rows = [bid(0, "13.9", 1000, "P"), ask(0, "14.0", 600, "P"), trade(5, "13.95", 7, "D"), bid(9, "", 0, "P")]
    file, found = load(tape(tmp_path / name, rows))
    assert found == [
        (T0, "BACUSD", BID_ROW, D("13.9"), D(1000), "P"),
        (T0, "BACUSD", ASK_ROW, D("14.0"), D(600), "P"),
        (T0 + 5, "BACUSD", TRADE_ROW, D("13.95"), D(7), "D"),
    ]
    assert [bad.reason for bad in file.counts.bad_examples] == ["a quote of neither side"]


def test_a_side_is_withdrawn_by_size_zero_or_no_size(tmp_path: Path) -> None:
    rows = [
        f"{T0},quote,,,13.9,0,,,P,0",
        f"{T0},quote,,,13.9,,,,P,0",
        f"{T0},quote,,,,0,,,P,0",
        f"{T0},quote,,,,,0,5,P,0",
    ]
    file, found = load(tape(tmp_path / "BAC-1.csv", rows))
    assert [(row[2], row[3], row[4]) for row in found] == [
        (BID_ROW, D("13.9"), D(0)),
        (BID_ROW, D("13.9"), D(0)),
        (BID_ROW, None, D(0)),
        (ASK_ROW, None, D(5)),
    ]
    assert file.counts.bad_rows == 0


def test_the_dirt_is_counted(tmp_path: Path) -> None:
    rows = [
        trade(-1, "10", 100),  # a millisecond before the opening
        trade(0, "10", 99),
        trade(0, "10", 99),  # repeated in a row
        bid(0, "10.02", 100, "P"),
        trade(0, "10", 99),  # repeated, not in a row
        ask(1, "10.02", 100, "P"),  # locked on its own exchange
        ask(1, "10.01", 100, "Q"),
        trade(1, "10", 100, suspicious=1),
        trade(int(6.5 * HOUR_MS) - 1, "10", 100),
        trade(int(6.5 * HOUR_MS), "10", 100),  # the closing itself
        trade(5, "10", 100),  # back in time, played late
    ]
    file, found = load(tape(tmp_path / "BAC-1.csv", rows))
    counts = file.counts
    assert (counts.rows, counts.trades, counts.quotes) == (11, 8, 3)
    assert (counts.repeated_rows, counts.repeated_in_a_row) == (2, 1)
    assert (counts.crossed_quotes, counts.odd_lots, counts.suspicious_rows) == (1, 3, 1)
    assert counts.off_hours_trades == 3
    assert counts.late_rows == 1
    assert [row[0] for row in found] == sorted(row[0] for row in found)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,2,3", "3 fields instead of 10"),
        ("soon,trade,10,1,,,,,Q,0", "event_time_ms 'soon' is not a time in Unix ms"),
        ("12,trade,10,1,,,,,Q,0", "event_time_ms '12' is not a time in Unix ms"),
        (f"{T0},halt,10,1,,,,,Q,0", "kind 'halt' is neither trade nor quote"),
        (f"{T0},trade,,1,,,,,Q,0", "a trade without a price or a size"),
        (f"{T0},trade,10,0,,,,,Q,0", "a trade without a price or a size"),
        (f"{T0},trade,1e3,1,,,,,Q,0", "'1e3' is not a number of at most 8 decimals"),
        (f"{T0},trade,-10,1,,,,,Q,0", "'-10' is not a number of at most 8 decimals"),
        (f"{T0},trade,nan,1,,,,,Q,0", "'nan' is not a number of at most 8 decimals"),
        (f"{T0},quote,,,10,1,11,1,Q,0", "a quote of both sides in one row"),
        (f"{T0},quote,,,,,,,Q,0", "a quote of neither side"),
        (f"{T0},quote,,,10,1,,,,0", "a quote without an exchange"),
        (f"{T0},trade,10,1,,,,,Q,maybe", "suspicious 'maybe' is neither 0 nor 1"),
    ],
)
def test_a_malformed_row_is_counted_and_named(tmp_path: Path, row: str, reason: str) -> None:
    file, found = load(tape(tmp_path / "BAC-1.csv", [trade(0, "10", 1), row, trade(1, "10", 1)]))
    assert len(found) == 2
    assert file.counts.bad_rows == 1
    assert [(bad.line, bad.reason) for bad in file.counts.bad_examples] == [(3, reason)]


def test_too_many_malformed_rows_stop_the_tape(tmp_path: Path) -> None:
    rows = [*(trade(number, "10", 1) for number in range(150)), "broken", "broken"]
    path = tape(tmp_path / "BAC-1.csv", rows)
    assert load(path, share="0.02")[0].counts.bad_rows == 2
    with pytest.raises(
        SimulatorError, match=r"BAC-1\.csv, line 153: 1 fields instead of 10; 2 of 152 rows are malformed"
    ):
        load(path)


def test_no_share_is_judged_before_enough_rows(tmp_path: Path) -> None:
    path = tape(tmp_path / "BAC-1.csv", ["broken"] * 99)
    assert load(path)[0].counts.bad_rows == 99
    with pytest.raises(SimulatorError, match="line 101"):
        load(tape(tmp_path / "BAC-2.csv", ["broken"] * 100))


def test_a_missing_file_and_a_wrong_header_are_named(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match=r"BAC-9\.csv cannot be opened: No such file"):
        load(tmp_path / "BAC-9.csv")
    with pytest.raises(SimulatorError, match="line 1 must be the header event_time_ms,"):
        load(tape(tmp_path / "BAC-1.csv", [], header="time,price"))
    (tmp_path / "BAC-2.csv").write_text("")
    with pytest.raises(SimulatorError, match="line 1 must be the header"):
        load(tmp_path / "BAC-2.csv")


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    whole = gzip.compress(tape(tmp_path / "plain.csv", [trade(0, "10", 1)] * 5_000).read_bytes(), 0)
    (tmp_path / "BAC-1.csv.gz").write_bytes(whole[:100_000])
    with pytest.raises(SimulatorError, match=r"BAC-1\.csv\.gz: cannot be read after line \d+"):
        load(tmp_path / "BAC-1.csv.gz")
    (tmp_path / "BAC-2.csv.gz").write_text("not an archive")
    with pytest.raises(SimulatorError, match=r"BAC-2\.csv\.gz: cannot be read after line 0"):
        load(tmp_path / "BAC-2.csv.gz")


def test_bytes_that_are_not_text_spoil_their_row_only(tmp_path: Path) -> None:
    path = tape(tmp_path / "BAC-1.csv", [trade(0, "10", 1), trade(1, "10", 1)])
    path.write_bytes(path.read_bytes().replace(b"trade,10,1", b"tra\xffe,10,1", 1))
    file, found = load(path)
    assert (len(found), file.counts.bad_examples[0].line) == (1, 2)


def test_files_are_merged_by_time_and_ties_keep_the_order_of_the_files(tmp_path: Path) -> None:
    one = TapeFile(tape(tmp_path / "AAA-1.csv", [trade(0, "1", 1), trade(5, "2", 1), trade(5, "3", 1)]), D(1), 100)
    two = TapeFile(tape(tmp_path / "BBB-1.csv", [trade(1, "4", 1), trade(5, "5", 1), trade(6, "6", 1)]), D(1), 100)
    found = [(row[1], row[3]) for row in merged([one, two])]
    assert found == [
        ("AAAUSD", D(1)),
        ("BBBUSD", D(4)),
        ("AAAUSD", D(2)),
        ("AAAUSD", D(3)),
        ("BBBUSD", D(5)),
        ("BBBUSD", D(6)),
    ]

"""The README's examples do what it says, as they stand there."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

from bulkhead import Action
from bulkhead.app.settings import check_settings
from bulkhead.strategy.loader import load_strategy
from bulkhead.strategy.testkit import Bench
from bulkhead.venues.simulator.tape import TapeFile, merged

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SYMBOL = "BTCUSDT"


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert found, f"the README has no {language} example"
    return found.group(1)


def test_its_strategy_buys_a_dip_and_sells_at_a_new_high(tmp_path: Path) -> None:
    settings = check_settings(tomllib.loads(block("toml")), "README.md")
    (configured,) = settings.strategies
    (tmp_path / "my_dip.py").write_text(block("python"), encoding="utf-8")
    bench = Bench(load_strategy(configured.use, tmp_path), configured.traded, default_quantity="1")
    bench.quote(SYMBOL, "99.99", "100.01")
    bench.quote(SYMBOL, "99.89", "99.91")
    bench.fill()
    bench.quote(SYMBOL, "99.94", "99.96")
    bench.quote(SYMBOL, "100.09", "100.11")
    bench.fill()
    assert [decision.action for decision in bench.decisions] == [Action.HOLD, Action.ENTER, Action.HOLD, Action.EXIT]
    assert bench.view.position(SYMBOL) == 0


def test_its_rows_of_a_tape_are_read(tmp_path: Path) -> None:
    lines = re.findall(r"^ {4}((?:event_time_ms|\d{13}),.*)$", README, re.MULTILINE)
    tape = tmp_path / "BAC-2013-10-10.csv"
    tape.write_text("\n".join(lines) + "\n", encoding="utf-8")
    file = TapeFile(tape, bad_row_share=Decimal(0), bad_row_grace_rows=0)
    rows = list(merged([file]))
    assert [(row[1], row[3], row[4]) for row in rows] == [
        ("BACUSD", Decimal("14.28"), Decimal(500)),
        ("BACUSD", Decimal("14.28"), Decimal(100)),
    ]
    assert file.counts.bad_rows == 0

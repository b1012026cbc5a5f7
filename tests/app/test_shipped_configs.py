"""The configurations that ship, and the README's: one ledger, one account."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from bulkhead.app.commands.simulator import BOOKS_FILE, TAPE_BOOKS_FILE
from bulkhead.app.run import RunOptions, simulator_settings
from bulkhead.app.settings import Settings, check_settings, load_settings
from tests.app.kit import ROOT


def readme() -> Settings:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found
    return check_settings(tomllib.loads(found.group(1)), "README.md")


def every() -> Iterator[tuple[str, Settings]]:
    yield "README.md", readme()
    for path in sorted((ROOT / "config").glob("*.toml")):
        yield path.name, load_settings(path)


def account_of(settings: Settings) -> Path | str | None:
    """Whose books these are."""
    if settings.paper.is_local:
        return settings.session.ledger_file.with_suffix(".paper.db")
    started = simulator_settings(settings, RunOptions())
    return settings.venue.rest_url if started is None else started.books_file


def test_runs_with_one_ledger_trade_one_account_and_runs_with_another_trade_another() -> None:
    ledgers: dict[Path, set[Path | str | None]] = {}
    for _, settings in every():
        ledgers.setdefault(settings.session.ledger_file, set()).add(account_of(settings))
    accounts = [account for of_one in ledgers.values() for account in of_one]
    assert len(accounts) == len(ledgers), ledgers
    assert len(set(accounts)) == len(accounts), ledgers
    assert not {BOOKS_FILE, TAPE_BOOKS_FILE} & set(accounts), "the venue that stands alone keeps books of its own"


def test_the_readmes_strategy_goes_on_with_what_make_run_has_left() -> None:
    first = load_settings(ROOT / "config" / "paper.toml")
    assert (readme().session.ledger_file, account_of(readme())) == (first.session.ledger_file, account_of(first))

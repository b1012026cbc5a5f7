"""A strategy below its tier starts only upon an operator's word that is on record before."""

from pathlib import Path

import pytest

from bulkhead import Strategy
from bulkhead.app.audit import current_user
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.preflight import load_strategies
from bulkhead.app.settings import Settings, check_settings
from bulkhead.app.tiers import TierOverride, override_of
from bulkhead.ledger import audit_file
from messages.codes import ErrorCode
from tests.app.kit import Cli, write_config


class Draft(Strategy):
    tier = 1


class Ready(Strategy):
    pass


def settings(folder: Path, mode: str = "paper") -> Settings:
    common = {"symbols": ["BTCUSDT"], "sizing": {"kind": "fixed_notional", "notional": "100"}}
    strategies = [{"id": name.lower(), "use": f"{__name__}:{name}", **common} for name in ("Draft", "Ready")]
    session = {"logs_dir": str(folder), "ledger_file": str(folder / "ledger.db"), "mode": mode}
    return check_settings({"session": session, "strategies": strategies}, "test")


def lines(folder: Path) -> tuple[audit_file.AuditLine, ...]:
    return audit_file.check(audit_file.path_in(folder)).lines


def said_of(*ids: str) -> TierOverride:
    return TierOverride(ids, "watched closely", "ada")


@pytest.mark.req("P-19")
@pytest.mark.parametrize("mode", ["paper", "live"])
def test_an_override_is_on_record_before_the_start_goes_on(tmp_path: Path, mode: str) -> None:
    with pytest.raises(Stopped) as refused:
        load_strategies(settings(tmp_path, mode))
    assert (refused.value.code, refused.value.error_code) == (ExitCode.CONFIG, ErrorCode.STRATEGY_TIER_TOO_LOW)
    assert lines(tmp_path) == ()
    loaded = load_strategies(settings(tmp_path, mode), said_of("draft"))
    assert [strategy.tier for strategy in loaded] == [1, 3]
    (line,) = lines(tmp_path)
    wanted = {"action": "override tier of draft (tier 1)", "operator": "ada", "reason": "watched closely", "mode": mode}
    assert wanted.items() <= line.fields.items()
    assert line.fields["positions"] == []


@pytest.mark.req("P-19")
def test_what_cannot_be_recorded_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("in the way")
    with pytest.raises(Stopped, match="nothing is done unrecorded"):
        load_strategies(settings(tmp_path), said_of("draft"))


def test_an_override_is_of_somebody_there_is_and_of_no_other(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="no strategy is called 'nobody'"):
        load_strategies(settings(tmp_path), said_of("draft", "nobody"))
    with pytest.raises(Stopped, match="strategy draft declares tier 1"):
        load_strategies(settings(tmp_path), said_of("ready"))
    assert lines(tmp_path) == (), "nothing was overridden"


def test_the_words_of_the_command_line() -> None:
    assert override_of(None, None, None) is None
    assert override_of(["a", "b"], " why ", None) == TierOverride(("a", "b"), "why", current_user())
    with pytest.raises(Stopped, match="wants a --reason"):
        override_of(["a"], " ", "ada")
    with pytest.raises(Stopped, match="--reason is for --override-tier"):
        override_of([], "why", "ada")


def test_the_command_hands_it_on(cli: Cli, tmp_path: Path) -> None:
    sizing = '{ kind = "fixed_notional", notional = "100" }'
    table = f'[[strategies]]\nid = "draft"\nuse = "{__name__}:Draft"\nsymbols = ["NOSUCH"]\nsizing = {sizing}\n'
    config = write_config(tmp_path / "test.toml", strategies=table, currency="USDT")
    config.write_text(config.read_text().replace('"logs', f'"{tmp_path}/logs'))
    said = ("--override-tier", "draft", "--reason", "to see", "--operator", "ada")
    done = cli("run", "--config", config, *said)
    assert "Invalid symbol" in done.sentence, "so the tier was passed"
    (line,) = lines(tmp_path / "logs")
    assert (line.fields["operator"], line.fields["reason"]) == ("ada", "to see")

"""KIS in a configuration: what contradicts itself is refused before anything is asked, and the doctor looks first."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkhead.app.commands import checks_kis
from bulkhead.app.commands.checks import Check, Level
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.masking import MASK, masked
from bulkhead.app.preflight import check_guard
from bulkhead.app.run import RunOptions, simulator_settings
from bulkhead.app.settings import Settings, check_settings, load_settings
from bulkhead.app.venue import connect
from bulkhead.app.venue_kis import KIS, token_file
from bulkhead.venues import krx
from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from bulkhead.venues.simulator.settings import (
    DEMO_KIS_ACCOUNT,
    DEMO_KIS_APP_KEY,
    DEMO_KIS_APP_SECRET,
    DEMO_KIS_HTS_ID,
    SimulatorSettings,
)
from messages.orders import OrderTicket
from supervisor.runtime.threaded import ThreadedHost
from tests.app.kit import ROOT, Cli

REAL, PAPER = "https://openapi.koreainvestment.com:9443", "https://openapivts.koreainvestment.com:29443"
REAL_WS, PAPER_WS = "ws://ops.koreainvestment.com:21000/tryitout", "ws://ops.koreainvestment.com:31000/tryitout"
NAMES = ("account_number_env", "app_key_env", "app_secret_env", "hts_id_env")
CONFIGS = ("kis-simulator.toml", "kis-paper.toml", "kis-live.toml")
OPEN_NS, CLOSED_NS = (krx.next_open_ns(1_772_000_000 * 10**9) + late * 60 * 10**9 for late in (0, -1))


def kis(host: str = "paper", mode: str = "paper", **venue: Any) -> dict[str, Any]:
    urls = {"paper": (PAPER, PAPER_WS), "real": (REAL, REAL_WS)}[host]
    section = {"host": host, **{name: f"TEST_{name.upper()}" for name in NAMES}, **venue.pop("kis", {})}
    common = {"name": "kis", "adapter": "kis", "start_simulator": False, "rest_url": urls[0], "stream_url": urls[1]}
    strategy = {
        "id": "trend",
        "use": "bulkhead.strategy.trend:EmaTrend",
        "symbols": ["005930"],
        "sizing": {"kind": "fixed_notional", "notional": "500000"},
    }
    return {
        "session": {"mode": mode},
        "venue": {**common, **venue, "kis": section},
        "risk": {"currency": "KRW"},
        "strategies": [strategy],
    }


class Nobody:
    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        return "a test sends nothing"


@pytest.fixture
def host() -> Iterator[ThreadedHost]:
    threaded = ThreadedHost(1)
    yield threaded
    threaded.close()


# -- contradictions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kis": {"app_key_env": None}}, "app_key_env, app_secret_env and hts_id_env belong together"),
        ({"kis": {"product": "1"}}, "venue.kis.product"),
        ({"kis": {"hots": "real"}}, "venue.kis.hots: unknown key; did you mean host?"),
        ({"stream_url": None}, "start_simulator = false needs rest_url and stream_url"),
        ({"start_simulator": True}, "start_simulator = true contradicts the URLs"),
        ({"ws_api_url": "ws://127.0.0.1:1"}, "ws_api_url means nothing with adapter = 'kis'"),
        ({"api_key_env": "A", "api_secret_env": "B"}, "api_key_env means nothing with adapter = 'kis'"),
        ({"adapter": "binance", "ws_api_url": "ws://127.0.0.1:1"}, "kis means nothing with adapter = 'binance'"),
    ],
)
def test_keys_that_do_not_belong_together(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Stopped) as stopped:
        check_settings(kis(**changes), "test.toml")
    assert stopped.value.code == ExitCode.CONFIG
    assert said in stopped.value.sentence


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (kis("real", "paper"), "'paper' contradicts venue.kis.host = 'real'"),  # play would cost money
        (kis("paper", "live"), "'live' contradicts venue.kis.host = 'paper'"),
        (kis(account="kis-73190482"), "venue.account holds the number of an account"),
        (kis("paper", rest_url=REAL), "venue.rest_url is KIS's real host, and venue.kis.host says 'paper'"),
        (kis("real", "live", stream_url=PAPER_WS), "venue.stream_url is KIS's paper host"),
        (kis("paper", rest_url="https://OpenAPI.KoreaInvestment.com:9443"), "venue.rest_url is KIS's real host"),
        (kis("paper", rest_url="https://openapi.koreainvestment.com.:9443"), "venue.rest_url is KIS's real host"),
        (kis("paper", rest_url="https://me@openapi.koreainvestment.com:9443"), "venue.rest_url is KIS's real host"),
        (kis("paper", rest_url="https://openapi.koreainvestment.com"), "venue.rest_url is at KIS, and is none of"),
        (kis("paper", rest_url="https://koreainvestment.com:29443"), "venue.rest_url is at KIS, and is none of"),
        (kis("paper", stream_url="ws://ops.koreainvestment.com/tryitout"), "venue.stream_url is at KIS, and is none"),
        (kis("paper", rest_url="https://openapivts.koreainvestment.com:x"), "venue.rest_url has a port that is no"),
        (kis("paper", rest_url="http://openapivts.koreainvestment.com:29443"), "venue.rest_url is not https"),
        (kis("paper", rest_url="http://gateway.example:80"), "venue.rest_url is not https"),
        (kis("paper", kis={"exchange": "SOR"}), "paper host has KRX only"),
        ({**kis("real", "live"), "risk": {"enabled": False, "currency": "KRW"}}, "live trading needs risk.enabled"),
    ],
)
def test_what_would_trade_with_the_wrong_money_is_refused(data: dict[str, Any], said: str) -> None:
    with pytest.raises(Stopped) as stopped:
        check_guard(check_settings(data, "test.toml"))
    assert stopped.value.code == ExitCode.CONFIG
    assert said in stopped.value.sentence


@pytest.mark.parametrize(
    "data",
    [
        kis("paper", "paper"),
        kis("real", "live"),
        {**kis("real", "paper"), "paper": {"execution": "fill_model"}},  # real prices, and no order leaves
        kis("real", "paper", rest_url="http://127.0.0.1:1", stream_url="ws://127.0.0.1:1/tryitout"),
        kis("paper", rest_url="https://OPENAPIVTS.koreainvestment.com:29443"),
        kis("paper", rest_url="https://notkoreainvestment.com:29443"),
    ],
)
def test_what_agrees_is_let_through(data: dict[str, Any]) -> None:
    check_guard(check_settings(data, "test.toml"))


@pytest.mark.parametrize(
    ("data", "is_held"),
    [
        (kis(), True),
        (kis(kis={"hours": "any"}), False),
        (kis(rest_url="http://127.0.0.1:1", stream_url="ws://127.0.0.1:1/tryitout"), False),
        ({**kis(rest_url="http://127.0.0.1:1"), "simulator": {"always_open": False}}, True),
    ],
)
def test_entries_are_held_to_the_hours_of_the_exchange(data: dict[str, Any], is_held: bool) -> None:
    is_open_at = KIS.hours(check_settings(data, "test.toml"))
    assert (is_open_at is not None) == is_held
    if is_open_at is not None:
        assert is_open_at(OPEN_NS)
        assert not is_open_at(CLOSED_NS)
        assert not is_open_at(0), "what no calendar covers is no time for an entry"


def test_without_the_calendar_it_does_not_start_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    krx._schedule.cache_clear()
    with pytest.raises(Stopped, match=r"\.\[calendars\].*venue.kis.hours"):
        check_guard(check_settings(kis(), "test.toml"))
    check_guard(check_settings(kis(kis={"hours": "any"}), "test.toml"))


# -- secrets ----------------------------------------------------------------------------------------------------------


def test_no_secret_is_a_strategys_business_and_the_names_are_shown() -> None:
    settings = check_settings(kis(), "test.toml")
    assert set(settings.venue.secret_names) == {f"TEST_{n.upper()}{end}" for n in NAMES for end in ("", "_FILE")}
    assert masked("venue.kis.app_secret_env", "NAME") == "NAME"
    assert masked("app_secret", "abc") == masked("app_key", "abc") == MASK


def test_without_keys_nothing_is_asked_of_a_host_that_is_not_here(host: ThreadedHost) -> None:
    data = kis()
    data["venue"]["kis"] = {}
    with (
        pytest.raises(Stopped, match="KIS answers no question without keys"),
        connect(check_settings(data, "test.toml"), None, host, Nobody()),
    ):
        pass


def test_keys_come_from_the_environment_or_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: ThreadedHost
) -> None:
    (tmp_path / "secret").write_text(f"{DEMO_KIS_APP_SECRET}\n", encoding="utf-8")
    monkeypatch.setenv("TEST_ACCOUNT_NUMBER_ENV", "50012345")
    monkeypatch.setenv("TEST_APP_KEY_ENV", "k" * 36)
    monkeypatch.setenv("TEST_APP_SECRET_ENV_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("TEST_HTS_ID_ENV", "someone")
    with connect(check_settings(kis(), "test.toml"), None, host, Nobody()) as venue:
        can = venue.orders.capabilities
    assert (can.venue, can.orders_end_with_day, can.has_server_time) == ("kis", True, False)
    assert can.costs is not None
    assert (str(can.costs.commission_rate), str(can.costs.off_by)) == ("0.00015", "10")


def test_all_that_is_missing_is_named_at_once(host: ThreadedHost) -> None:
    with pytest.raises(Stopped) as stopped, connect(check_settings(kis(), "test.toml"), None, host, Nobody()):
        pass
    assert all(f"no key: set TEST_{name.upper()}, " in stopped.value.sentence for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("secret", ["PSabcdEFGHijklMNOPqrstUVWXyz01234567", "50012345", "gildong", "50012345-01"])
def test_a_secret_in_place_of_its_name_is_refused_and_not_shown(name: str, secret: str) -> None:
    with pytest.raises(Stopped) as stopped:
        check_settings(kis(kis={name: secret}), "test.toml")
    assert f"venue.kis.{name}: not the name of an environment variable" in stopped.value.sentence
    assert secret not in stopped.value.sentence


@pytest.mark.parametrize("number", ["7654321", "987654321", "9876543201", "98765432-01"])
def test_an_account_number_in_another_form_is_told_which_form_is_wanted(
    number: str, monkeypatch: pytest.MonkeyPatch, host: ThreadedHost
) -> None:
    for name in NAMES:
        monkeypatch.setenv(f"TEST_{name.upper()}", "k" * 36)
    monkeypatch.setenv("TEST_ACCOUNT_NUMBER_ENV", number)
    with pytest.raises(Stopped) as stopped, connect(check_settings(kis(), "test.toml"), None, host, Nobody()):
        pass
    assert "TEST_ACCOUNT_NUMBER_ENV is not the account's first eight digits" in stopped.value.sentence
    assert number.strip() not in stopped.value.sentence


@pytest.mark.parametrize(
    ("account", "symbols", "said"),
    [("1234", ["005930"], "ACCOUNT_NUMBER"), ("50012345", [f"{n:06}" for n in range(21)], "41 for an app key")],
)
def test_what_the_adapter_cannot_use_is_said_without_showing_it(
    account: str, symbols: list[str], said: str, monkeypatch: pytest.MonkeyPatch, host: ThreadedHost
) -> None:
    for name in NAMES:
        monkeypatch.setenv(f"TEST_{name.upper()}", "hunter2hunter2hunter2hunter2hunter22")
    monkeypatch.setenv("TEST_ACCOUNT_NUMBER_ENV", account)
    data = kis()
    data["strategies"][0]["symbols"] = symbols
    with pytest.raises(Stopped) as stopped, connect(check_settings(data, "test.toml"), None, host, Nobody()):
        pass
    assert said in stopped.value.sentence
    assert "hunter" not in stopped.value.sentence


# -- the shipped files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_the_shipped_configurations_are_whole_and_agree(name: str) -> None:
    settings = load_settings(ROOT / "config" / name)
    check_guard(settings)
    assert (settings.venue.adapter, settings.risk.currency, settings.risk.enabled) == ("kis", "KRW", True)
    assert "DEMO" not in (ROOT / "config" / name).read_text(encoding="utf-8")


def test_the_simulated_one_is_started_in_kis_words_with_the_fees_that_are_estimated() -> None:
    settings = load_settings(ROOT / "config" / "kis-simulator.toml")
    started = simulator_settings(settings, RunOptions())
    assert started is not None
    assert (started.dialect, started.kis.host, started.kis.always_open) == ("kis", "paper", True)
    assert started.kis.commission_rate == settings.venue.kis.commission_rate
    assert started.kis.sell_tax_rate == settings.venue.kis.sell_tax_rate


def test_the_token_is_kept_beside_the_ledger() -> None:
    settings = load_settings(ROOT / "config" / "kis-live.toml")
    assert token_file(settings) == Path("logs/kis-live.kis-token.json")


# -- doctor -----------------------------------------------------------------------------------------------------------


def found(settings: Settings, now_ns: int = OPEN_NS) -> dict[str, Check]:
    return {check.name: check for check in checks_kis.look(settings, now_ns)}


def test_each_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_APP_KEY_ENV", "k")
    failed = [check.said for check in checks_kis.look(check_settings(kis(), "t"), OPEN_NS) if check.name == "keys"]
    assert len(failed) == 3
    assert "set TEST_ACCOUNT_NUMBER_ENV, or TEST_ACCOUNT_NUMBER_ENV_FILE" in failed[0]


def test_the_hours_of_the_exchange_are_told() -> None:
    settings = check_settings(kis(), "t")
    assert found(settings, OPEN_NS)["hours"].said.startswith("KRX trades until 2026-02-")
    assert found(settings, CLOSED_NS)["hours"].said.startswith("KRX is closed; it opens 2026-02-")
    assert found(settings, CLOSED_NS)["hours"].said.endswith("09:00 KST")
    assert found(settings, 0)["hours"].level is Level.WARN, "1970 is in no calendar"


@pytest.mark.parametrize(("symbols", "level"), [(20, Level.OK), (21, Level.FAIL)])
def test_more_symbols_than_the_socket_has_room_for(symbols: int, level: Level) -> None:
    data = kis()
    data["strategies"][0]["symbols"] = [f"{number:06}" for number in range(symbols)]
    assert found(check_settings(data, "t"))["socket"].level is level


def write(folder: Path, simulator: RunningSimulator, symbol: str = "") -> Path:
    """`symbol`: traded alone, with the names of variables of these tests."""
    text = (ROOT / "config" / "kis-simulator.toml").read_text(encoding="utf-8")
    there = f'start_simulator = false\nrest_url = "http://127.0.0.1:{simulator.port}"\n'
    there += f'stream_url = "ws://127.0.0.1:{simulator.port}/tryitout"\n'
    lines = [there if line.startswith("start_simulator") else f"{line}\n" for line in text.splitlines()]
    if symbol:
        lines = [f'symbols = ["{symbol}"]\n' if line.startswith("symbols") else line for line in lines]
        names = "".join(f'{name} = "TEST_{name.upper()}"\n' for name in NAMES)
        lines = [f"{line}{names}" if line.startswith("[venue.kis]") else line for line in lines]
    path = folder / "kis.toml"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def kept(path: Path, **changes: Any) -> str:
    token = {"owner": "x", "token": "t", "expires_ns": OPEN_NS + 1, "lifetime_s": 86400, "asked_ns": 1, **changes}
    path.write_text(json.dumps(token), encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def test_the_doctor_looks_into_the_token_file_and_shows_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    settings = check_settings(kis(kis={"token_file": str(path)}), "t")
    assert found(settings)["token"].said.startswith("none in")
    kept(path)
    assert (found(settings)["token"].level, "kept in" in found(settings)["token"].said) == (Level.OK, True)
    assert "has ended" in found(settings, OPEN_NS + 2)["token"].said
    path.chmod(0o644)
    assert found(settings)["token"].advice == f"chmod 600 {path}"
    for text in ("garbage{", "[1]", "{}", '{"owner": "x", "token": "hunter2", "expires_ns": "hunter2"}'):
        path.write_text(text, encoding="utf-8")
        assert found(settings)["token"].level is Level.WARN
        assert "hunter2" not in found(settings)["token"].said
    path.unlink()
    path.mkdir()
    assert "IsADirectoryError" in found(settings)["token"].said


@pytest.mark.process
@pytest.mark.parametrize(
    ("variable", "value", "symbol", "check", "said", "advice"),
    [
        ("APP_KEY", "w" * 36, "005930", "key", "EGW00103", "app_key_env"),
        ("ACCOUNT_NUMBER", "50099999", "005930", "key", "OPSQ2000", "account_number_env"),
        ("ACCOUNT_NUMBER", DEMO_KIS_ACCOUNT, "999999", "symbols", "the price of 999999", "symbols"),
    ],
)
def test_what_the_venue_refuses_is_said_with_what_to_correct_by_the_doctor_and_by_a_run(
    variable: str, value: str, symbol: str, check: str, said: str, advice: str,
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    demo = (DEMO_KIS_ACCOUNT, DEMO_KIS_APP_KEY, DEMO_KIS_APP_SECRET, DEMO_KIS_HTS_ID)
    for name, word in zip(NAMES, demo, strict=True):
        monkeypatch.setenv(f"TEST_{name.upper()}", word)
    monkeypatch.setenv(f"TEST_{variable}_ENV", value)
    section = {"always_open": True, "requests_per_s": 18}
    with in_thread(SimulatorSettings.model_validate({"dialect": "kis", "kis": section})) as simulator:
        path = write(tmp_path, simulator, symbol)
        asked = cli("doctor", "--config", path, "--json")
        ran = cli("run", "--config", path, "--for", "1")
    failed = [each for each in json.loads(asked.out)["checks"] if each["level"] == "fail"]
    assert [each["name"] for each in failed] == [check]
    assert said in failed[0]["said"]
    assert advice in failed[0]["advice"]
    assert ran.code == ExitCode.CONFIG
    assert said in ran.err
    assert advice in ran.err
    assert DEMO_KIS_APP_SECRET not in ran.err + asked.out


@pytest.mark.process
def test_the_doctor_gets_a_token_asks_for_the_account_and_compares_no_clock(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    section = {"always_open": True, "requests_per_s": 18}
    settings = SimulatorSettings.model_validate({"dialect": "kis", "kis": section, "events_per_s": 0})
    with in_thread(settings) as simulator:
        path = write(tmp_path, simulator)
        answer = json.loads(cli("doctor", "--config", path, "--json").out)
    levels = {check["name"]: check["level"] for check in answer["checks"]}
    assert answer["ok"], answer
    assert (levels["clock"], levels["key"], levels["keys"], levels["token"]) == ("ok", "ok", "ok", "ok")
    assert levels["symbols"] == "ok"
    kept = tmp_path / "logs" / "kis-simulator.kis-token.json"
    assert kept.stat().st_mode & 0o077 == 0, "nobody else may read it"

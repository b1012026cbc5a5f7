"""No secret in anything that a run writes, whatever goes wrong in it: recognisable ones are planted and looked for."""

import base64
import json
import signal
import sqlite3
import urllib.parse
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.app.kit import real
from tests.process.canaries import leaks, written
from tests.process.kit import Run, Simulator, running, simulator, until, write_config
from tests.process.test_kis import config as kis_config

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

KEY = "CanaryKeyOfBinance_5f27ab91c3e84d60b7a2e19f"
SECRET = "canary/Secret+of=Binance 5b90 8c1f&7d3e"
HOOK = "https://user:canaryLogin41@hooks.invalid/send?token=canaryHookToken8813"
APP_KEY = "CanaryAppKeyOfKis0001".ljust(36, "k")
APP_SECRET = "Canary+App/Secret=OfKis0002".ljust(180, "s")
ACCOUNT, HTS_ID = "73190482", "canaryhts7319"
PARTS_OF_HOOK = {"login": "canaryLogin41", "token of the hook": "canaryHookToken8813"}
STRATEGY = """
from decimal import Decimal
from pathlib import Path
from bulkhead import Decision, Side, Strategy

class Rogue(Strategy):
    class Parameters(Strategy.Parameters):
        told: Path
        hook: str
        access_token: str

    def on_tick(self, tick, view):
        if self.parameters.told.exists():
            raise ValueError("it misbehaves")
        market = view.market(tick.symbol)
        if market is None or market.bid is None or view.working(tick.symbol) != 0:
            return None
        price = (market.bid * Decimal("0.99")).quantize(Decimal("0.01"))
        return Decision.enter(tick.symbol, Side.BUY, "rest a bid", limit_price=price)
"""


def rogue(folder: Path) -> str:
    """A strategy whose own parameters hold a token, and that raises once the file `told` is there."""
    (folder / "rogue.py").write_text(STRATEGY, encoding="utf-8")
    return f"""[[strategies]]
id = "rogue"
use = "{folder / "rogue.py"}:Rogue"
symbols = ["ETHUSDT"]
sizing = {{ notional = "1000" }}
[strategies.parameters]
told = "{folder / "told"}"
hook = "{HOOK}"
access_token = "{PARTS_OF_HOOK["token of the hook"]}"
"""


def test_the_search_finds_what_it_looks_for() -> None:
    """Were it blind, the others could not fail."""
    for spelled in (
        SECRET,
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        SECRET.encode().hex(),
        *(base64.b64encode(before + SECRET.encode() + b"tail").decode() for before in (b"", b"x", b"xy", b"xyz")),
        base64.urlsafe_b64encode(f"{KEY}:{SECRET}".encode()).decode(),
        SECRET.upper(),
    ):
        assert leaks({"secret": SECRET}, [("file", f"before {spelled} behind".encode())]), spelled
    assert not leaks({"secret": SECRET}, [("file", SECRET[:-1].encode())])
    assert leaks({"account": ACCOUNT}, [("file", f"{ACCOUNT}-01".encode())])
    assert not leaks({"account": ACCOUNT}, [("file", f"1{ACCOUNT}00 0.{ACCOUNT}".encode())])


def test_the_search_unpacks_what_is_packed(tmp_path: Path) -> None:
    rows = pa.table({"raw": [f"row {n}" for n in range(100)] + [SECRET]})
    pq.write_table(rows, tmp_path / "ticks.parquet", compression="zstd")
    with closing(sqlite3.connect(tmp_path / "books.db")) as db:
        db.execute("create table t (c text)")
        db.execute("insert into t values (?)", (SECRET,))
        db.commit()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "app.log").write_text(f"key {SECRET}", encoding="utf-8")
    places = {found.split(": ")[0] for found in leaks({"it": SECRET}, written(tmp_path))}
    wanted = {"it in ticks.parquet, unpacked", "it in books.db", "it in books.db, dumped", "it in deep/app.log"}
    assert places >= wanted


def put_secret(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, secret: str) -> Path:
    path = folder / name
    path.write_text(secret + "\n", encoding="utf-8")
    path.chmod(0o600)
    monkeypatch.setenv(f"{name}_FILE", str(path))
    return path


def says(run: Run, words: str) -> bool:
    """Whether it stands in any of the session's streams."""
    return any(words in path.read_text(encoding="utf-8") for path in run.session_dir.glob("*.jsonl"))


def looked_at(folder: Path, config: Path) -> list[tuple[str, bytes]]:
    """What the commands of an operator print about the run."""
    asked = (
        ("doctor", "--config", config, "--json"),
        ("tail", "--no-follow"),
    )
    said = []
    for command in asked:
        done = real(*command, cwd=folder, timeout_s=120)
        said.append((f"`{command[0]}`", (done.out + done.err).encode()))
    return said


@pytest.mark.req("S-16")
def test_no_secret_of_binance_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = put_secret(tmp_path, monkeypatch, "CANARY_KEY", KEY)
    secret = put_secret(tmp_path, monkeypatch, "CANARY_SECRET", SECRET)
    monkeypatch.setenv("PYTHONFAULTHANDLER", "1")
    names: dict[str, object] = {"api_key_env": "CANARY_KEY", "api_secret_env": "CANARY_SECRET"}
    with simulator(tmp_path, api_key=KEY, api_secret=SECRET) as venue:
        config = write_config(tmp_path, venue.port, strategies=rogue(tmp_path), venue=names)
        with running(config) as run:
            run.until_trading()
            until(lambda: venue.books()["open_orders"], "an order rests")
            venue.fault(spoil={"requests": "order", "answer": "contradiction"}, lose_order_replies=1)
            venue.fault(spoil={"requests": "list", "answer": "contradiction"}, drop_connections=True)
            (tmp_path / "told").touch()
            until(lambda: says(run, "actor_crash_loop"), "the strategy is given up")
            until(lambda: "it misbehaves" in (run.session_dir / "app.log").read_text(), "its traceback is in the log")
            refuse_key(venue, api_key="another-key-than-that")
            until(lambda: says(run, "Invalid API-key"), "the key is refused")
            run.process.send_signal(signal.SIGABRT)  # a crash, with every thread's stack
            output = run.output()
        assert "Current thread" in output, output
        refused = real("run", "--config", config, "--for", "1", cwd=tmp_path)
        assert "the venue refuses this key" in refused.sentence
        said = [("the run", output.encode()), ("its next start", (refused.out + refused.err).encode())]
        said += looked_at(tmp_path, config)
    secrets = {"key": KEY, "secret": SECRET, **PARTS_OF_HOOK}
    books = list(tmp_path.glob("venue.db*"))
    assert leaks(secrets, [*said, *written(tmp_path, key, secret, config, *books)]) == []


def refuse_key(venue: Simulator, **settings: Any) -> None:
    """It comes back at the same port with the same books, and knows another key."""
    venue.stop()  # or it is already
    venue._settings.update(settings)
    venue.start()


@pytest.mark.req("S-16")
def test_no_secret_of_kis_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {"APP_KEY": APP_KEY, "APP_SECRET": APP_SECRET, "ACCOUNT_NUMBER": ACCOUNT, "HTS_ID": HTS_ID}
    monkeypatch.setenv("PYTHONFAULTHANDLER", "1")
    files = [put_secret(tmp_path, monkeypatch, f"CANARY_{name}", secret) for name, secret in planted.items()]
    known = {name.lower(): secret for name, secret in planted.items()}
    kis: dict[str, object] = {"host": "real", "always_open": True, **known}
    symbols = ("005930", "000660", "069500")
    with simulator(tmp_path, dialect="kis", kis=kis, events_per_s=150, symbols=symbols) as venue:
        config = kis_config(tmp_path, venue.port)
        names = "\n".join(f'{name.lower()}_env = "CANARY_{name}"' for name in planted)
        config.write_text(config.read_text(encoding="utf-8").replace('host = "real"', f'host = "real"\n{names}', 1))
        with running(config) as run:
            run.until_trading()
            until(lambda: "FillRecorded" in {line["type"] for line in run.lines("obs_orders_fills")}, "it trades")
            venue.fault(unknown_orders={"count": 1, "accept": True}, reject_later=1, drop_connections=True)
            venue.fault(spoil={"requests": "list", "answer": "contradiction"})
            until(lambda: says(run, "EGW00302"), "an order is in doubt")
            venue.stop()
            until(lambda: says(run, "exchange_disconnect"), "the venue is missed")
            refuse_key(venue, kis={**kis, "app_secret": "t" * 180})
            venue.fault(expire_tokens=True)
            run.process.send_signal(signal.SIGABRT)
            output = run.output()
        assert "Current thread" in output, output
        refused = real("run", "--config", config, "--for", "1", cwd=tmp_path, timeout_s=200)
        assert "the venue refuses this key" in refused.sentence
        said = [("the run", output.encode()), ("its next start", (refused.out + refused.err).encode())]
        said += looked_at(tmp_path, config)
    with closing(sqlite3.connect(tmp_path / "venue.db")) as db:
        kept = json.loads(db.execute("select value from meta where name = 'kis/keys'").fetchone()[0])
    given = {f"token {n}": token for n, token in enumerate(kept["tokens"])}
    given |= {f"approval {n}": approval for n, approval in enumerate(kept["approvals"])}
    assert len(given) >= 2, "a token and an approval key were given"
    (tokens,) = tmp_path.rglob("*.kis-token.json")
    assert tokens.stat().st_mode & 0o077 == 0
    books = list(tmp_path.glob("venue.db*"))
    assert leaks({**planted, **given}, [*said, *written(tmp_path, *files, tokens, *books)]) == []

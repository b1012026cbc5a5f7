"""KIS (Korea Investment & Securities), its paper host, and our simulated venue in its words: the adapter as the
settings want it.

Money is guarded twice: by `session.mode`, and by the host that the keys are for. They must say the same.
"""

import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.secret_files import read_secret
from bulkhead.app.settings import Settings
from bulkhead.app.venue_making import Adapter, Making, Traded, Wire, is_here, log_fault, refused_settings
from bulkhead.market.calendar import ALWAYS
from bulkhead.venues import krx
from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.simulator.settings import (
    DEMO_KIS_ACCOUNT,
    DEMO_KIS_APP_KEY,
    DEMO_KIS_APP_SECRET,
    DEMO_KIS_HTS_ID,
)
from bulkhead.venues.transport.http import HttpSettings
from messages.values import Mode

if TYPE_CHECKING:
    from bulkhead.venues.adapters.kis import KisSettings

OFFICIAL_HOSTS = {
    # As the official sample's kis_devlp.yaml names them.
    "openapi.koreainvestment.com:9443": "real",
    "openapivts.koreainvestment.com:29443": "paper",
    "ops.koreainvestment.com:21000": "real",
    "ops.koreainvestment.com:31000": "paper",
}
OFFICIAL_DOMAIN = "koreainvestment.com"
SIMULATOR_WS_PATH = "/tryitout"
KRX = "XKRX"


def token_file(settings: Settings) -> Path:
    """Beside the ledger: the two belong to one account."""
    return settings.venue.kis.token_file or settings.session.ledger_file.with_suffix(".kis-token.json")


def _make(making: Making) -> Wire:
    # Imported when wanted: with it comes what only this venue needs (AES for its notices).
    from bulkhead.venues.adapters.kis import KisFeed, KisOrders, KisQuotes, KisSession

    if making.is_lockstep:
        raise Stopped(ExitCode.CONFIG, "a recorded tape is played in the words of Binance: set venue.adapter to it")
    settings, host = making.settings, making.host
    try:
        session = KisSession(
            _adapter_settings(settings, making.simulator_port),
            now_ns=host.now_ns,
            monotonic_ns=host.monotonic_ns,
            rng=Random(f"{settings.session.seed}:kis"),  # noqa: S311 - backoff jitter, not a secret
            on_fault=log_fault,
        )
        orders = KisOrders(session, guard=making.guard, on_sent=making.on_sent)
        return Wire(orders, KisFeed(session), quotes=(KisQuotes(session),))
    except ValidationError as error:
        raise refused_settings(error) from None
    except ValueError as error:
        raise Stopped(ExitCode.CONFIG, f"venue.kis: {error}") from None


def _adapter_settings(settings: Settings, simulator_port: int | None) -> "KisSettings":
    from bulkhead.venues.adapters.kis import KisSettings

    venue, kis = settings.venue, settings.venue.kis
    rest, ws = venue.rest_url or "", venue.stream_url or ""
    if simulator_port is not None:
        rest, ws = f"http://127.0.0.1:{simulator_port}", f"ws://127.0.0.1:{simulator_port}{SIMULATOR_WS_PATH}"
    more: dict[str, Any] = {} if venue.rates == RateSettings() else {"rates": venue.rates}
    return KisSettings(
        venue=venue.name,
        account=venue.account,
        host=kis.host,
        rest_url=rest,
        ws_url=ws,
        **_credentials(settings, rest),
        product=kis.product,
        symbols=settings.symbols,
        exchange=kis.exchange,
        # A venue that begins with this run knows no token of an earlier one.
        token_file=None if simulator_port is not None else token_file(settings),
        is_new_customer=kis.is_new_customer,
        commission_rate=kis.commission_rate,
        sell_tax_rate=kis.sell_tax_rate,
        cost_off_by=kis.cost_off_by,
        own_channels=kis.own_channels,
        http=HttpSettings(read_timeout_s=venue.request_timeout_s),
        **more,
    )


def _credentials(settings: Settings, rest_url: str) -> dict[str, SecretStr]:
    """The configured ones; for a venue on this machine without any, the simulator's well-known words."""
    kis = settings.venue.kis
    names = {
        "app_key": kis.app_key_env,
        "app_secret": kis.app_secret_env,
        "account_number": kis.account_number_env,
        "hts_id": kis.hts_id_env,
    }
    if all(names.values()):
        read = _read({key: name for key, name in names.items() if name is not None})
        if re.fullmatch(r"[0-9]{8}", read["account_number"].get_secret_value()) is None:
            sentence = (
                f"{names['account_number']} is not the account's first eight digits (0 to 9, nothing else): its last"
                " two are venue.kis.product"
            )
            raise Stopped(ExitCode.CONFIG, sentence)
        return read
    if not is_here(rest_url):
        wanted = ", ".join(f"{key}_env" for key in names)
        sentence = f"KIS answers no question without keys, not even about prices: set {wanted} under [venue.kis]"
        raise Stopped(ExitCode.CONFIG, sentence)
    demo = (DEMO_KIS_APP_KEY, DEMO_KIS_APP_SECRET, DEMO_KIS_ACCOUNT, DEMO_KIS_HTS_ID)
    return {key: SecretStr(word) for key, word in zip(names, demo, strict=True)}


def _read(names: dict[str, str]) -> dict[str, SecretStr]:
    """Raises Stopped with all that is missing at once: whoever begins has set none of them."""
    read, missing = {}, []
    for key, name in names.items():
        try:
            read[key] = read_secret(name)
        except Stopped as stopped:
            missing.append(stopped.sentence)
    if missing:
        raise Stopped(ExitCode.CONFIG, f"{'; '.join(missing)}; docs/venues/kis.md says where each comes from")
    return read


def _check(settings: Settings) -> None:
    venue, host, mode = settings.venue, settings.venue.kis.host, settings.session.mode
    _hours(settings)
    if re.search(r"[0-9]{8}", venue.account):
        sentence = "venue.account holds the number of an account, and stands in every file: give it a name of your own"
        raise Stopped(ExitCode.CONFIG, sentence)
    for key, url in (("rest_url", venue.rest_url), ("stream_url", venue.stream_url)):
        official = _official_host(key, url) or host
        if official != host:
            sentence = f"venue.{key} is KIS's {official} host, and venue.kis.host says {host!r}: make them the same"
            raise Stopped(ExitCode.CONFIG, sentence)
    if venue.start_simulator or is_here(venue.rest_url):
        return
    if urlsplit(venue.rest_url or "").scheme != "https":
        raise Stopped(ExitCode.CONFIG, "venue.rest_url is not https: the app key and its secret would travel in clear")
    if host == "paper" and venue.kis.exchange != "KRX":
        raise Stopped(ExitCode.CONFIG, f"KIS's paper host has KRX only, and venue.kis.exchange is {venue.kis.exchange}")
    if settings.paper.is_local:
        return  # its prices are as good from either, and no order leaves
    if (mode is Mode.LIVE) != (host == "real"):
        sentence = f"session.mode = {mode.value!r} contradicts venue.kis.host = {host!r}: they must agree"
        raise Stopped(ExitCode.CONFIG, sentence)


def _official_host(key: str, url: str | None) -> str | None:
    """Which of KIS's hosts it is, however it is written; None: nobody's that we know. Raises Stopped for an address of
    KIS's that is neither: nobody could tell which money is there."""
    parts = urlsplit(url or "")
    name = (parts.hostname or "").rstrip(".")  # a host's name is the same in capitals, and with a dot behind it
    try:
        found = OFFICIAL_HOSTS.get(f"{name}:{parts.port}")
    except ValueError:
        raise Stopped(ExitCode.CONFIG, f"venue.{key} has a port that is no number from 0 to 65535") from None
    if found is None and f".{name}".endswith(f".{OFFICIAL_DOMAIN}"):
        known = ", ".join(OFFICIAL_HOSTS)
        sentence = f"venue.{key} is at KIS, and is none of its hosts, which are {known}: correct name and port"
        raise Stopped(ExitCode.CONFIG, sentence)
    return found


def _hours(settings: Settings) -> Callable[[int], bool] | None:
    """KRX's, where entries are held to them: KIS refuses an order outside of them, and a few refusals in a row trip the
    risk guard. Reads the calendar, which takes a moment. Raises Stopped when it is not installed."""
    if _keeps_no_hours(settings):
        return None
    try:
        krx.sessions_between(krx.CALENDAR_FROM, krx.CALENDAR_FROM)
    except krx.CalendarMissing as error:
        raise Stopped(ExitCode.CONFIG, f'{error}; or leave the hours to KIS by venue.kis.hours = "any"') from None
    return _is_open_at


def _keeps_no_hours(settings: Settings) -> bool:
    venue = settings.venue
    is_simulated = venue.start_simulator or is_here(venue.rest_url)
    return venue.kis.hours == "any" or (is_simulated and settings.simulator.always_open)


def _is_open_at(at_ns: int) -> bool:
    try:
        return krx.is_trading_at(at_ns)
    except krx.OutsideCalendar:
        return False  # beyond what is known: no entry


def _exchange(settings: Settings) -> Traded:
    """KRX's hours, but where the venue keeps none, or the hours are left to it."""
    is_any = _keeps_no_hours(settings)
    return Traded(ALWAYS if is_any else KRX, frozenset({KRX, ALWAYS} if is_any else {KRX}))


def _simulated(settings: Settings) -> dict[str, object]:
    """Its fees are those that the adapter estimates, so that the two agree to the won."""
    kis = settings.venue.kis
    section = {
        "host": kis.host,
        "always_open": settings.simulator.always_open,
        "commission_rate": kis.commission_rate,
        "sell_tax_rate": kis.sell_tax_rate,
    }
    return {"dialect": "kis", "kis": section}


KIS = Adapter(
    make=_make,
    check=_check,
    simulated=_simulated,
    hours=_hours,
    exchange=_exchange,
    key_names="app_key_env, app_secret_env, account_number_env, product and host of [venue.kis]",
)

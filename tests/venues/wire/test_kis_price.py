"""The price of a symbol at KIS, and the trading rules that it states."""

import json
from decimal import Decimal

import pytest

from bulkhead.venues.wire.facts import Answered, ProtocolError
from bulkhead.venues.wire.kis import price, terms
from bulkhead.venues.wire.kis_price import Priced
from messages.instruments import tick_in
from tests.venues.wire import kis_samples as samples

CALLER = terms.Caller(
    terms.Host.PAPER, terms.Keys(samples.APP_KEY, samples.APP_SECRET), "token", terms.Account("12345678")
)
SAMSUNG = json.loads(samples.PRICE)["output"]


def read(**changes: str) -> Priced | ProtocolError:
    body = {**json.loads(samples.PRICE), "output": {**SAMSUNG, **changes}}
    return price.price_answer(Answered(200, json.dumps(body)), "005930")


def priced(**changes: str) -> Priced:
    found = read(**changes)
    assert isinstance(found, Priced), found
    return found


def test_the_request_is_the_same_at_both_hosts() -> None:
    request = price.price(CALLER, "005930")
    assert (request.method, request.headers["tr_id"]) == ("GET", "FHKST01010100")
    assert request.query == "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=005930"
    assert request.costs == {terms.REQUESTS: 1}
    assert "12345678" not in request.query


def test_a_share() -> None:
    found = priced()
    assert (found.price, found.tick, found.base) == (Decimal(71_900), Decimal(100), Decimal(72_000))
    assert (found.lower, found.upper, found.listed) == (Decimal(50_400), Decimal(93_600), Decimal(5_969_782_550))
    assert (found.status, found.is_halted, found.is_etf, found.sector) == ("55", False, False, "전기.전자")
    (rules,) = price.instruments([found])
    assert (rules.base_asset, rules.quote_asset, rules.lot_size) == ("005930", "KRW", Decimal(1))
    assert tick_in(rules.tick_bands, Decimal(71_900)) == found.tick
    assert tick_in(rules.tick_bands, Decimal(4_995)) == Decimal(5)
    assert (rules.max_quantity, rules.is_trading) == (Decimal(5_969_782_550), True)


@pytest.mark.parametrize(("changes"), [{"iscd_stat_cls_code": "58"}, {"temp_stop_yn": "Y"}])
def test_a_halted_symbol_does_not_trade(changes: dict[str, str]) -> None:
    (rules,) = price.instruments([priced(**changes)])
    assert not rules.is_trading


@pytest.mark.parametrize("status", ["00", "51", "52", "53", "54", "57", "59"])
def test_a_warning_is_no_halt(status: str) -> None:
    assert not priced(iscd_stat_cls_code=status).is_halted


@pytest.mark.parametrize(
    ("at", "tick", "sector", "is_etf"),
    [
        ("71900", "5", "", True),
        ("71900", "100", "ETF", False),  # the tick is the venue's, a name anybody's
        ("3000", "5", "ETF", True),
        ("3000", "5", "금융", False),
        ("1500", "1", "ETN", True),
    ],
)
def test_a_fund_is_known_by_its_tick_or_by_name(at: str, tick: str, sector: str, is_etf: bool) -> None:
    limits = {"stck_llam": "1", "stck_mxpr": "99999999"}
    found = priced(stck_prpr=at, aspr_unit=tick, bstp_kor_isnm=sector, **limits)
    assert found.is_etf is is_etf
    (rules,) = price.instruments([found])
    assert tick_in(rules.tick_bands, found.price) == found.tick


def test_the_version_is_that_of_the_rules() -> None:
    (one,) = price.instruments([priced()])
    (later,) = price.instruments([priced(stck_prpr="72000", stck_sdpr="71900", stck_mxpr="93400")])
    (halted,) = price.instruments([priced(temp_stop_yn="Y")])
    assert one.version == later.version != halted.version


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stck_prpr": "0"}, "there is no 005930, or it has no price"),
        ({"aspr_unit": "7"}, "a tick of 7 at 71900 won is none of KRX's"),
        ({"stck_shrn_iscd": "000660"}, "asked for 005930, it answers 000660"),
        ({"stck_prpr": "99900"}, "its limits are 50400 to 93600"),
        ({"stck_prpr": "-71900"}, "stck_prpr"),
        ({"lstn_stcn": "many"}, "lstn_stcn"),
    ],
)
def test_what_cannot_be_is_refused_with_its_numbers(changes: dict[str, str], reason: str) -> None:
    found = read(**changes)
    assert isinstance(found, ProtocolError)
    assert reason in found.reason


def test_what_is_not_stated_has_a_default() -> None:
    bare = {key: value for key, value in SAMSUNG.items() if key in ("stck_prpr", "aspr_unit", "stck_llam", "stck_mxpr")}
    body = {"rt_cd": "0", "output": {**bare, "stck_sdpr": "72000"}}
    found = price.price_answer(Answered(200, json.dumps(body)), "005930")
    assert isinstance(found, Priced)
    assert (found.sector, found.status, found.listed) == ("", "", Decimal(0))
    (rules,) = price.instruments([found])
    assert rules.max_quantity > 10**8

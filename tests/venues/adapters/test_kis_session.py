"""Getting in and staying in at KIS: token, approval key, budget, and what none of them may show."""

import json
import stat
import threading
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from bulkhead.venues.adapters.kis import KisSession
from bulkhead.venues.adapters.kis_rates import limits, make_turns, usage
from bulkhead.venues.adapters.kis_tokens import NotGranted, TokenStore
from bulkhead.venues.port import VenueBusy, VenueRefused, VenueUnavailable
from bulkhead.venues.transport.http import HttpChannel
from bulkhead.venues.transport.rate_budget import Purpose
from bulkhead.venues.transport.turns import Turn, sleep
from bulkhead.venues.wire.facts import Answered
from bulkhead.venues.wire.kis import auth, terms
from messages.orders import OrderAccepted, OrderNotSent, OrderQueryFailed, OrderStatusReported
from tests.venues.adapters.kis_kit import House, house, kis_settings
from tests.venues.adapters.kis_peer import (
    BALANCE,
    CHANGE,
    LIST,
    NEVER,
    ORDER,
    TOKEN,
    KisPeer,
    kis_peer,
    now_ns,
    refusal,
)
from tests.venues.adapters.kit import Log
from tests.venues.transport.peers import until
from tests.venues.wire import kis_samples as samples

S = 10**9
NEXT_TOKEN = samples.ACCESS_TOKEN[::-1]
TOO_SOON = (403, samples.TOKEN_TOO_SOON)
BAD_KEY = (403, json.dumps({"error_code": "EGW00103", "error_description": "유효하지 않은 AppKey입니다."}))


class Clock:
    def __init__(self) -> None:
        self.ns = now_ns()

    def __call__(self) -> int:
        return self.ns


def store_at(port: int, clock: Clock, **more: object) -> tuple[TokenStore, list[str]]:
    faults: list[str] = []
    settings = kis_settings(port, "ws://127.0.0.1:1/", **more)
    session = House(KisPeer(), port, "ws://127.0.0.1:1/", rates={"is_enforced": False}).session
    return TokenStore(settings, session.turns, clock, lambda _, error: faults.append(str(error))), faults


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_a_token_is_kept_and_renewed_by_a_question_half_an_hour_before_its_end() -> None:
    clock = Clock()
    with kis_peer() as (peer, port, _):
        store, _ = store_at(port, clock)
        first = store.usable(Purpose.ENTRY)
        assert isinstance(first, auth.Token)
        clock.ns = first.expires_ns - 31 * 60 * S
        assert store.usable(Purpose.SURVEY) == first
        clock.ns += 2 * 60 * S
        assert store.usable(Purpose.ENTRY) == first, "an order does not wait for a new one"
        assert len(peer.asked(TOKEN)) == 1
        peer.token, peer.token_life = NEXT_TOKEN, timedelta(days=2)
        renewed = store.usable(Purpose.SURVEY)
        assert isinstance(renewed, auth.Token)
        assert renewed.value == NEXT_TOKEN
        assert store.usable(Purpose.CANCEL) == renewed
        assert len(peer.asked(TOKEN)) == 2


def test_a_token_that_cannot_be_renewed_is_used_to_its_end() -> None:
    clock = Clock()
    with kis_peer() as (peer, port, _):
        store, _ = store_at(port, clock)
        first = store.usable(Purpose.ENTRY)
        assert isinstance(first, auth.Token)
        clock.ns = first.expires_ns - 10 * 60 * S
        peer.scripts[TOKEN] += [NEVER, refusal("EGW00002"), BAD_KEY]
        assert store.usable(Purpose.SURVEY) == first
        assert store.usable(Purpose.SURVEY) == first
        assert len(peer.asked(TOKEN)) == 2, "and is asked for once a minute at most"
        clock.ns = first.expires_ns
        refused = store.usable(Purpose.ENTRY)
        assert isinstance(refused, NotGranted)
        assert (refused.code, refused.retry_after_s) == ("EGW00002", None)
        clock.ns += 59 * S
        refused = store.usable(Purpose.ENTRY)
        assert isinstance(refused, NotGranted)
        assert (refused.code, refused.retry_after_s) == ("EGW00002", 1.0)
        clock.ns += 1 * S
        refused = store.usable(Purpose.ENTRY)
        assert isinstance(refused, NotGranted)
        assert (refused.code, refused.is_refused) == ("EGW00103", True)


def test_the_venue_may_say_that_it_is_too_soon() -> None:
    with kis_peer() as (peer, port, _):
        store, _ = store_at(port, Clock())
        peer.scripts[TOKEN].append(TOO_SOON)
        refused = store.usable(Purpose.ENTRY)
        assert isinstance(refused, NotGranted)
        assert (refused.code, refused.retry_after_s, refused.is_refused) == ("EGW00133", 60.0, False)


def test_a_cancel_does_not_wait_for_a_question_that_renews_the_token_early() -> None:
    clock, may_answer = Clock(), threading.Event()
    with kis_peer() as (peer, port, _):
        store, _ = store_at(port, clock)
        first = store.usable(Purpose.SURVEY)
        assert isinstance(first, auth.Token)
        clock.ns = first.expires_ns - 29 * 60 * S

        def hold() -> None:
            may_answer.wait(5.0)

        peer.before[TOKEN] = hold
        question = threading.Thread(target=lambda: store.usable(Purpose.SURVEY))
        question.start()
        until(lambda: len(peer.asked(TOKEN)) == 2, "the token is being renewed")
        began = time.monotonic()
        assert store.usable(Purpose.CANCEL) == first
        assert time.monotonic() - began < 0.2
        may_answer.set()
        question.join(5.0)


def test_a_token_that_nobody_was_asked_for_need_not_wait_a_minute() -> None:
    """The venue wanted a second of peace for another reason."""
    clock, monotonic_ns = Clock(), [0]
    with kis_peer() as (peer, port, url):
        settings = kis_settings(port, url)
        turns = make_turns(settings, lambda: monotonic_ns[0], clock, sleep)
        store = TokenStore(settings, turns, clock, lambda *_: None)
        peer.scripts["/uapi/hashkey"].append(refusal("EGW00201"))
        with HttpChannel(settings.rest_url, settings.http) as channel:
            turns.exchange(channel, Turn(Purpose.SURVEY, 0.0, lambda: False), lambda: auth.hashkey(settings.keys, "{}"))
        held = store.usable(Purpose.CANCEL)
        assert isinstance(held, NotGranted)
        assert peer.asked(TOKEN) == []
        monotonic_ns[0] += 2 * S
        clock.ns += 2 * S
        assert isinstance(store.usable(Purpose.CANCEL), auth.Token)


def test_many_that_need_a_token_ask_for_one() -> None:
    with kis_peer() as (peer, port, _):
        store, _ = store_at(port, Clock())
        got: list[auth.Token | NotGranted] = []
        threads = [threading.Thread(target=lambda: got.append(store.usable(Purpose.QUERY))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(set(got)) == 1
        assert len(peer.asked(TOKEN)) == 1


def test_a_token_outlives_a_restart_in_a_file_of_its_owner(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "kept" / "token.json"
    with kis_peer() as (peer, port, _):
        first = store_at(port, clock, token_file=path)[0].usable(Purpose.ENTRY)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [each.name for each in path.parent.iterdir()] == ["token.json"]
        assert samples.APP_KEY not in path.read_text()
        assert samples.APP_SECRET not in path.read_text()
        again, faults = store_at(port, clock, token_file=path)
        assert again.usable(Purpose.ENTRY) == first
        assert len(peer.asked(TOKEN)) == 1
        assert isinstance(first, auth.Token)
        again.refused(first)
        early = again.usable(Purpose.ENTRY)
        assert isinstance(early, NotGranted)
        assert early.retry_after_s == 60.0
        assert len(peer.asked(TOKEN)) == 1, "the minute is counted over the restart"
        other, _ = store_at(port, clock, token_file=path, app_key=samples.APP_KEY[::-1])
        other.usable(Purpose.ENTRY)
        assert len(peer.asked(TOKEN)) == 2, "another key's token is not used"
        assert not faults


@pytest.mark.parametrize("kept", ["", "{}", "[]", '{"owner": 3}', "\ud7ff"])
def test_a_file_that_is_none_of_ours_is_as_if_it_were_not_there(tmp_path: Path, kept: str) -> None:
    path = tmp_path / "token.json"
    path.write_text(kept)
    path.chmod(0o644)
    with kis_peer() as (_, port, _):
        store, faults = store_at(port, Clock(), token_file=path)
        assert isinstance(store.usable(Purpose.ENTRY), auth.Token)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert all(str(path) in fault for fault in faults)


def test_a_file_that_cannot_be_written_is_reported_and_the_token_used(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    with kis_peer() as (_, port, _):
        store, faults = store_at(port, Clock(), token_file=tmp_path / "blocked" / "token.json")
        assert isinstance(store.usable(Purpose.ENTRY), auth.Token)
        assert [fault for fault in faults if "cannot be written" in fault]
        assert samples.ACCESS_TOKEN not in "".join(faults)


def test_a_question_whose_token_is_refused_is_asked_again_once_with_a_new_one() -> None:
    with house(rates={"is_enforced": False}) as desk:
        ticket, _ = desk.place()
        desk.session.tokens._asked_ns = None  # the minute is over
        desk.peer.token, desk.peer.valid_tokens = NEXT_TOKEN, {NEXT_TOKEN}
        desk.query(ticket.client_order_id)
        desk.log.wait_for(OrderStatusReported)
        assert [asked["token"] for asked in desk.peer.asked(LIST)] == [samples.ACCESS_TOKEN, NEXT_TOKEN]
        assert len(desk.peer.asked(TOKEN)) == 2
        desk.session.tokens._asked_ns = None
        desk.peer.valid_tokens = set()
        desk.query(ticket.client_order_id)
        (failed,) = desk.log.wait_for(OrderQueryFailed)
        assert "EGW00123" in failed.reason
        assert len(desk.peer.asked(LIST)) == 4, "once, and not for ever"


def test_an_order_whose_token_is_refused_is_not_sent_and_the_next_one_has_a_new_token() -> None:
    with house(rates={"is_enforced": False}) as desk:
        desk.place()
        desk.session.tokens._asked_ns = None
        desk.peer.token, desk.peer.valid_tokens = NEXT_TOKEN, {NEXT_TOKEN}
        ticket = desk.submit(desk.ticket())
        (unsent,) = desk.log.wait_for(OrderNotSent)
        assert (unsent.code, unsent.retry_after_s) == ("EGW00123", 1.0)
        assert len(desk.peer.asked(ORDER)) == 2, "it is not sent again here"
        desk.submit(ticket)
        desk.log.wait_for(OrderAccepted, 2)
        assert desk.peer.asked(ORDER)[-1]["token"] == NEXT_TOKEN


def test_without_a_token_nothing_is_sent_and_it_says_when() -> None:
    with kis_peer() as (peer, port, url):
        peer.scripts[TOKEN].append(TOO_SOON)
        desk = House(peer, port, url)
        desk.orders.open(desk.log)
        desk.submit(desk.ticket())
        (unsent,) = desk.log.wait_for(OrderNotSent)
        assert (unsent.code, unsent.retry_after_s) == ("EGW00133", 60.0)
        assert not peer.asked(ORDER)
        desk.orders.close(5.0)


# -- budgets ----------------------------------------------------------------------------------------------------------


def test_the_paper_host_is_asked_once_a_second_and_a_cancel_goes_before_questions() -> None:
    with house() as desk:
        ticket, _ = desk.place()
        for _ in range(3):
            desk.query(ticket.client_order_id)
        desk.survey()
        desk.cancel(ticket.client_order_id)
        desk.answered()
        paths = [(path, at) for path, at in desk.peer.at if "/uapi/" in path]
        gaps = [later - earlier for (_, earlier), (_, later) in pairwise(paths)]
        assert min(gaps) * 30 > 1.0, "a second of the session"
        order = [path for path, _ in paths]
        assert order.index(CHANGE) <= 2, f"whoever had its turn already goes first, nobody else: {order}"


def test_the_limits_of_each_host() -> None:
    def requests(**more: object) -> int:
        found = limits(kis_settings(1, "ws://h/", **more))
        return next(each.limit for each in found if each.kind == terms.REQUESTS)

    assert requests() == 1
    assert requests(host="real") == 18
    assert requests(host="real", is_new_customer=True) == 3
    assert requests(is_new_customer=True) == 1


@pytest.mark.parametrize(
    ("answer", "is_too_many"),
    [
        (Answered(500, samples.RATE_LIMITED), True),
        (Answered(500, samples.RATE_LIMITED.replace("EGW00201", "EGW00215")), True),
        (Answered(429, "slow down"), True),
        (Answered(500, samples.TIMED_OUT), False),
        (Answered(200, samples.BALANCE), False),
    ],
)
def test_an_answer_says_whether_it_was_one_too_many(answer: Answered, is_too_many: bool) -> None:
    said = usage(answer)
    assert bool(said.refusal) is is_too_many
    assert said.block_s == (1.0 if is_too_many else None)
    assert not said.is_ban


# -- preflight --------------------------------------------------------------------------------------------------------

SAMSUNG = {
    "stck_shrn_iscd": "005930",
    "stck_prpr": "71000",
    "aspr_unit": "100",
    "stck_llam": "49700",
    "stck_mxpr": "92300",
    "stck_sdpr": "71000",
    "iscd_stat_cls_code": "55",
    "temp_stop_yn": "N",
    "bstp_kor_isnm": "전기.전자",
    "lstn_stcn": "5969782550",
}


def test_trading_rules_are_asked_for_each_symbol() -> None:
    with house(symbols=("005930", "069500")) as desk:
        fund = {**SAMSUNG, "stck_shrn_iscd": "069500", "stck_prpr": "35005", "aspr_unit": "5", "stck_llam": "24505"}
        desk.peer.priced = {"005930": SAMSUNG, "069500": {**fund, "iscd_stat_cls_code": "58"}}
        samsung, kodex = desk.orders.load_instruments()
        assert (samsung.symbol, samsung.lot_size, samsung.sector) == ("005930", Decimal(1), "전기.전자")
        assert samsung.is_trading
        assert samsung.max_quantity == 5_969_782_550
        assert not kodex.is_trading
        assert samsung.version == kodex.version
        desk.peer.priced["005930"] = {**SAMSUNG, "stck_prpr": "71100"}
        assert desk.orders.load_instruments()[0].version == samsung.version, "prices are no rules"
        del desk.peer.priced["069500"]
        with pytest.raises(VenueUnavailable, match=r"069500.*no price"):
            desk.orders.load_instruments()


def test_the_key_is_checked_with_the_account() -> None:
    with house() as desk:
        desk.orders.check_key()
        desk.peer.scripts[BALANCE] += [
            refusal("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO"),
            refusal("EGW00201"),
            NEVER,
            refusal("EGW00300"),
        ]
        with pytest.raises(VenueRefused, match="OPSQ2000"):
            desk.orders.check_key()
        with pytest.raises(VenueBusy):
            desk.orders.check_key()
        for _ in range(2):
            with pytest.raises(VenueUnavailable):
                desk.orders.check_key()
        with pytest.raises(VenueUnavailable, match="tells no time"):
            desk.orders.server_time_ms()


def test_a_refused_key_is_refused_in_preflight_and_orders_are_not_sent() -> None:
    with kis_peer() as (peer, port, url):
        peer.scripts[TOKEN].append(BAD_KEY)
        desk = House(peer, port, url)
        with pytest.raises(VenueRefused, match="EGW00103"):
            desk.orders.check_key()
        desk.orders.open(desk.log)
        desk.submit(desk.ticket())
        (unsent,) = desk.log.wait_for(OrderNotSent)
        assert unsent.code == "EGW00103"
        assert unsent.retry_after_s is not None
        assert len(peer.asked(TOKEN)) == 1
        desk.orders.close(5.0)


# -- settings and secrets ---------------------------------------------------------------------------------------------


def test_too_many_symbols_are_refused_with_what_to_do() -> None:
    def session(count: int, **more: object) -> KisSession:
        symbols = tuple(f"{number:06}" for number in range(count))
        return House(KisPeer(), 1, "ws://127.0.0.1:1/", symbols=symbols, **more).session

    assert len(session(20).market) == 40
    with pytest.raises(ValueError, match=r"43 registrations; the venue has 41 .* watch 20 symbols at most"):
        session(21)
    assert len(session(40, streams=("trade",)).market) == 40


@pytest.mark.parametrize("number", ["1234567", "123456789", "1234567a"])
def test_an_account_that_is_none_is_refused_without_its_number(number: str) -> None:
    with pytest.raises(ValueError, match="eight digits") as refused:
        kis_settings(1, "ws://h/", account_number=number)
    assert number not in str(refused.value)


@pytest.mark.req("S-16")
def test_no_secret_is_shown_whatever_goes_wrong() -> None:
    secrets = (samples.APP_KEY, samples.APP_SECRET, samples.ACCESS_TOKEN, samples.APPROVAL_KEY, samples.KEY, samples.IV)
    echoed = json.dumps({"rt_cd": "1", "msg_cd": "EGW00105", "msg1": " ".join(secrets[:-1])})  # it knows no IV there
    with house() as desk:
        ticket, _ = desk.place()
        for path in (ORDER, CHANGE, LIST, BALANCE):
            desk.peer.scripts[path] += [(500, echoed), (200, " ".join(secrets[:-1]))]
        for _ in range(2):
            desk.submit(desk.ticket())
            desk.cancel(ticket.client_order_id)
            desk.query(ticket.client_order_id)
            desk.survey()
        desk.answered()
        desk.peer.push(" ".join(secrets))
        desk.peer.push(samples.SUBSCRIBED.replace("005930", samples.APPROVAL_KEY))
        until(lambda: len(desk.log._bodies) > 9, "all is told")
        shown = repr((desk.log._bodies, desk.ticks._bodies, desk.faults, desk.session.settings, desk.session.tokens))
        shown += repr(desk.session.tokens._token) + str(desk.orders.channel())
        assert not [secret for secret in secrets if secret in shown]
        assert "12345678" not in shown, "nor the account's number"


def test_settings_have_a_default_for_all_but_who_we_are() -> None:
    known = kis_settings(1, "ws://h/")
    assert replace(known.wire_account).params == {"CANO": "12345678", "ACNT_PRDT_CD": "01"}
    assert isinstance(Log(), Log)

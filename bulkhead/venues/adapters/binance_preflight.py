"""Questions to Binance before a session: asked on a connection of their own, answered on the caller's thread.

The trading rules are asked for again while it runs, by a lane and on its connection."""

from collections.abc import Callable
from typing import TypeVar

from bulkhead.venues.adapters.binance_rates import BinanceRates
from bulkhead.venues.adapters.binance_settings import BinanceSettings
from bulkhead.venues.key_rights import KeyRights
from bulkhead.venues.port import NotOffered, VenueBusy, VenueRefused, VenueUnavailable
from bulkhead.venues.transport.http import HttpChannel
from bulkhead.venues.transport.rate_budget import Purpose
from bulkhead.venues.transport.turns import Held, Turn
from bulkhead.venues.wire.binance import limits, outcomes, replies, requests
from bulkhead.venues.wire.facts import Answered, Family, ProtocolError, WireRequest
from messages.instruments import Instrument

T = TypeVar("T")
NOT_FOUND = 404


class Preflight:
    """Each question blocks. Raises VenueBusy and VenueUnavailable, and VenueRefused when the venue itself says no."""

    def __init__(self, settings: BinanceSettings, rates: BinanceRates) -> None:
        self._settings = settings
        self._rates = rates

    def load_instruments(self, channel: HttpChannel | None = None, turn: Turn | None = None) -> tuple[Instrument, ...]:
        """Trading rules; the limits that the answer states are kept from then on."""

        def read(text: str) -> tuple[Instrument, ...] | ProtocolError:
            stated = limits.stated(text)
            if isinstance(stated, ProtocolError):
                return stated
            self._rates.learn(stated)
            return replies.instruments(text)

        return self._ask(lambda: requests.exchange_info(self._settings.symbols), read, channel, turn)

    def server_time_ms(self, channel: HttpChannel | None = None, turn: Turn | None = None) -> int:
        return self._ask(requests.server_time, replies.server_time_ms, channel, turn)

    def check_key(self, signer: requests.Signer, stamp: Callable[[], requests.Stamp]) -> None:
        self._ask(lambda: requests.account(signer, stamp()), lambda _: None)

    def key_rights(self, signer: requests.Signer, stamp: Callable[[], requests.Stamp]) -> KeyRights | None:
        try:
            return self._ask(lambda: requests.key_rights(signer, stamp()), replies.key_rights)
        except NotOffered:
            return None

    def _ask(
        self,
        make: Callable[[], WireRequest],
        read: Callable[[str], T | ProtocolError],
        channel: HttpChannel | None = None,
        turn: Turn | None = None,
    ) -> T:
        url, path = self._settings.rest_url, make().path
        wait_s = self._settings.longest_wait_s(self._settings.rates.question_wait_s)
        turn = turn or Turn(Purpose.SURVEY, wait_s, lambda: False)
        if channel is not None:
            fact = self._rates.exchange(channel, turn, make)
        else:
            with HttpChannel(url, self._settings.http) as own:
                fact = self._rates.exchange(own, turn, make)
        if isinstance(fact, Held):
            words = f"{url}{path} is not asked now ({fact.code}: {fact.reason}); wait and retry"
            raise VenueUnavailable(words) if fact.retry_after_s is None else VenueBusy(words, fact.retry_after_s)
        verdict = outcomes.judge(fact)
        if not isinstance(fact, Answered):
            raise VenueUnavailable(
                f"{url} cannot be asked ({verdict.reason}); check rest_url, the network and the venue"
            )
        if fact.status in outcomes.ASKED_TO_WAIT:
            words = f"{url}{path} answered HTTP {fact.status}: {verdict.reason}; wait and retry"
            raise VenueBusy(words, verdict.retry_after_s or 0.0)
        if verdict.family is not Family.ACCEPTED:
            if outcomes.read_error(fact.text) is not None and fact.status < 500:
                raise VenueRefused(verdict.code, f"{url}{path} refused: {verdict.reason}")
            if fact.status == NOT_FOUND:
                raise NotOffered(f"{url} has no {path}")
            raise VenueUnavailable(f"{url}{path} answered HTTP {fact.status}; check rest_url, or wait and retry")
        result = read(fact.text)
        if isinstance(result, ProtocolError):
            raise VenueUnavailable(
                f"{url}{path} answered what cannot be read ({result.reason}); check that rest_url is this venue"
            )
        return result

"""Questions to KIS before a session: asked on a connection of their own, answered on the caller's thread.

The trading rules are asked for again while it runs, by a lane and on its connection."""

from functools import partial

from bulkhead.venues.adapters.ask_failed import AskFailed
from bulkhead.venues.adapters.kis_asking import read_or_fail
from bulkhead.venues.adapters.kis_session import KisSession, Make
from bulkhead.venues.adapters.kis_tokens import NotGranted
from bulkhead.venues.port import VenueBusy, VenueRefused, VenueUnavailable
from bulkhead.venues.transport.http import HttpChannel
from bulkhead.venues.transport.rate_budget import Purpose
from bulkhead.venues.transport.turns import Held, Turn
from bulkhead.venues.wire.facts import Answered, Family
from bulkhead.venues.wire.kis import account, outcomes, price
from messages.instruments import Instrument


class Preflight:
    """Each question blocks. Raises VenueBusy and VenueUnavailable, and VenueRefused when the venue itself says no."""

    def __init__(self, session: KisSession) -> None:
        self._session = session
        self._settings = session.settings

    def load_instruments(self, channel: HttpChannel | None = None, turn: Turn | None = None) -> tuple[Instrument, ...]:
        """The venue has no list of them: one question for each symbol of the settings."""
        if channel is None:
            with HttpChannel(self._settings.rest_url, self._settings.http) as own:
                return self.load_instruments(own, turn)
        priced = []
        for symbol in self._settings.symbols:
            make: Make = partial(price.price, code=symbol)
            answer = self._ask(channel, turn, make, f" the price of {symbol}")
            try:
                priced.append(read_or_fail(price.price_answer(answer, symbol)))
            except AskFailed as error:
                raise VenueUnavailable(
                    f"the rules of {symbol}: {error.reason}; check the symbol, and that rest_url is this venue"
                ) from None
        return price.instruments(priced)

    def server_time_ms(self) -> int:
        raise VenueUnavailable(
            f"{self._settings.venue} tells no time that its clock could be read from; keep this machine's clock by NTP"
        )

    def check_key(self) -> None:
        """App key, secret and account: the balance is asked for, and not looked at."""
        with HttpChannel(self._settings.rest_url, self._settings.http) as channel:
            self._ask(channel, None, account.balance)

    def _ask(self, channel: HttpChannel, turn: Turn | None, make: Make, asked: str = "") -> Answered:
        url, settings = self._settings.rest_url, self._settings
        wait_s = settings.longest_wait_s(settings.rates.question_wait_s)
        turn = turn or Turn(Purpose.SURVEY, wait_s, lambda: False)
        granted = self._session.granted(turn.purpose)
        if isinstance(granted, NotGranted):
            if granted.is_refused:
                raise VenueRefused(granted.code, f"{url}: {granted.reason}")
            raise _unavailable(f"{url}: {granted.reason} ({granted.code})", granted.retry_after_s)
        fact = self._session.exchange(channel, turn, make)
        if isinstance(fact, Held):
            raise _unavailable(f"{url} is not asked now ({fact.code}: {fact.reason})", fact.retry_after_s)
        verdict = outcomes.judge(fact)
        if not isinstance(fact, Answered):
            raise VenueUnavailable(
                f"{url} cannot be asked ({verdict.reason}); check rest_url, the network and the venue"
            )
        if verdict.family is Family.ACCEPTED:
            return fact
        if verdict.retry_after_s is not None or verdict.family is Family.UNKNOWN:
            raise _unavailable(f"{url}: {verdict.reason} ({verdict.code})", verdict.retry_after_s)
        raise VenueRefused(verdict.code, f"{url} refused{asked}: {verdict.reason}")


def _unavailable(words: str, retry_after_s: float | None) -> VenueUnavailable:
    words = f"{words}; wait and retry"
    return VenueUnavailable(words) if retry_after_s is None else VenueBusy(words, retry_after_s)

"""Quotes of KIS on demand: one request a symbol, with the account's token, behind everything else that it is asked.

It is the provider of the feed and the broker in one, so there is no second source behind it.
"""

from collections.abc import Callable, Iterable
from functools import partial

from bulkhead.venues.adapters.kis_session import KisSession, Make
from bulkhead.venues.adapters.laned_quotes import LanedQuotes, QuoteLane
from bulkhead.venues.transport.http import HttpChannel
from bulkhead.venues.transport.rate_budget import Purpose
from bulkhead.venues.transport.turns import Held, Turn
from bulkhead.venues.wire.facts import Answered, Family, ProtocolError
from bulkhead.venues.wire.kis import outcomes, quote
from messages.market import Quote, QuotesFailed
from messages.market_health import DataSource


class KisQuotes(LanedQuotes):
    def __init__(self, session: KisSession) -> None:
        settings = session.settings
        lane = QuoteLane(f"{settings.venue}-quotes", settings.rest_url, settings.http, session.on_fault)
        super().__init__(DataSource.SNAPSHOT, lane, self._fetch_each)
        self._session = session

    def _fetch_each(
        self, channel: HttpChannel, symbols: tuple[str, ...], is_void: Callable[[], bool]
    ) -> Iterable[Quote | QuotesFailed]:
        for symbol in symbols:
            if is_void():
                return
            found = self._fetch_one(channel, symbol, is_void)
            yield QuotesFailed(source=self.source, symbols=(symbol,), reason=found) if isinstance(found, str) else found

    def _fetch_one(self, channel: HttpChannel, symbol: str, is_void: Callable[[], bool]) -> Quote | str:
        settings = self._session.settings
        turn = Turn(Purpose.SURVEY, settings.longest_wait_s(settings.rates.question_wait_s), is_void)
        make: Make = partial(quote.ask, code=symbol)
        fact = self._session.exchange(channel, turn, make)
        if isinstance(fact, Held):
            return f"{fact.code}: {fact.reason}"
        verdict = outcomes.judge(fact)
        if not isinstance(fact, Answered) or verdict.family is not Family.ACCEPTED:
            return f"{verdict.code}: {verdict.reason}"
        found = quote.read(fact, symbol, settings.venue, self.source, self._session.received())
        return f"the answer cannot be read: {found.reason}" if isinstance(found, ProtocolError) else found

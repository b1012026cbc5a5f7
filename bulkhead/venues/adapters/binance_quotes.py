"""Quotes of Binance on demand: of the feed's provider, without a key, and of the broker, with the account's.

Both wait their turn in the one budget of requests where both are at the same host, behind everything else.
"""

from collections.abc import Callable, Iterable

from bulkhead.venues.adapters.binance_rates import BinanceRates
from bulkhead.venues.adapters.binance_settings import BinanceSettings
from bulkhead.venues.adapters.laned_quotes import LanedQuotes, QuoteLane
from bulkhead.venues.transport.http import HttpChannel, OnFault
from bulkhead.venues.transport.rate_budget import Purpose
from bulkhead.venues.transport.turns import Held, Turn
from bulkhead.venues.wire.binance import outcomes, quotes, requests
from bulkhead.venues.wire.facts import Answered, Family, ProtocolError, Received
from messages.market import Quote, QuotesFailed
from messages.market_health import DataSource


class BinanceQuotes(LanedQuotes):
    def __init__(
        self,
        source: DataSource,
        settings: BinanceSettings,
        url: str,
        rates: BinanceRates,
        *,
        now_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
        on_fault: OnFault,
    ) -> None:
        lane = QuoteLane(f"{settings.venue}-quotes-{source.value}", url, settings.http, on_fault)
        super().__init__(source, lane, self._fetch_all)
        self._adapter, self._rates = settings, rates
        self._now_ns, self._monotonic_ns = now_ns, monotonic_ns
        key = settings.api_key.get_secret_value()
        self._signer = requests.Signer(key, "") if source is DataSource.BROKER else None

    def _fetch_all(
        self, channel: HttpChannel, symbols: tuple[str, ...], is_void: Callable[[], bool]
    ) -> Iterable[Quote | QuotesFailed]:
        turn = Turn(Purpose.SURVEY, self._adapter.longest_wait_s(self._adapter.rates.question_wait_s), is_void)
        fact = self._rates.exchange(channel, turn, lambda: quotes.ask(symbols, self._signer))
        if isinstance(fact, Held):
            return (self._failed(symbols, f"{fact.code}: {fact.reason}"),)
        verdict = outcomes.judge(fact)
        if not isinstance(fact, Answered) or verdict.family is not Family.ACCEPTED:
            return (self._failed(symbols, f"{verdict.code}: {verdict.reason}"),)
        received = Received(self._now_ns(), self._monotonic_ns())
        found = quotes.read(fact.text, self._adapter.venue, self.source, received)
        if isinstance(found, ProtocolError):
            return (self._failed(symbols, f"the answer cannot be read: {found.reason}"),)
        return tuple(each for each in found if each.symbol in symbols)

    def _failed(self, symbols: tuple[str, ...], reason: str) -> QuotesFailed:
        return QuotesFailed(source=self.source, symbols=symbols, reason=reason)

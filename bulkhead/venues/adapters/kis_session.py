"""One app key at KIS: its token, its turns and its one socket, shared by the orders and the feed of an account."""

import random
from collections.abc import Callable

from bulkhead.venues.adapters.kis_rates import make_turns
from bulkhead.venues.adapters.kis_settings import KisSettings
from bulkhead.venues.adapters.kis_socket import KisSocket, registrations_of
from bulkhead.venues.adapters.kis_tokens import ApprovalKey, NotGranted, TokenStore
from bulkhead.venues.transport.http import HttpChannel, OnFault
from bulkhead.venues.transport.rate_budget import Purpose, RateState
from bulkhead.venues.transport.turns import Held, Pause, Turn, sleep
from bulkhead.venues.wire.facts import HttpFact, Received, WireRequest
from bulkhead.venues.wire.kis import auth, outcomes, terms

Make = Callable[[terms.Caller], WireRequest]


class KisSession:
    """Thread-safe. Several sessions of one app key would take the socket from each other: make one."""

    def __init__(
        self,
        settings: KisSettings,
        *,
        now_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
        rng: random.Random,
        on_fault: OnFault,
        pause: Pause = sleep,
    ) -> None:
        """`pause` sleeps in seconds of `monotonic_ns`, which may run faster than the wall's. Raises ValueError for
        keys that no header may carry, and for more symbols than one socket may watch."""
        self.settings = settings
        self.market, self.notices = registrations_of(settings)
        self.now_ns, self.monotonic_ns = now_ns, monotonic_ns
        self.on_fault = on_fault
        self.pause = pause
        self._keys, self._account = settings.keys, settings.wire_account
        self.turns = make_turns(settings, monotonic_ns, now_ns, pause)
        self.tokens = TokenStore(settings, self.turns, now_ns, on_fault)
        self.socket = KisSocket(settings, ApprovalKey(settings, self.turns, now_ns), rng, on_fault)

    @property
    def rate_state(self) -> RateState:
        return self.turns.state

    @property
    def account(self) -> str:
        """Ten digits, as a notice names it. Not to be shown."""
        return f"{self._account.number}{self._account.product}"

    def received(self) -> Received:
        return Received(self.now_ns(), self.monotonic_ns())

    # -- requests that need a token -----------------------------------------------------------------------------------

    def exchange(self, channel: HttpChannel, turn: Turn, make: Make) -> HttpFact | Held:
        """A question, or a cancel. Where the venue refuses the token, it is asked for anew, and the request sent once
        more: the gateway has not let it in. Raises what `make` raises."""
        fact, token = self._once(channel, turn, make)
        if token is None or isinstance(fact, Held) or not is_token_refused(fact):
            return fact
        again, _ = self._once(channel, turn, make)
        return fact if isinstance(again, Held) else again

    def exchange_order(
        self,
        channel: HttpChannel,
        turn: Turn,
        make: Make,
        before_write: Callable[[], None],
        on_written: Callable[[int], None] | None,
    ) -> HttpFact | Held:
        """The same for an order, which is never sent again here."""
        fact, _ = self._once(channel, turn, make, before_write, on_written)
        return fact

    def granted(self, purpose: Purpose) -> auth.Token | NotGranted:
        return self.tokens.usable(purpose)

    def _once(
        self,
        channel: HttpChannel,
        turn: Turn,
        make: Make,
        before_write: Callable[[], None] | None = None,
        on_written: Callable[[int], None] | None = None,
    ) -> tuple[HttpFact | Held, auth.Token | None]:
        token = self.tokens.usable(turn.purpose)
        if isinstance(token, NotGranted):
            if token.is_refused:
                self.turns.auth.key_refused(token.reason)
            return token.held, None
        settings = self.settings
        caller = terms.Caller(settings.wire_host, self._keys, token.value, self._account, settings.customer)
        fact = self.turns.exchange(channel, turn, lambda: make(caller), before_write, on_written)
        if not isinstance(fact, Held) and is_token_refused(fact):
            self.tokens.refused(token)
        return fact, token


def is_token_refused(fact: HttpFact) -> bool:
    return outcomes.judge(fact).code in outcomes.TOKEN_REFUSED

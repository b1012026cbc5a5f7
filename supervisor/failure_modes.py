"""The table of failure modes, and the pure decision on a report.

Detection is in the actors and named here in words, with the setting that bounds it; what is decided is a tuple of
directives, and the FailureHandler carries them out. `docs/FAILURE_MODES.md` is made from this table. A symbol is
skipped by shutting its own scope, and orders are slowed down by the level REDUCED: neither is a directive of its own.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from messages.failure import FailureMode, FailureReported, StopReason
from messages.values import StopLevel, StopPlan

ALL = "all"


class Concerns(StrEnum):
    """What a report is about, and so the scope of its reason."""

    HOUSE = "the whole house"
    VENUE = "the venue"
    SYMBOL = "the symbol"
    ACTOR = "the actor that it names"
    FEED = "the symbol, or the whole feed where nothing of it comes"


class Row(NamedTuple):
    level: StopLevel
    needs_operator: bool
    meaning: str
    concerns: Concerns
    detected: str
    bound: tuple[str, ...]
    """Settings, or constants of the code, that say how long or how much."""
    recovers: str
    advice: str
    plan: StopPlan | None = None
    """None: as belongs to the level."""
    softens: bool = False
    """REDUCED while a fallback source of market data stands in. What concerns orders never softens."""
    alerts: bool = True
    compares: bool = False
    """The books are compared with the venue at once, when it begins and when it is over."""
    eases_to: StopLevel | None = None
    """Once it is over and until an operator re-arms it; None: it stays as strict as it was."""
    ends_process: bool = False
    is_widened: bool = False
    """By a setting: it stops everything, whatever it is about."""
    floor: StopLevel = StopLevel.SOFT
    """No setting makes it milder than this."""
    may_rearm_itself: bool = True
    """A setting may leave the re-arming to the recovery; False: only an operator can know that it is over."""


TABLE: Mapping[FailureMode, Row] = MappingProxyType(
    {
        FailureMode.DATA_DELAY: Row(
            StopLevel.SOFT,
            False,
            "no tick in market hours, or ticks that come late",
            Concerns.FEED,
            detected="no tick of a symbol, or of its feed, within the limit, or the venue's time on it is too old",
            bound=("venue.max_silence_s",),
            recovers="ticks flow again for a settle time",
            advice="wait; if it lasts, look at the feed's connection and at the venue's own status page",
            softens=True,
        ),
        FailureMode.EXCHANGE_DISCONNECT: Row(
            StopLevel.MEDIUM,
            True,
            "the feed could not be reconnected",
            Concerns.VENUE,
            detected="failed attempts to reconnect the market data, one after the other",
            bound=("actors.market_data.MAX_RECONNECTS",),
            recovers="the feed is connected again; an operator re-arms",
            advice="see that ticks flow in `bulkhead status`, then `bulkhead resume`",
        ),
        FailureMode.EXECUTION_DELAY: Row(
            StopLevel.SOFT,
            False,
            "no answer to an order; its symbol is skipped until then",
            Concerns.SYMBOL,
            detected="an order, a cancel or an order whose outcome is unknown stays without the venue's word",
            bound=("execution.answer_timeout_s", "execution.query_unknown_interval_s"),
            recovers="the answer has come, or the venue's books say what became of it",
            advice="wait: it is asked about every few seconds; if it lasts, look the order up at the venue",
            compares=True,
        ),
        FailureMode.ORDER_IN_DOUBT: Row(
            StopLevel.SOFT,
            False,
            "only an operator can tell what became of an order",
            Concerns.SYMBOL,
            detected="at a venue without client ids: nothing in its lists can be told to be this order",
            bound=("execution.claim_window_s",),
            recovers="an operator says what became of it (`bulkhead resolve`)",
            advice="see the orders in doubt of docs/RUNBOOK.md",
        ),
        FailureMode.RATE_LIMIT: Row(
            StopLevel.REDUCED,
            False,
            "the venue's request limit is used up",
            Concerns.VENUE,
            detected="retries after 429 are used up, the venue bans us, or our own budget is spent",
            bound=("venue.rates.exhausted_wait_s", "or what the venue states"),
            recovers="a request as little urgent as those refused is answered",
            advice="wait; cancels keep their reserve. If it comes back, trade fewer symbols with this account",
            floor=StopLevel.REDUCED,
        ),
        FailureMode.BROKER_DISCONNECT: Row(
            StopLevel.HARD,
            True,
            "the order channel could not be established",
            Concerns.HOUSE,
            detected="attempts that failed one after the other, or so long without the order channel",
            bound=("detection.channel_attempts", "detection.channel_timeout_s"),
            recovers="the channel is up again and the books are compared; an operator re-arms",
            advice="see in `bulkhead status` that the books are compared, then `bulkhead resume`",
        ),
        FailureMode.ACTOR_CRASH_LOOP: Row(
            StopLevel.SOFT,
            True,
            "an actor used up its restart budget",
            Concerns.ACTOR,
            detected="more failures than its supervisor's budget allows; it is parked, or the process ends",
            bound=("the budget of its supervisor, docs/SUPERVISION.md",),
            recovers="an operator has mended the cause and restarts it",
            advice="read its tracebacks in failures.jsonl, mend the cause, then `bulkhead restart <actor>`",
            may_rearm_itself=False,
        ),
        FailureMode.ACTOR_STUCK: Row(
            StopLevel.SOFT,
            False,
            "an actor did not answer and was replaced",
            Concerns.ACTOR,
            detected="it has held one message for longer than its limit",
            bound=("strategies.stuck_after_s", "5 s for the house's own actors"),
            recovers="its successor is ready; entries wait for the books to be compared where it was on the order path",
            advice="nothing is to be done; if it comes back, `bulkhead tail --stream failures` says over which message",
        ),
        FailureMode.LEDGER_FAILURE: Row(
            StopLevel.HARD,
            True,
            "a commit failed: what cannot be written must not be sent, so only cancels leave",
            Concerns.HOUSE,
            detected="a commit or its sync fails (disk full, file gone, input or output error)",
            bound=(),
            recovers="a commit succeeds and is read back as it was written: exits leave again; an operator re-arms",
            advice="mend the disk (docs/RUNBOOK.md), then `bulkhead verify` and `bulkhead resume`",
            plan=StopPlan.NONE,
            eases_to=StopLevel.SOFT,
            floor=StopLevel.HARD,
            may_rearm_itself=False,
        ),
        FailureMode.CLOCK_SKEW: Row(
            StopLevel.SOFT,
            False,
            "our clock and the venue's differ, or ours has jumped",
            Concerns.HOUSE,
            detected="the venue's time is asked for, and the wall's clock is held beside the monotonic one",
            bound=("detection.max_clock_skew_ms", "detection.max_clock_jump_ms", "detection.clock_check_interval_s"),
            recovers="within the budget and without a jump for a settle time (`detection.clock_settle_s`)",
            advice="see that this machine's NTP works (`timedatectl`); it is over by itself",
        ),
        FailureMode.POSITION_DRIFT: Row(
            StopLevel.SOFT,
            True,
            "the books and the venue differ and nothing explains it",
            Concerns.SYMBOL,
            detected="two comparisons in a row that differ alike and cannot be explained",
            bound=("execution.reconcile_interval_s",),
            recovers="an operator explains or adopts the difference",
            advice="`bulkhead adopt` or `bulkhead ignore`, see *Drift* in docs/RUNBOOK.md",
            may_rearm_itself=False,
        ),
        FailureMode.SPLIT_BRAIN: Row(
            StopLevel.HARD,
            False,
            "the account's lease is held by another process",
            Concerns.HOUSE,
            detected="the ledger's lock is another's, or somebody else has written into it",
            bound=("actors.ledger.OWNER_CHECK_S",),
            recovers="never: this process ends at once (exit code 8)",
            advice="find the other process (`bulkhead status`), stop one of the two, and start again",
            plan=StopPlan.NONE,
            ends_process=True,
            floor=StopLevel.HARD,
            may_rearm_itself=False,
        ),
        FailureMode.AUTH_EXPIRED: Row(
            StopLevel.SOFT,
            False,
            "the venue refuses our key, or the token after it was renewed once",
            Concerns.VENUE,
            detected="a signed request is refused for its key; where tokens are renewed, the one after that too",
            bound=(),
            recovers="a signed request is accepted",
            advice="see that the key is valid, may trade and names this machine's address; then restart with a new one",
        ),
        FailureMode.INSTRUMENTS_OLD: Row(
            StopLevel.RUN,
            False,
            "trading rules could not be fetched; the last ones hold",
            Concerns.HOUSE,
            detected="the daily question for the trading rules fails",
            bound=("actors.instrument_master",),
            recovers="they were fetched",
            advice="wait; entries are refused by themselves once the rules are two days old",
            floor=StopLevel.RUN,
        ),
        FailureMode.INBOX_UNAVAILABLE: Row(
            StopLevel.RUN,
            False,
            "rows wait in the intent inbox, and nothing else does",
            Concerns.HOUSE,
            detected="the inbox's file cannot be read or written",
            bound=("inbox.poll_without_positions_s",),
            recovers="it can be",
            advice="see docs/INBOX.md for what its file and folder need",
            floor=StopLevel.RUN,
        ),
    }
)


class Shut(NamedTuple):
    reason: StopReason


class Ease(NamedTuple):
    """Over, and not re-armed: the reason stays in force, milder."""

    reason: StopReason


class Lift(NamedTuple):
    reason_id: str


class Nothing(NamedTuple):
    why: str


class Alert(NamedTuple):
    """Somebody must be told, also where nothing can be written down any more."""

    report: FailureReported


class Compare(NamedTuple):
    """The books with the venue."""

    why: str


class EndProcess(NamedTuple):
    """At once, with nothing written: it is no longer ours to write."""

    why: str


OnGate = Shut | Ease | Lift | Nothing
Directive = OnGate | Alert | Compare | EndProcess


def reason_id(report: FailureReported) -> str:
    return f"{report.mode.value}:{report.scope}"


def decide(
    report: FailureReported,
    now_ns: int,
    table: Mapping[FailureMode, Row] = TABLE,
    stops: Mapping[str, str] = MappingProxyType({}),
) -> OnGate:
    """What a report does to the gate. A recovery lifts what needs an operator only if one has seen to it.

    `stops` says of actors by name which scope is shut when one is given up; of others it is their own name, which
    shuts a strategy and nothing else.
    """
    row = table[report.mode]
    if report.recovered:
        if report.by_operator or not row.needs_operator:
            return Lift(reason_id(report))
        if row.eases_to is None:
            return Nothing("an operator must re-arm it")
        return Ease(_reason(report, row, now_ns, stops).model_copy(update={"level": row.eases_to}))
    return Shut(_reason(report, row, now_ns, stops))


def _reason(report: FailureReported, row: Row, now_ns: int, stops: Mapping[str, str]) -> StopReason:
    is_soft = row.softens and report.fallback is not None
    scope = stops.get(report.scope, report.scope) if report.mode is FailureMode.ACTOR_CRASH_LOOP else report.scope
    return StopReason(
        reason_id=reason_id(report),
        level=min(row.level, StopLevel.REDUCED) if is_soft else row.level,
        scope=ALL if row.is_widened else scope,
        cause=report.detail,
        since_ns=now_ns,
        needs_operator=row.needs_operator,
        plan=None if is_soft else row.plan,
        is_technical=True,
    )


def directives(
    report: FailureReported,
    now_ns: int,
    table: Mapping[FailureMode, Row] = TABLE,
    stops: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Directive, ...]:
    """All that a report asks for; what it does to the gate comes first."""
    row = table[report.mode]
    found: list[Directive] = [decide(report, now_ns, table, stops)]
    if row.ends_process and not report.recovered:
        found.append(EndProcess(report.detail))
    if row.compares:
        found.append(Compare(f"{report.mode.value}: {report.detail}"))
    if row.alerts:
        found.append(Alert(report))
    return tuple(found)

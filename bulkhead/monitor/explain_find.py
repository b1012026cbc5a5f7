"""Finding everything that belongs to one id, in the files of all sessions, without an index.

The order streams are searched for the id and for the ids found beside it until nothing new turns up; only then are the
large decision files opened, and only those of the sessions concerned. An order may have begun in one session and ended
in another, so every session is searched. Ids of decisions are unique within a session only and never lead across one.
"""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from bulkhead.monitor.lines import Line, find_lines, read_lines, session_folders, stream_files
from messages.catalogue import RECORDS
from messages.inbox import InboxRowRefused, InboxRowTaken
from messages.orders import Fill
from messages.portfolio import RoundTrip
from messages.records import (
    FillRecorded,
    ForeignOrderSeen,
    IntentRecorded,
    IntentStatusChanged,
    LimitApproachRecorded,
    OrderRecorded,
    OrphanFillSeen,
    PortfolioRecorded,
    PositionRecorded,
    Record,
    RiskRefusalRecorded,
    RiskTripRecorded,
    RoundTripRecorded,
    StopLevelRecorded,
    Stream,
)
from messages.risk_history import LimitRearmRecorded
from messages.trading import DecisionMade
from messages.values import Value

_SEARCHED = (Stream.ORDERS_FILLS, Stream.TRADES, Stream.RISK)
_MAX_ROUNDS = 8
_MAX_IDS = 500
"""An id that leads to more than this is not the id of one thing."""


class NotFound(LookupError):
    """No session knows the id; the message says what was searched."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line and what it says, read."""

    line: Line
    said: Record | DecisionMade | Value

    @property
    def key(self) -> tuple[str, str, int]:
        return self.line.session_id, self.line.stream, self.line.seq


@dataclass
class Found:
    """What belongs to the id that was asked for."""

    wanted: str
    kind: str = ""
    items: dict[tuple[str, str, int], Item] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unreadable: set[tuple[str, str, int]] = field(default_factory=set)

    def add(self, item: Item) -> bool:
        """True when it is new."""
        is_new = item.key not in self.items
        self.items.setdefault(item.key, item)
        return is_new

    def of(self, kind: type[Value]) -> list[Item]:
        """Those that say something of this kind, in time order."""
        items = [item for item in self.items.values() if isinstance(item.said, kind)]
        return sorted(items, key=lambda item: (item.line.at_ns, item.line.seq))

    def fills(self) -> list[Fill]:
        return [item.said.fill for item in self.of(FillRecorded) if isinstance(item.said, FillRecorded)]


def find(sessions_dir: Path, wanted: str) -> Found:
    """Everything about `wanted`. Raises NotFound.

    It may be an order's client or venue id, an intent, decision, fill or trade id, or a stop reason, limit or code of a
    trip.
    """
    folders = session_folders(sessions_dir)
    found = Found(wanted)
    _follow_ids(folders, found, {wanted})
    if found.items:
        found.kind = _kind_of(found)
    elif not (_find_decision(folders, found) or _find_trip(folders, found)):
        raise NotFound(
            f"{wanted!r} is in none of the {len(folders)} sessions of {sessions_dir}: not as an order (client or venue"
            " id), intent, decision, fill, trade, stop reason or limit"
        )
    _find_fills_of_trades(folders, found)
    _find_decisions(folders, found)
    _find_positions(folders, found)
    _find_trades_of_fills(folders, found)
    if found.unreadable:
        found.notes.append(
            f"{len(found.unreadable)} lines could not be read and are missing here; see `bulkhead verify`"
        )
    return found


def read(line: Line, found: Found) -> Item | None:
    """The line's content as a message; None, counted, when this version cannot read it."""
    kind: type[Value] | None = DecisionMade if line.type == "DecisionMade" else RECORDS.get(line.type)
    if kind is None:
        return None
    try:
        return Item(line, kind.model_validate({key: value for key, value in line.payload.items() if key != "type"}))
    except ValidationError:
        found.unreadable.add((line.session_id, line.stream, line.seq))
        return None


# -- by id ------------------------------------------------------------------------------------------------------------


def _follow_ids(folders: list[Path], found: Found, ids: set[str]) -> None:
    """Add what bears one of the ids, and again for the ids found beside it."""
    known: set[str] = set()
    for _ in range(_MAX_ROUNDS):
        fresh = ids - known
        if not fresh or len(known) > _MAX_IDS:
            return
        known |= fresh
        for folder in folders:
            for stream in _SEARCHED:
                for path in stream_files(folder, stream):
                    for line in find_lines(path, fresh):
                        item = read(line, found)
                        if item is not None and not fresh.isdisjoint(_ids(item.said)) and found.add(item):
                            ids |= _links(item.said)


def _ids(said: Value) -> set[str]:
    """Ids by which a person may ask for it."""
    match said:
        case IntentRecorded():
            return {said.intent.intent_id, said.intent.action_key}
        case IntentStatusChanged():
            return {said.intent_id}
        case InboxRowTaken():
            return {said.intent.intent_id, said.intent.action_key}
        case InboxRowRefused():
            return {said.intent_id, said.action_key}
        case OrderRecorded():
            order = said.order
            return {order.ticket.client_order_id, order.intent_id, order.venue_order_id or ""}
        case FillRecorded():
            return {said.fill.fill_id, said.fill.client_order_id}
        case RiskRefusalRecorded():
            return {said.refusal.intent_id}
        case RoundTripRecorded():
            return {said.trade.trade_id}
        case ForeignOrderSeen():
            return {said.order.client_order_id, said.order.venue_order_id}
        case OrphanFillSeen():
            return {said.execution.execution_id, said.execution.venue_order_id}
    return set()


def _links(said: Value) -> set[str]:
    """Ids that lead on to the rest of the same trade. A venue's order id is not among them: venues use them again."""
    match said:
        case IntentRecorded() | InboxRowTaken():
            return {said.intent.intent_id}
        case OrderRecorded():
            return {said.order.ticket.client_order_id, said.order.intent_id}
        case FillRecorded():
            return {said.fill.client_order_id}
    return set()


def _kind_of(found: Found) -> str:
    kinds = {
        "order": any(found.wanted in _order_ids(item.said) for item in found.items.values()),
        "fill": any(fill.fill_id == found.wanted for fill in found.fills()),
        "trade": any(item.said.trade.trade_id == found.wanted for item in found.of(RoundTripRecorded)
                     if isinstance(item.said, RoundTripRecorded)),
        "order that is not ours": bool(found.of(ForeignOrderSeen) or found.of(OrphanFillSeen)),
    }  # fmt: skip
    return next((kind for kind, is_it in kinds.items() if is_it), "intent")


def _order_ids(said: Value) -> set[str]:
    if not isinstance(said, OrderRecorded):
        return set()
    return {said.order.ticket.client_order_id, said.order.venue_order_id or ""}


# -- decisions and trips ----------------------------------------------------------------------------------------------


def _find_decision(folders: list[Path], found: Found) -> bool:
    """By a decision's own id: the newest session that has one."""
    for folder in folders:
        for path in stream_files(folder, Stream.DECISIONS):
            for line in find_lines(path, [found.wanted]):
                item = read(line, found)
                if item is None or not isinstance(item.said, DecisionMade) or item.said.decision_id != found.wanted:
                    continue
                found.kind = "decision"
                found.add(item)
                if item.said.intent_id is not None:
                    _follow_ids(folders, found, {item.said.intent_id})
                if len(folders) > 1:
                    found.notes.append("ids of decisions repeat between sessions; this is the newest one with this id")
                return True
    return False


def _find_decisions(folders: list[Path], found: Found) -> None:
    """The decisions behind the intents, in the sessions in which the intents were made or refused."""
    wanted: dict[str, set[str]] = {}
    for item in found.items.values():
        if isinstance(item.said, IntentRecorded):
            wanted.setdefault(item.line.session_id, set()).add(item.said.intent.intent_id)
        elif isinstance(item.said, RiskRefusalRecorded):
            wanted.setdefault(item.line.session_id, set()).add(item.said.refusal.intent_id)
    for folder in folders:
        missing = wanted.get(folder.name, set())
        for path in stream_files(folder, Stream.DECISIONS) if missing else ():
            for line in find_lines(path, missing):
                item_ = read(line, found)
                if item_ is not None and isinstance(item_.said, DecisionMade) and item_.said.intent_id in missing:
                    found.add(item_)


def _find_trip(folders: list[Path], found: Found) -> bool:
    """By a stop reason's id, a limit's name or a code: the last trip of the newest session that has one."""
    for folder in folders:
        lines = [line for path in stream_files(folder, Stream.RISK) for line in find_lines(path, [found.wanted])]
        items = [item for line in lines if (item := read(line, found)) and _is_about(item.said, found.wanted)]
        trips = [item for item in items if isinstance(item.said, RiskTripRecorded | StopLevelRecorded)]
        if not trips:
            continue
        found.kind = "trip"
        for item in items:
            found.add(item)
        _find_lifting(folder, found, trips[-1])
        return True
    return False


def _is_about(said: Value, wanted: str) -> bool:
    match said:
        case RiskTripRecorded():
            return wanted in (said.trip.code, said.trip.limit_name)
        case LimitApproachRecorded():
            return wanted == said.approach.limit_name
        case LimitRearmRecorded():
            return wanted == said.rearm.limit_name
        case StopLevelRecorded():
            return any(wanted == reason.reason_id for reason in said.change.reasons)
    return False


def _find_lifting(folder: Path, found: Found, last: Item) -> None:
    """The change of the stop level that came next: it shows the gate shut, or the reason lifted."""
    for line in read_lines(folder, Stream.RISK, last.line.at_ns):
        if line.seq > last.line.seq and line.type == StopLevelRecorded.__name__:
            item = read(line, found)
            if item is not None:
                found.add(item)
            return


# -- from fills to positions and round trips --------------------------------------------------------------------------


def _find_positions(folders: list[Path], found: Found) -> None:
    """What each fill made of the position, and the first look at the whole account after it."""
    by_session: dict[str, set[str]] = {}
    for item in found.of(FillRecorded):
        if isinstance(item.said, FillRecorded):
            by_session.setdefault(item.line.session_id, set()).add(item.said.fill.fill_id)
    for folder in folders:
        for fill_id in by_session.get(folder.name, ()):
            position: Item | None = None
            for path in stream_files(folder, Stream.PORTFOLIO):
                for line in find_lines(path, [fill_id]):
                    item_ = read(line, found)
                    if item_ is None:
                        continue
                    if isinstance(item_.said, PositionRecorded) and item_.said.position.last_fill_id == fill_id:
                        position = item_
                        found.add(item_)
                    elif isinstance(item_.said, PortfolioRecorded):
                        found.add(item_)
                        break  # the same fill stays the last one in every snapshot until the next
                if position is not None:
                    break


def _find_trades_of_fills(folders: list[Path], found: Found) -> None:
    """The round trips that the fills were part of."""
    fills = found.fills()
    if not fills:
        return
    for folder in folders:
        for line in read_lines(folder, Stream.TRADES, min(fill.executed_ns for fill in fills)):
            item = read(line, found)
            if item is not None and isinstance(item.said, RoundTripRecorded):
                trade = item.said.trade
                if any(_is_part(fill, trade) for fill in fills):
                    found.add(item)


def _find_fills_of_trades(folders: list[Path], found: Found) -> None:
    """For a round trip asked for by its id: its fills, their orders and intents."""
    trades = [item.said.trade for item in found.of(RoundTripRecorded) if isinstance(item.said, RoundTripRecorded)]
    for trade in trades:
        ids: set[str] = set()
        for folder in folders:
            for path in stream_files(folder, Stream.ORDERS_FILLS):
                for line in find_lines(path, [FillRecorded.__name__]):
                    fill = line.payload.get("fill")
                    if not isinstance(fill, dict) or fill.get("strategy_id") != trade.strategy_id:
                        continue
                    item = read(line, found)
                    if item is not None and isinstance(item.said, FillRecorded) and _is_part(item.said.fill, trade):
                        ids.add(item.said.fill.client_order_id)
        _follow_ids(folders, found, ids)


def _is_part(fill: Fill, trade: RoundTrip) -> bool:
    is_same = (fill.strategy_id, fill.venue, fill.symbol) == (trade.strategy_id, trade.venue, trade.symbol)
    return is_same and trade.entry_ns <= fill.executed_ns <= trade.exit_ns

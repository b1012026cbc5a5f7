"""Counts the ways of recovering that a run took, into `world.paths`. What each is stands in paths.py.

It judges nothing, and nothing depends on it but the vacuity table.
"""

from collections.abc import Sequence

from actors import addresses
from bulkhead.chaos.eyes import Question, Watcher
from bulkhead.chaos.paths import IN_MESSAGES, IN_RECORDS, OF_ABSENCE, REASON_OF_TIMEOUT, SETTLED_BY
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.base import Body, Envelope, Nature
from messages.failure import FailureMode
from messages.operator import ResolveOrder
from messages.orders import (
    CancelOrder,
    ExecutionReported,
    OrderChannelDown,
    OrderChannelUp,
    OrderStatusReported,
    VenueSnapshotTaken,
)
from messages.records import FillRecorded, LedgerEvent, OrderRecorded, ReconciliationRecorded
from messages.supervision import ChildDown
from messages.values import OrderStatus

_SETTLING: tuple[type[Body], ...] = (OrderStatusReported, VenueSnapshotTaken, ResolveOrder)
_MODES = frozenset(FailureMode)


class PathCounter(Watcher):
    def __init__(self, world: World) -> None:
        self._world, self._paths = world, world.paths
        self._causes: dict[str, str] = {}
        """Of the messages that may settle an order, by their id: which kind each is."""
        self._status: dict[str, OrderStatus] = {}
        self._booked: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        """What dies with a process."""
        self._has_latches = False
        self._is_channel_up, self._is_channel_lost = False, False
        self._is_compared = False
        self._in_force: frozenset[str] = frozenset()

    # -- the process --------------------------------------------------------------------------------------------------

    def born(self) -> None:
        self._begin()
        self._has_latches = any((self._world.folder / "stop").glob("*.json"))

    def started(self, name: str, epoch: int) -> None:
        if epoch > 1:
            self._paths["actor.restarted"] += 1

    def became_ready(self, name: str) -> None:
        if self._has_latches:
            self._has_latches = False
            if any(reason.needs_operator for reason in self._world.house.gate.reasons()):
                self._paths["latch.read_back"] += 1
        if self._world.host.current_epoch(name) > 1:
            self._paths["actor.recovered"] += 1

    def ended(self, down: ChildDown) -> None:
        if down.reason == "escalated":
            self._paths["supervisor.escalated"] += 1

    def gate_moved(self) -> None:
        now = frozenset(reason.reason_id for reason in self._world.house.gate.reasons())
        for moved, what in ((now - self._in_force, "shut"), (self._in_force - now, "lifted")):
            for mode in (reason_id.partition(":")[0] for reason_id in moved):
                if mode in _MODES:
                    self._paths[f"gate.{mode}.{what}"] += 1
        self._in_force = now

    # -- messages -----------------------------------------------------------------------------------------------------

    def handling(self, name: str, epoch: int, envelope: Envelope) -> None:
        body = envelope.body
        if body.nature is Nature.COMMAND and envelope.epoch < self._world.host.current_epoch(envelope.sender):
            self._paths["command.refused_as_stale"] += 1
            return
        for path, shows in IN_MESSAGES.get(type(body), ()):
            self._paths[path] += shows(body)
        if name == addresses.OMS:
            self._told_to_oms(envelope)

    def _told_to_oms(self, envelope: Envelope) -> None:
        body = envelope.body
        if isinstance(body, _SETTLING):
            self._causes[envelope.id] = type(body).__name__
        elif isinstance(body, ExecutionReported):
            self._paths["report.duplicate_dropped"] += f"{body.symbol}:{body.execution_id}" in self._booked
        elif isinstance(body, OrderChannelDown):
            self._is_channel_lost |= self._is_channel_up
        elif isinstance(body, OrderChannelUp):
            self._paths["channel.came_back"] += self._is_channel_lost
            self._is_channel_up, self._is_channel_lost = True, False

    def asked(self, question: Question) -> None:
        if isinstance(question, CancelOrder):
            self._paths["cancel.after_timeout"] += question.reason.startswith(REASON_OF_TIMEOUT)
            self._paths["cancel.repeated"] += question.reason == "repeated"

    # -- the disk -----------------------------------------------------------------------------------------------------

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            record = entry.record
            for path, shows in IN_RECORDS.get(type(record), ()):
                self._paths[path] += shows(record)
            if isinstance(record, OrderRecorded):
                self._settled(record, entry.causation_id)
            elif isinstance(record, FillRecorded):
                self._booked.add(record.fill.fill_id.partition(":")[2])
            elif isinstance(record, ReconciliationRecorded) and record.result.is_clean and not self._is_compared:
                self._is_compared = True
                self._paths["process.came_back"] += self._world.process > 1

    def _settled(self, record: OrderRecorded, causation_id: str | None) -> None:
        key, now = record.order.ticket.client_order_id, record.order.status
        before = self._status.get(key)
        self._status[key] = now
        if before is not OrderStatus.UNKNOWN or now is OrderStatus.UNKNOWN:
            return
        cause = self._causes.get(causation_id or "", "")
        path = SETTLED_BY.get(cause, "order.found_by_its_report")
        is_absent = now in OF_ABSENCE and path != "order.settled_by_operator"
        self._paths["order.proven_absent" if is_absent else path] += 1

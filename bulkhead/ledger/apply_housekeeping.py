"""What the records beside orders, fills and positions change: aliases, deadlines, adjustments, settings, leases,
trading rules.

As apply.py, which takes its handlers from here.
"""

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from bulkhead.ledger import schema
from bulkhead.ledger.prepared import Prepared
from bulkhead.ledger.rows import Fields, Handler, Upsert, add_total
from messages import adjustments, records
from messages.instruments import TICK_BANDS, InstrumentsRecorded
from messages.orders import OrderRow
from messages.records import LedgerEvent, Record

_aliases, _configs, _leases = schema.order_aliases, schema.config_snapshots, schema.leases
_insert_alias = insert(_aliases)
_known_alias = exists().where(
    _aliases.c.client_order_id == bindparam("client_order_id"), _aliases.c.venue_order_id == bindparam("venue_order_id")
)
_insert_new_alias = Prepared(  # one statement: it is on the order path
    insert(_aliases).from_select(
        list(_aliases.c.keys()), select(*(bindparam(c.name, type_=c.type) for c in _aliases.c)).where(~_known_alias)
    )
)
_update_alias = (
    update(_aliases)
    .where(_aliases.c.client_order_id == bindparam("key"), _aliases.c.venue_order_id == bindparam("number"))
    .values({name: bindparam(name) for name in ("venue", "account", "venue_date", "branch", "seq")})
)
_put_deadline = Upsert(schema.deadlines)
_clear_deadline = delete(schema.deadlines).where(schema.deadlines.c.id == bindparam("key"))
_insert_adjustment = insert(schema.adjustments)
_insert_config = insert(_configs)
_find_config = select(exists().where(_configs.c.config_snapshot_id == bindparam("config_snapshot_id")))
_insert_instrument = insert(schema.instruments)
_find_version = select(
    exists().where(
        schema.instruments.c.venue == bindparam("venue"), schema.instruments.c.version == bindparam("version")
    )
)
_insert_lease = insert(_leases)
_whose = (_leases.c.venue == bindparam("key_venue"), _leases.c.account == bindparam("key_account"))
_take_lease = (
    update(_leases)
    .where(*_whose, _leases.c.epoch < bindparam("epoch_taken"))
    .values({name: bindparam(name) for name in ("owner", "epoch", "expires_at_ns", "released_ns", "seq")})
)
_release_lease = (
    update(_leases)
    .where(*_whose, _leases.c.epoch == bindparam("epoch_released"))
    .values(released_ns=bindparam("released_ns"), seq=bindparam("seq"))
)


def note_alias(connection: Connection, order: OrderRow, venue_order_id: str, event: LedgerEvent) -> None:
    """Keep the number, unless it is known: the order's own row has the latest one only."""
    ticket = order.ticket
    row = {
        "client_order_id": ticket.client_order_id,
        "venue_order_id": venue_order_id,
        "venue": ticket.venue,
        "account": ticket.account,
        "venue_date": None,
        "branch": "",
        "first_seen_ns": event.at_ns,
        "seq": event.seq,
    }
    _insert_new_alias(connection, row)


def _alias(connection: Connection, record: records.OrderAliasRecorded, _fields: Fields, event: LedgerEvent) -> None:
    row = {name: getattr(record, name) for name in ("venue", "account", "venue_date", "branch")}
    key = {"client_order_id": record.client_order_id, "venue_order_id": record.venue_order_id}
    found = {**row, "key": record.client_order_id, "number": record.venue_order_id, "seq": event.seq}
    if not connection.execute(_update_alias, found).rowcount:
        connection.execute(_insert_alias, {**key, **row, "first_seen_ns": event.at_ns, "seq": event.seq})


def _deadline_set(connection: Connection, record: records.DeadlineSet, _fields: Fields, event: LedgerEvent) -> None:
    row = {"id": record.deadline_id, "due_ns": record.due_ns, "kind": record.kind, "payload": record.payload}
    _put_deadline(connection, {**row, "seq": event.seq})


def _deadline_cleared(
    connection: Connection, record: records.DeadlineCleared, _fields: Fields, _event: LedgerEvent
) -> None:
    connection.execute(_clear_deadline, {"key": record.deadline_id})


def _adjustment(
    connection: Connection, record: adjustments.AdjustmentRecorded, _fields: Fields, event: LedgerEvent
) -> None:
    connection.execute(_insert_adjustment, {**dict(record), "kind": record.kind.value, "seq": event.seq})
    if record.amount:
        key = {"venue": record.venue, "account": record.account, "kind": "adjustment", "name": record.asset}
        add_total(connection, key, record.amount)


def _config(
    connection: Connection, record: records.ConfigSnapshotRecorded, _fields: Fields, event: LedgerEvent
) -> None:
    key = {"config_snapshot_id": record.config_snapshot_id}
    if not connection.scalar(_find_config, key):
        row = {"content": record.content, "first_seen_ns": record.at_ns, "seq": event.seq}
        connection.execute(_insert_config, {**key, **row})


def _lease_taken(connection: Connection, record: records.LeaseTaken, _fields: Fields, event: LedgerEvent) -> None:
    """An epoch that is not above the last one meets the key, and the whole append is refused."""
    row = {"owner": record.owner, "epoch": record.epoch, "expires_at_ns": record.expires_at_ns, "released_ns": None}
    key = {"key_venue": record.venue, "key_account": record.account, "epoch_taken": record.epoch}
    if not connection.execute(_take_lease, {**row, **key, "seq": event.seq}).rowcount:
        connection.execute(_insert_lease, {**row, "venue": record.venue, "account": record.account, "seq": event.seq})


def _lease_released(connection: Connection, record: records.LeaseReleased, _fields: Fields, event: LedgerEvent) -> None:
    key = {"key_venue": record.venue, "key_account": record.account, "epoch_released": record.epoch}
    connection.execute(_release_lease, {**key, "released_ns": record.at_ns, "seq": event.seq})


def _instruments(connection: Connection, record: InstrumentsRecorded, _fields: Fields, event: LedgerEvent) -> None:
    """The same version again changes nothing: a version is a hash of what the venue said."""
    if connection.scalar(_find_version, {"venue": record.venue, "version": record.version}):
        return
    common = {"venue": record.venue, "version": record.version, "first_seen_ns": record.at_ns, "seq": event.seq}
    for rules in record.instruments:
        row = {name: getattr(rules, name) for name in _INSTRUMENT_COLUMNS}
        row["tick_bands"] = TICK_BANDS.dump_json(rules.tick_bands).decode() if rules.tick_bands else None
        connection.execute(_insert_instrument, {**row, **common, "currency": rules.quote_asset})


_INSTRUMENT_COLUMNS = (
    *("symbol", "base_asset", "sector", "status", "is_trading", "tick_size", "lot_size"),
    *("min_quantity", "max_quantity", "min_notional"),
)


HOUSEKEEPING: dict[type[Record], Handler] = {
    records.OrderAliasRecorded: _alias,
    records.DeadlineSet: _deadline_set,
    records.DeadlineCleared: _deadline_cleared,
    adjustments.AdjustmentRecorded: _adjustment,
    records.ConfigSnapshotRecorded: _config,
    records.LeaseTaken: _lease_taken,
    records.LeaseReleased: _lease_released,
    InstrumentsRecorded: _instruments,
}

"""What earlier runs traded, and for whom. As recovery.py; a start needs it before anything else of the past."""

import json

from sqlalchemy import Connection, select

from bulkhead.ledger.schema import (
    config_snapshots,
    events,
    fill_totals,
    instruments,
    operator_actions,
    positions,
    sessions,
)
from messages.instruments import TICK_BANDS, Instrument

_AS_THEY_ARE = (
    *("symbol", "base_asset", "sector", "status", "is_trading", "tick_size", "lot_size"),
    *("min_quantity", "max_quantity", "min_notional", "version"),
)


def load_instruments(connection: Connection) -> dict[str, Instrument]:
    """By symbol, the latest rules on record; as_of_ns is when that version was first seen."""
    rows = connection.execute(select(instruments).order_by(instruments.c.seq)).mappings()
    return {
        row["symbol"]: Instrument(
            **{name: row[name] for name in _AS_THEY_ARE},
            quote_asset=row["currency"],
            tick_bands=TICK_BANDS.validate_json(row["tick_bands"] or "[]"),
            as_of_ns=row["first_seen_ns"],
        )
        for row in rows
    }


def load_booked_symbols(connection: Connection) -> frozenset[str]:
    """Symbols that the books cannot be read without: of fills, and of positions."""
    of_fills = select(fill_totals.c.name).where(fill_totals.c.kind == "base")
    return frozenset((*connection.scalars(of_fills), *connection.scalars(select(positions.c.symbol).distinct())))


def load_owners(connection: Connection) -> frozenset[str]:
    """Strategies that have ever held something."""
    return frozenset(connection.scalars(select(positions.c.strategy_id).distinct()))


def load_held(connection: Connection) -> list[dict[str, str]]:
    """Positions that are not flat, for those who write down what was held."""
    rows = connection.execute(select(positions).order_by(*positions.primary_key.columns))
    return [
        {"strategy_id": row.strategy_id, "symbol": row.symbol, "quantity": str(row.quantity)}
        for row in rows
        if row.quantity
    ]


def load_last_config(connection: Connection) -> str | None:
    """Of the newest session."""
    same = config_snapshots.c.config_snapshot_id == sessions.c.config_snapshot_id
    newest = select(config_snapshots.c.content).join(sessions, same).order_by(sessions.c.seq.desc()).limit(1)
    return connection.scalar(newest)


def load_audit_ids(connection: Connection) -> frozenset[str]:
    """Lines of the audit file that are in the ledger."""
    acts = select(events.c.payload).join(operator_actions, operator_actions.c.seq == events.c.seq)
    found = (json.loads(payload).get("audit_id") for payload in connection.scalars(acts))
    return frozenset(audit_id for audit_id in found if audit_id is not None)

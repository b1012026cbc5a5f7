"""What earlier runs traded, and for whom. As recovery.py; a start needs it before anything else of the past."""

from sqlalchemy import Connection, select

from bulkhead.ledger.schema import fill_totals, instruments, positions
from messages.instruments import Instrument

_AS_THEY_ARE = (
    *("symbol", "base_asset", "sector", "status", "is_trading", "tick_size", "lot_size"),
    *("min_quantity", "max_quantity", "min_notional", "version"),
)


def load_instruments(connection: Connection) -> dict[str, Instrument]:
    """By symbol, the latest rules on record; as_of_ns is when that version was first seen."""
    rows = connection.execute(select(instruments).order_by(instruments.c.seq)).mappings()
    return {
        row["symbol"]: Instrument(
            **{name: row[name] for name in _AS_THEY_ARE}, quote_asset=row["currency"], as_of_ns=row["first_seen_ns"]
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

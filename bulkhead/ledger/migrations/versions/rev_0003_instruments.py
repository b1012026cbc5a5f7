"""Versions of the venue's trading rules, and which of them an order was checked against.

Nothing is filled in: no version wrote either before this one, and an order of before names none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_exact = sa.Text().with_variant(sa.Numeric(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "instruments",
        sa.Column("venue", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("symbol", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("base_asset", "currency", "sector", "status")),
        sa.Column("is_trading", sa.Boolean, nullable=False),
        *(sa.Column(name, _exact, nullable=False) for name in ("tick_size", "lot_size")),
        *(sa.Column(name, _exact, nullable=False) for name in ("min_quantity", "max_quantity", "min_notional")),
        sa.Column("first_seen_ns", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.add_column("orders", sa.Column("instruments_version", sa.Text))


def downgrade() -> None:
    """There is no way back: what the new table holds would be lost. Put a backup back instead."""
    raise NotImplementedError("a ledger is never taken back to an older revision; put a backup back")

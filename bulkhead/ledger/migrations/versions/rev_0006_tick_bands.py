"""Ticks that grow with the price, as at the Korean exchange.

Nothing is filled in: no version knew bands before this one, and NULL says that one tick holds for every price.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("instruments", sa.Column("tick_bands", sa.Text))


def downgrade() -> None:
    """There is no way back: what the new column holds would be lost. Put a backup back instead."""
    raise NotImplementedError("a ledger is never taken back to an older revision; put a backup back")

"""When a foreign order was first seen: whether an order of ours can be it hangs on that.

Nothing is filled in: no version wrote it before this one, and what is unknown counts as seen long ago.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("strangers", sa.Column("seen_ns", sa.BigInteger))


def downgrade() -> None:
    """There is no way back: what the new column holds would be lost. Put a backup back instead."""
    raise NotImplementedError("a ledger is never taken back to an older revision; put a backup back")

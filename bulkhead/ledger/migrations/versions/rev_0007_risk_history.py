"""What a risk guard reads at its start, found without a look at all of history. No row changes."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index("ix_order_intents_created", "order_intents", ["created_ns"])
    op.create_index("ix_trades_exit", "trades", ["exit_ns"])
    op.create_index("ix_risk_events_limit", "risk_events", ["type", "limit_name", "seq"])


def downgrade() -> None:
    """There is no way back, as with the revisions before. Put a backup back instead."""
    raise NotImplementedError("a ledger is never taken back to an older revision; put a backup back")

"""Aliases of orders, adjustments, settings, leases; deadlines become rows made from events.

Aliases are filled in from the events that are there, so that a rebuild finds what it would make. The table of deadlines
is made anew: no version wrote to it before this one.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ROWS_PER_STEP = 1_000
_exact = sa.Text().with_variant(sa.Numeric(), "postgresql")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _create_aliases() -> sa.Table:
    return op.create_table(
        "order_aliases",
        sa.Column("client_order_id", sa.Text, primary_key=True),
        sa.Column("venue_order_id", sa.Text, primary_key=True),
        _text("venue"),
        _text("account"),
        sa.Column("venue_date", sa.Text),
        _text("branch"),
        _number("first_seen_ns"),
        _number("seq"),
        sa.UniqueConstraint(
            "venue", "account", "venue_date", "branch", "venue_order_id", name="uq_order_aliases_number"
        ),
    )


def _create_rest() -> None:
    op.create_table(
        "adjustments",
        sa.Column("adjustment_id", sa.Text, primary_key=True),
        _text("kind"),
        _text("venue"),
        _text("account"),
        _text("asset"),
        sa.Column("amount", _exact, nullable=False),
        sa.Column("symbol", sa.Text),
        sa.Column("strategy_id", sa.Text),
        _text("source"),
        _text("reason"),
        _number("effective_ns"),
        _number("seq"),
    )
    op.create_table(
        "config_snapshots",
        sa.Column("config_snapshot_id", sa.Text, primary_key=True),
        _text("content"),
        _number("first_seen_ns"),
        _number("seq"),
    )
    op.create_table(
        "leases",
        sa.Column("venue", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        _text("owner"),
        _number("epoch"),
        sa.Column("expires_at_ns", sa.BigInteger),
        sa.Column("released_ns", sa.BigInteger),
        _number("seq"),
    )
    op.drop_index("ix_deadlines_due", table_name="deadlines")
    op.drop_table("deadlines")
    op.create_table(
        "deadlines",
        sa.Column("id", sa.Text, primary_key=True),
        _number("due_ns"),
        _text("kind"),
        _text("payload"),
        _number("seq"),
    )


def _fill_aliases(aliases: sa.Table) -> None:
    """Every number that an order ever had, by the event that first said it."""
    bind = op.get_bind()
    query = sa.text(
        "SELECT seq, at_ns, payload FROM events WHERE type = 'OrderRecorded' AND seq > :after ORDER BY seq LIMIT :count"
    )
    known: set[tuple[str, str]] = set()
    after = 0
    while rows := bind.execute(query, {"after": after, "count": ROWS_PER_STEP}).all():
        found = []
        for seq, at_ns, payload in rows:
            order = json.loads(payload)["order"]
            ticket, number = order["ticket"], order["venue_order_id"]
            key = (ticket["client_order_id"], number)
            if number is None or key in known:
                continue
            known.add(key)
            row = {"venue": ticket["venue"], "account": ticket["account"], "venue_date": None, "branch": ""}
            found.append(
                {"client_order_id": key[0], "venue_order_id": number, **row, "first_seen_ns": at_ns, "seq": seq}
            )
        if found:
            bind.execute(sa.insert(aliases), found)
        after = rows[-1].seq


def upgrade() -> None:
    aliases = _create_aliases()
    _create_rest()
    op.create_index("ix_order_aliases_venue_order_id", "order_aliases", ["venue_order_id"])
    op.create_index("ix_adjustments_effective", "adjustments", ["effective_ns"])
    op.create_index("ix_deadlines_due", "deadlines", ["due_ns"])
    if not op.get_context().as_sql:
        _fill_aliases(aliases)


def downgrade() -> None:
    """There is no way back: what the new tables hold would be lost. Put a backup back instead."""
    raise NotImplementedError("a ledger is never taken back to an older revision; put a backup back")

"""Foreign orders and orphan fills become rows, so that a restart knows them; an adjustment may have a price.

They are filled in from the events that are there, so that a rebuild finds what it would make.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ROWS_PER_STEP = 1_000
_exact = sa.Text().with_variant(sa.Numeric(), "postgresql")
_SEEN = {
    "ForeignOrderSeen": ("order", "order", "venue_order_id"),
    "OrphanFillSeen": ("fill", "execution", "execution_id"),
}
"""Of each kind of event: what its row is called, and where it says what was seen and its number."""


def _create() -> sa.Table:
    return op.create_table(
        "strangers",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("symbol", sa.Text, primary_key=True),
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("strategy_id", sa.Text),
        sa.Column("decided_ns", sa.BigInteger),
        sa.Column("payload", sa.Text),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )


def _fill(strangers: sa.Table) -> None:
    bind = op.get_bind()
    query = sa.text(
        "SELECT seq, type, payload FROM events WHERE type IN ('ForeignOrderSeen', 'OrphanFillSeen') AND seq > :after"
        " ORDER BY seq LIMIT :count"
    )
    known: set[tuple[str, str, str]] = set()
    after = 0
    while rows := bind.execute(query, {"after": after, "count": ROWS_PER_STEP}).all():
        found = []
        for row in rows:
            kind, part, number = _SEEN[row.type]
            seen = json.loads(row.payload)[part]
            key = (kind, seen["symbol"], seen[number])
            if key in known:
                continue
            known.add(key)
            text = json.dumps(seen, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            names = dict(zip(("kind", "symbol", "number"), key, strict=True))
            undecided = {"verdict": "seen", "strategy_id": None, "decided_ns": None}
            found.append({**names, **undecided, "payload": text, "seq": row.seq})
        if found:
            bind.execute(sa.insert(strangers), found)
        after = rows[-1].seq


def upgrade() -> None:
    op.add_column("adjustments", sa.Column("price", _exact))
    strangers = _create()
    op.create_index("ix_strangers_seq", "strangers", ["seq"])
    if not op.get_context().as_sql:
        _fill(strangers)


def downgrade() -> None:
    """There is no way back: what the new tables hold would be lost. Put a backup back instead."""
    raise NotImplementedError("a ledger is never taken back to an older revision; put a backup back")

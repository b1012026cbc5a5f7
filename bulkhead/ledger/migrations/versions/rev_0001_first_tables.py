"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_row_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_exact = sa.Text().with_variant(sa.Numeric(), "postgresql")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _seq() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger, nullable=False)


def _create_truth() -> None:
    op.create_table(
        "events",
        sa.Column("seq", _row_number, primary_key=True, autoincrement=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
        _time("at_ns"),
        _text("stream"),
        _text("type"),
        _text("session_id"),
        _text("correlation_id"),
        sa.Column("causation_id", sa.Text),
        _text("payload"),
        _text("prev_hash"),
        _text("hash"),
    )


def _create_orders() -> None:
    op.create_table(
        "order_intents",
        sa.Column("intent_id", sa.Text, primary_key=True),
        sa.Column("action_key", sa.Text, nullable=False, unique=True),
        _text("status"),
        sa.Column("code", sa.Text),
        _text("reason"),
        _text("origin"),
        _text("strategy_id"),
        _text("venue"),
        _text("account"),
        _text("group_id"),
        sa.Column("leg", sa.Integer, nullable=False),
        _text("symbol"),
        _text("side"),
        _text("intent_type"),
        sa.Column("quantity", _exact, nullable=False),
        _text("order_type"),
        sa.Column("limit_price", _exact),
        sa.Column("reserved_notional", _exact, nullable=False),
        _time("created_ns"),
        _time("updated_ns"),
        _text("correlation_id"),
        sa.Column("decision_id", sa.Text),
        _text("payload"),
        _seq(),
    )
    op.create_table(
        "orders",
        sa.Column("client_order_id", sa.Text, primary_key=True),
        sa.Column("venue_order_id", sa.Text),
        _text("intent_id"),
        sa.Column("child", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        _text("strategy_id"),
        _text("venue"),
        _text("account"),
        _text("symbol"),
        _text("side"),
        _text("intent_type"),
        _text("order_type"),
        _text("time_in_force"),
        sa.Column("quantity", _exact, nullable=False),
        sa.Column("limit_price", _exact),
        _text("status"),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("filled", _exact, nullable=False),
        sa.Column("filled_notional", _exact, nullable=False),
        sa.Column("leaves", _exact, nullable=False),
        sa.Column("reason", sa.Text),
        _time("created_ns"),
        sa.Column("submitted_ns", sa.BigInteger),
        _time("updated_ns"),
        _text("correlation_id"),
        sa.Column("raw", sa.Text),
        _text("payload"),
        _seq(),
        sa.UniqueConstraint("intent_id", "child", "attempt", name="uq_orders_intent_child_attempt"),
    )


def _create_fills() -> None:
    op.create_table(
        "fills",
        sa.Column("fill_id", sa.Text, primary_key=True),
        _text("client_order_id"),
        _text("strategy_id"),
        _text("venue"),
        _text("account"),
        _text("symbol"),
        _text("side"),
        _text("intent_type"),
        sa.Column("quantity", _exact, nullable=False),
        sa.Column("price", _exact, nullable=False),
        sa.Column("fee", _exact, nullable=False),
        _text("fee_asset"),
        sa.Column("tax", _exact, nullable=False),
        _time("executed_ns"),
        sa.Column("is_maker", sa.Boolean, nullable=False),
        sa.Column("decision_price", _exact),
        _text("source"),
        _seq(),
    )
    op.create_table(
        "fill_totals",
        sa.Column("venue", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("total", _exact, nullable=False),
    )


def _create_portfolio() -> None:
    op.create_table(
        "positions",
        sa.Column("strategy_id", sa.Text, primary_key=True),
        sa.Column("venue", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("symbol", sa.Text, primary_key=True),
        sa.Column("quantity", _exact, nullable=False),
        sa.Column("average_price", _exact, nullable=False),
        sa.Column("realised_pnl", _exact, nullable=False),
        sa.Column("fees_quote", _exact, nullable=False),
        sa.Column("last_fill_id", sa.Text),
        _time("updated_ns"),
        _seq(),
    )
    op.create_table(
        "portfolio_snapshots",
        sa.Column("seq", _row_number, primary_key=True, autoincrement=False),
        _text("venue"),
        _text("account"),
        _text("currency"),
        sa.Column("cash", _exact, nullable=False),
        sa.Column("equity", _exact, nullable=False),
        sa.Column("realised_pnl", _exact, nullable=False),
        sa.Column("unrealised_pnl", _exact, nullable=False),
        sa.Column("day_pnl", _exact, nullable=False),
        sa.Column("peak_equity", _exact, nullable=False),
        sa.Column("drawdown", _exact, nullable=False),
        _time("at_ns"),
        _text("payload"),
    )
    op.create_table(
        "opening_balances",
        sa.Column("venue", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        _time("at_ns"),
        _text("balances"),
        _seq(),
    )
    op.create_table(
        "trades",
        sa.Column("trade_id", sa.Text, primary_key=True),
        _text("strategy_id"),
        _text("venue"),
        _text("symbol"),
        sa.Column("quantity", _exact, nullable=False),
        sa.Column("entry_price", _exact, nullable=False),
        sa.Column("exit_price", _exact, nullable=False),
        _time("entry_ns"),
        _time("exit_ns"),
        sa.Column("pnl", _exact, nullable=False),
        _text("currency"),
        sa.Column("fees", _exact, nullable=False),
        sa.Column("buy_slippage_bps", _exact),
        sa.Column("sell_slippage_bps", _exact),
        sa.Column("buy_fill_ratio", _exact, nullable=False),
        sa.Column("sell_fill_ratio", _exact, nullable=False),
        _text("trade_result"),
        _seq(),
    )


def _create_rest() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.Text, primary_key=True),
        _text("mode"),
        _text("venue"),
        _text("account_masked"),
        _text("strategies"),
        _text("config_snapshot_id"),
        _text("code_version"),
        _text("seed"),
        _time("started_ns"),
        sa.Column("stopped_ns", sa.BigInteger),
        sa.Column("stop_reason", sa.Text),
        _seq(),
    )
    op.create_table(
        "operator_actions",
        sa.Column("seq", _row_number, primary_key=True, autoincrement=False),
        _text("operator"),
        _text("action"),
        _text("reason"),
        _time("at_ns"),
    )
    op.create_table(
        "risk_events",
        sa.Column("seq", _row_number, primary_key=True, autoincrement=False),
        _text("type"),
        sa.Column("code", sa.Text),
        sa.Column("limit_name", sa.Text),
        sa.Column("value", sa.Text),
        sa.Column("limit_value", sa.Text),
        sa.Column("level", sa.Integer),
        sa.Column("scope", sa.Text),
        _time("at_ns"),
        _text("payload"),
    )
    op.create_table(
        "deadlines",
        sa.Column("id", sa.Text, primary_key=True),
        _time("due_ns"),
        _text("kind"),
        _text("payload"),
    )


def upgrade() -> None:
    _create_truth()
    _create_orders()
    _create_fills()
    _create_portfolio()
    _create_rest()
    op.create_index("ix_events_session", "events", ["session_id", "seq"])
    op.create_index("ix_events_session_stream", "events", ["session_id", "stream", "seq"])
    op.create_index("ix_order_intents_status", "order_intents", ["status"])
    op.create_index("ix_orders_open", "orders", ["is_open", "seq"])
    op.create_index("ix_orders_venue_order_id", "orders", ["venue_order_id"])
    op.create_index("ix_orders_created", "orders", ["created_ns"])
    op.create_index("ix_fills_executed", "fills", ["executed_ns"])
    op.create_index("ix_fills_seq", "fills", ["seq"])
    op.create_index("ix_fills_order", "fills", ["client_order_id", sa.text("executed_ns DESC")])
    op.create_index("ix_deadlines_due", "deadlines", ["due_ns"])


def downgrade() -> None:
    """There is no way back past the first revision."""

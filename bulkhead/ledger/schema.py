"""The tables, valid for SQLite and PostgreSQL.

`events` is the truth; every other table is made from it and can be made again (rebuild.py). No table refers to another
by a foreign key: evidence is booked even when what it belongs to is missing, because a refused fill is a lost fill.
Columns named `payload` hold canonical JSON; `seq` is the event that wrote the row last.
A change here needs a new revision in migrations/versions; tests/ledger/test_migrate.py holds the two together.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

from bulkhead.ledger.exact import Exact

metadata = MetaData()

# Only INTEGER PRIMARY KEY is SQLite's own row number; BIGINT would cost a second tree.
_RowNumber = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _seq() -> Column[int]:
    return Column("seq", BigInteger, nullable=False)


events = Table(
    "events",
    metadata,
    Column("seq", _RowNumber, primary_key=True, autoincrement=False),
    Column("schema_version", Integer, nullable=False),
    _time("at_ns"),
    _text("stream"),
    _text("type"),
    _text("session_id"),
    _text("correlation_id"),
    Column("causation_id", Text),
    _text("payload"),
    _text("prev_hash"),
    _text("hash"),
    Index("ix_events_session", "session_id", "seq"),
    Index("ix_events_session_stream", "session_id", "stream", "seq"),
)

order_intents = Table(
    "order_intents",
    metadata,
    Column("intent_id", Text, primary_key=True),
    Column("action_key", Text, nullable=False, unique=True),
    _text("status"),
    Column("code", Text),
    _text("reason"),
    _text("origin"),
    _text("strategy_id"),
    _text("venue"),
    _text("account"),
    _text("group_id"),
    Column("leg", Integer, nullable=False),
    _text("symbol"),
    _text("side"),
    _text("intent_type"),
    Column("quantity", Exact, nullable=False),
    _text("order_type"),
    Column("limit_price", Exact),
    Column("reserved_notional", Exact, nullable=False),
    _time("created_ns"),
    _time("updated_ns"),
    _text("correlation_id"),
    Column("decision_id", Text),
    _text("payload"),
    _seq(),
    Index("ix_order_intents_status", "status"),
    Index("ix_order_intents_created", "created_ns"),
)

orders = Table(
    "orders",
    metadata,
    Column("client_order_id", Text, primary_key=True),
    Column("venue_order_id", Text),
    _text("intent_id"),
    Column("child", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    _text("strategy_id"),
    _text("venue"),
    _text("account"),
    _text("symbol"),
    _text("side"),
    _text("intent_type"),
    _text("order_type"),
    _text("time_in_force"),
    Column("quantity", Exact, nullable=False),
    Column("limit_price", Exact),
    _text("status"),  # the public word: UNKNOWN reads ERROR here; the payload has ours
    Column("is_open", Boolean, nullable=False),
    Column("filled", Exact, nullable=False),
    Column("filled_notional", Exact, nullable=False),
    Column("leaves", Exact, nullable=False),
    Column("reason", Text),
    _time("created_ns"),
    Column("submitted_ns", BigInteger),
    _time("updated_ns"),
    _text("correlation_id"),
    Column("raw", Text),
    _text("payload"),
    _seq(),
    Column("instruments_version", Text),
    UniqueConstraint("intent_id", "child", "attempt", name="uq_orders_intent_child_attempt"),
    Index("ix_orders_open", "is_open", "seq"),
    Index("ix_orders_venue_order_id", "venue_order_id"),
    Index("ix_orders_created", "created_ns"),
)

fills = Table(
    "fills",
    metadata,
    Column("fill_id", Text, primary_key=True),
    _text("client_order_id"),
    _text("strategy_id"),
    _text("venue"),
    _text("account"),
    _text("symbol"),
    _text("side"),
    _text("intent_type"),
    Column("quantity", Exact, nullable=False),
    Column("price", Exact, nullable=False),
    Column("fee", Exact, nullable=False),
    _text("fee_asset"),
    Column("tax", Exact, nullable=False),
    _time("executed_ns"),
    Column("is_maker", Boolean, nullable=False),
    Column("decision_price", Exact),
    _text("source"),
    _seq(),
    Index("ix_fills_executed", "executed_ns"),
    Index("ix_fills_seq", "seq"),
)
Index("ix_fills_order", fills.c.client_order_id, fills.c.executed_ns.desc())

fill_totals = Table(
    "fill_totals",
    metadata,
    Column("venue", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # base and quote of a symbol, fee or adjustment of an asset
    Column("name", Text, primary_key=True),
    Column("total", Exact, nullable=False),
)

positions = Table(
    "positions",
    metadata,
    Column("strategy_id", Text, primary_key=True),
    Column("venue", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("quantity", Exact, nullable=False),
    Column("average_price", Exact, nullable=False),
    Column("realised_pnl", Exact, nullable=False),
    Column("fees_quote", Exact, nullable=False),
    Column("last_fill_id", Text),
    _time("updated_ns"),
    _seq(),
)

portfolio_snapshots = Table(
    "portfolio_snapshots",
    metadata,
    Column("seq", _RowNumber, primary_key=True, autoincrement=False),
    _text("venue"),
    _text("account"),
    _text("currency"),
    Column("cash", Exact, nullable=False),
    Column("equity", Exact, nullable=False),
    Column("realised_pnl", Exact, nullable=False),
    Column("unrealised_pnl", Exact, nullable=False),
    Column("day_pnl", Exact, nullable=False),
    Column("peak_equity", Exact, nullable=False),
    Column("drawdown", Exact, nullable=False),
    _time("at_ns"),
    _text("payload"),
)

opening_balances = Table(
    "opening_balances",
    metadata,
    Column("venue", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    _time("at_ns"),
    _text("balances"),
    _seq(),
)

trades = Table(
    "trades",
    metadata,
    Column("trade_id", Text, primary_key=True),
    _text("strategy_id"),
    _text("venue"),
    _text("symbol"),
    Column("quantity", Exact, nullable=False),
    Column("entry_price", Exact, nullable=False),
    Column("exit_price", Exact, nullable=False),
    _time("entry_ns"),
    _time("exit_ns"),
    Column("pnl", Exact, nullable=False),
    _text("currency"),
    Column("fees", Exact, nullable=False),
    Column("buy_slippage_bps", Exact),
    Column("sell_slippage_bps", Exact),
    Column("buy_fill_ratio", Exact, nullable=False),
    Column("sell_fill_ratio", Exact, nullable=False),
    _text("trade_result"),
    _seq(),
    Index("ix_trades_exit", "exit_ns"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    _text("mode"),
    _text("venue"),
    _text("account_masked"),
    _text("strategies"),
    _text("config_snapshot_id"),
    _text("code_version"),
    _text("seed"),  # text: a seed may be longer than 64 bits
    _time("started_ns"),
    Column("stopped_ns", BigInteger),
    Column("stop_reason", Text),
    _seq(),
)

operator_actions = Table(
    "operator_actions",
    metadata,
    Column("seq", _RowNumber, primary_key=True, autoincrement=False),
    _text("operator"),
    _text("action"),
    _text("reason"),
    _time("at_ns"),
)

risk_events = Table(
    "risk_events",
    metadata,
    Column("seq", _RowNumber, primary_key=True, autoincrement=False),
    _text("type"),
    Column("code", Text),
    Column("limit_name", Text),
    Column("value", Text),
    Column("limit_value", Text),
    Column("level", Integer),
    Column("scope", Text),
    _time("at_ns"),
    _text("payload"),
    Index("ix_risk_events_limit", "type", "limit_name", "seq"),
)

deadlines = Table(
    "deadlines",
    metadata,
    Column("id", Text, primary_key=True),
    _time("due_ns"),
    _text("kind"),
    _text("payload"),
    _seq(),
    Index("ix_deadlines_due", "due_ns"),
)

order_aliases = Table(
    "order_aliases",
    metadata,
    Column("client_order_id", Text, primary_key=True),
    Column("venue_order_id", Text, primary_key=True),
    _text("venue"),
    _text("account"),
    Column("venue_date", Text),  # where it is NULL, no database holds the number to be unique
    _text("branch"),
    _time("first_seen_ns"),
    _seq(),
    UniqueConstraint("venue", "account", "venue_date", "branch", "venue_order_id", name="uq_order_aliases_number"),
    Index("ix_order_aliases_venue_order_id", "venue_order_id"),
)

adjustments = Table(
    "adjustments",
    metadata,
    Column("adjustment_id", Text, primary_key=True),
    _text("kind"),
    _text("venue"),
    _text("account"),
    _text("asset"),
    Column("amount", Exact, nullable=False),
    Column("symbol", Text),
    Column("strategy_id", Text),
    Column("price", Exact),
    _text("source"),
    _text("reason"),
    _time("effective_ns"),
    _seq(),
    Index("ix_adjustments_effective", "effective_ns"),
)

strangers = Table(
    "strangers",
    metadata,
    Column("kind", Text, primary_key=True),  # order or fill
    Column("symbol", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    _text("verdict"),
    Column("strategy_id", Text),
    Column("decided_ns", BigInteger),
    Column("payload", Text),
    Column("seen_ns", BigInteger),
    _seq(),
    Index("ix_strangers_seq", "seq"),
)

config_snapshots = Table(
    "config_snapshots",
    metadata,
    Column("config_snapshot_id", Text, primary_key=True),
    _text("content"),
    _time("first_seen_ns"),
    _seq(),
)

leases = Table(
    "leases",
    metadata,
    Column("venue", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    _text("owner"),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at_ns", BigInteger),
    Column("released_ns", BigInteger),
    _seq(),
)

instruments = Table(
    "instruments",
    metadata,
    Column("venue", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    _text("base_asset"),
    _text("currency"),
    _text("sector"),
    _text("status"),
    Column("is_trading", Boolean, nullable=False),
    Column("tick_size", Exact, nullable=False),
    Column("lot_size", Exact, nullable=False),
    Column("min_quantity", Exact, nullable=False),
    Column("max_quantity", Exact, nullable=False),
    Column("min_notional", Exact, nullable=False),
    Column("tick_bands", Text),  # JSON as in the event; NULL where one tick holds for every price
    _time("first_seen_ns"),
    _seq(),
)

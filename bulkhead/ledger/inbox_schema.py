"""The table of an inbox, as SQL: version 1. The file outlives programs, so a released version is never changed.

Constraints have names that say what they want, because SQLite repeats the name to whoever inserts. Numbers are checked
when a row is taken, not here: SQLite would compare them as floats. So are words that a later version may add to. The
triggers keep honest hands from changing what
was handed in; they are no protection against somebody who means harm, for which there are the rights on the file.
"""

APPLICATION_ID = 0x424B_4942
"""`BKIB`, in the header of the file: what kind of database it is."""
VERSION = 1

_NOW_NS = "(CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000000)"
_MINUTE_NS = 60_000_000_000

TABLE = f"""
CREATE TABLE order_intents (
    row_id        INTEGER PRIMARY KEY AUTOINCREMENT,
    intent_id     TEXT NOT NULL DEFAULT (lower(hex(randomblob(16))))
                  CONSTRAINT "intent_id has 1 to 128 characters" CHECK (length(intent_id) BETWEEN 1 AND 128),
    action_key    TEXT NOT NULL
                  CONSTRAINT "action_key has 1 to 128 characters" CHECK (length(action_key) BETWEEN 1 AND 128),
    strategy_id   TEXT NOT NULL,
    venue         TEXT,
    account       TEXT,
    group_id      TEXT NOT NULL DEFAULT '',
    leg           INTEGER NOT NULL DEFAULT 0,
    symbol        TEXT NOT NULL,
    side          TEXT NOT NULL CONSTRAINT "side is BUY or SELL" CHECK (side IN ('BUY', 'SELL')),
    intent_type   TEXT NOT NULL CONSTRAINT "intent_type is ENTRY, EXIT_PARTIAL or EXIT_FULL"
                  CHECK (intent_type IN ('ENTRY', 'EXIT_PARTIAL', 'EXIT_FULL')),
    quantity      TEXT CONSTRAINT "quantity may be left out only with EXIT_FULL"
                  CHECK (quantity IS NOT NULL OR intent_type = 'EXIT_FULL'),
    order_type    TEXT NOT NULL DEFAULT 'MKT'
                  CONSTRAINT "order_type is MKT or LMT" CHECK (order_type IN ('MKT', 'LMT')),
    limit_price   TEXT CONSTRAINT "limit_price is given with LMT and only then"
                  CHECK ((limit_price IS NOT NULL) = (order_type = 'LMT')),
    time_in_force TEXT NOT NULL DEFAULT 'GTC',
    split         TEXT NOT NULL DEFAULT 'SINGLE',
    urgency       INTEGER NOT NULL DEFAULT 5 CONSTRAINT "urgency is 0 to 9" CHECK (urgency BETWEEN 0 AND 9),
    reason        TEXT NOT NULL DEFAULT '' CONSTRAINT "reason has at most 500 bytes"
                  CHECK (length(CAST(reason AS BLOB)) <= 500),
    created_ns    INTEGER NOT NULL DEFAULT {_NOW_NS},
    expires_at_ns INTEGER NOT NULL DEFAULT ({_NOW_NS} + {_MINUTE_NS}),
    status        TEXT NOT NULL DEFAULT 'NEW' CONSTRAINT "status is a known word"
                  CHECK (status IN ('NEW', 'SUBMITTED', 'DUPLICATE', 'REJECTED', 'FAILED')),
    code          TEXT,
    answer        TEXT,
    answered_ns   INTEGER
)"""

_SENT = (
    "row_id, intent_id, action_key, strategy_id, venue, account, group_id, leg, symbol, side, intent_type, quantity, "
    "order_type, limit_price, time_in_force, split, urgency, reason, created_ns, expires_at_ns"
)
_TRIGGERS = (
    """CREATE TRIGGER order_intents_begin_new BEFORE INSERT ON order_intents
    WHEN NEW.status IS NOT 'NEW' OR NEW.answer IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'an intent begins as NEW, without an answer'); END""",
    f"""CREATE TRIGGER order_intents_stay_as_sent BEFORE UPDATE OF {_SENT} ON order_intents
    BEGIN SELECT RAISE(ABORT, 'an intent is never changed: insert another one'); END""",
    """CREATE TRIGGER order_intents_are_answered_once BEFORE UPDATE OF status, code, answer, answered_ns
    ON order_intents WHEN OLD.status <> 'NEW'
    BEGIN SELECT RAISE(ABORT, 'an intent is answered once'); END""",
)
STATEMENTS = (
    TABLE,
    "CREATE INDEX ix_order_intents_new ON order_intents (row_id) WHERE status = 'NEW'",
    "CREATE INDEX ix_order_intents_action_key ON order_intents (action_key)",
    "CREATE INDEX ix_order_intents_intent_id ON order_intents (intent_id)",
    *_TRIGGERS,
)
"""All that a new file is made with, in one transaction."""

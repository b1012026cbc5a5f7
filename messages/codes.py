"""The closed set of error codes: one place, one meaning and one advice for each.

A code says what was refused or went wrong; the numbers that were compared travel beside it, never inside it. Codes are
public (logs, ledger, reports): one may be added, but none is ever renamed or given another meaning.
"""

from enum import StrEnum
from typing import NamedTuple


class ErrorCode(StrEnum):
    # -- of the source documents
    LIVE_GUARD_NOT_ENABLED = "LIVE_GUARD_NOT_ENABLED"
    OMS_IDEMPOTENCY_MISSING = "OMS_IDEMPOTENCY_MISSING"
    BROKER_REJECTED = "BROKER_REJECTED"
    BROKER_TIMEOUT_TRANSIENT = "BROKER_TIMEOUT_TRANSIENT"
    POSITION_SYNC_FAIL = "POSITION_SYNC_FAIL"
    RISK_GUARD_TRIPPED = "RISK_GUARD_TRIPPED"
    # -- preflight
    STRATEGY_TIER_TOO_LOW = "STRATEGY_TIER_TOO_LOW"
    LIVE_NOT_READY = "LIVE_NOT_READY"
    CLOCK_SKEW = "CLOCK_SKEW"
    ALERT_TARGET_DEAF = "ALERT_TARGET_DEAF"
    # -- the intent itself
    INTENT_DUPLICATE = "INTENT_DUPLICATE"
    INTENT_EXPIRED = "INTENT_EXPIRED"
    INTENT_STALE_EPOCH = "INTENT_STALE_EPOCH"
    BUSY = "BUSY"
    NUMBER_IMPOSSIBLE = "NUMBER_IMPOSSIBLE"
    INTENT_MALFORMED = "INTENT_MALFORMED"
    INTENT_MISDIRECTED = "INTENT_MISDIRECTED"
    OWNER_UNKNOWN = "OWNER_UNKNOWN"
    # -- precheck
    GATE_SHUT = "GATE_SHUT"
    INSTRUMENT_UNKNOWN = "INSTRUMENT_UNKNOWN"
    INSTRUMENT_NOT_TRADING = "INSTRUMENT_NOT_TRADING"
    INSTRUMENTS_STALE = "INSTRUMENTS_STALE"
    SYMBOL_FROZEN = "SYMBOL_FROZEN"
    SIDE_IN_DOUBT = "SIDE_IN_DOUBT"
    MARKET_MISSING = "MARKET_MISSING"
    MARKET_STALE = "MARKET_STALE"
    SPREAD_TOO_WIDE = "SPREAD_TOO_WIDE"
    PRICE_OUTSIDE_COLLAR = "PRICE_OUTSIDE_COLLAR"
    PRICE_OFF_TICK = "PRICE_OFF_TICK"
    QUANTITY_OFF_LOT = "QUANTITY_OFF_LOT"
    QUANTITY_TOO_SMALL = "QUANTITY_TOO_SMALL"
    QUANTITY_TOO_LARGE = "QUANTITY_TOO_LARGE"
    NOTIONAL_TOO_SMALL = "NOTIONAL_TOO_SMALL"
    SELF_CROSS = "SELF_CROSS"
    EXIT_EXCEEDS_POSITION = "EXIT_EXCEEDS_POSITION"
    NOTHING_TO_EXIT = "NOTHING_TO_EXIT"
    SPLIT_UNSUPPORTED = "SPLIT_UNSUPPORTED"
    # -- sending
    ORDER_NOT_SENT = "ORDER_NOT_SENT"
    ORDER_PROVEN_ABSENT = "ORDER_PROVEN_ABSENT"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    # -- risk limits, before the trade
    RISK_PORTFOLIO_MISSING = "RISK_PORTFOLIO_MISSING"
    RISK_MAX_POSITIONS = "RISK_MAX_POSITIONS"
    RISK_SYMBOL_EXPOSURE = "RISK_SYMBOL_EXPOSURE"
    RISK_GROSS_EXPOSURE = "RISK_GROSS_EXPOSURE"
    RISK_ORDER_NOTIONAL = "RISK_ORDER_NOTIONAL"
    RISK_ORDER_QUANTITY = "RISK_ORDER_QUANTITY"
    RISK_ORDER_RATE = "RISK_ORDER_RATE"
    RISK_ORDERS_PER_DAY = "RISK_ORDERS_PER_DAY"
    RISK_TRADES_PER_DAY = "RISK_TRADES_PER_DAY"
    RISK_MIN_CASH = "RISK_MIN_CASH"
    RISK_SECTOR_EXPOSURE = "RISK_SECTOR_EXPOSURE"
    RISK_NET_EXPOSURE = "RISK_NET_EXPOSURE"
    RISK_ADV_SHARE = "RISK_ADV_SHARE"
    RISK_ORDER_SLIPPAGE = "RISK_ORDER_SLIPPAGE"
    RISK_TIME_WINDOW = "RISK_TIME_WINDOW"
    RISK_COOLDOWN = "RISK_COOLDOWN"
    RISK_PORTFOLIO_STALE = "RISK_PORTFOLIO_STALE"
    RISK_DATA_UNSOUND = "RISK_DATA_UNSOUND"
    RISK_HISTORY_MISSING = "RISK_HISTORY_MISSING"
    RISK_VALUE_MISSING = "RISK_VALUE_MISSING"


class Meaning(NamedTuple):
    meaning: str
    what_to_do: str


MEANING: dict[ErrorCode, Meaning] = {
    ErrorCode.LIVE_GUARD_NOT_ENABLED: Meaning(
        "Live trading was asked for with the risk guard switched off.",
        "Set risk.enabled = true; live refuses to start without it.",
    ),
    ErrorCode.STRATEGY_TIER_TOO_LOW: Meaning(
        "A strategy declares itself not ready for paper trading, so it was not started.",
        "Finish it, then set its `tier` to 3 (paper-ready) or more.",
    ),
    ErrorCode.LIVE_NOT_READY: Meaning(
        "Something that live trading wants is not so, and nothing was started; the sentence says what.",
        "Do what stands behind each; `bulkhead doctor --deploy` shows the whole list.",
    ),
    ErrorCode.CLOCK_SKEW: Meaning(
        "This machine's clock and the venue's differ by more than a signed request may.",
        "Synchronise the machine's clock (NTP), then start again.",
    ),
    ErrorCode.OMS_IDEMPOTENCY_MISSING: Meaning(
        "An order had no client order id or no durable record, so nothing was sent.",
        "Check that the ledger accepts writes; the intent may be handed in again under a new action key.",
    ),
    ErrorCode.BROKER_REJECTED: Meaning(
        "The venue said no to the order; it is final and is never retried.",
        "Read the venue's reason beside the code; correct the order, the account or the permission.",
    ),
    ErrorCode.BROKER_TIMEOUT_TRANSIENT: Meaning(
        "No verdict came back for bytes that had left: the order is UNKNOWN and its symbol is frozen.",
        "Wait for the query or reconciliation; if it stays, look it up at the venue; never send it again by hand.",
    ),
    ErrorCode.POSITION_SYNC_FAIL: Meaning(
        "Our books and the venue disagree twice in a row and no event explains it.",
        "Compare both sides in the report, then decide: adopt, ignore or flatten.",
    ),
    ErrorCode.RISK_GUARD_TRIPPED: Meaning(
        "A risk limit was broken; entries are shut and the limit's stop plan runs.",
        "Read the limit, the numbers and the portfolio in risk_events; resume only once the cause is understood.",
    ),
    ErrorCode.ALERT_TARGET_DEAF: Meaning(
        "Live trading wants somebody who is told, and no alert target is configured, or one took no message.",
        "Try `bulkhead alerts test`, mend the URL or its receiver; or set alerts.required = false.",
    ),
    ErrorCode.INTENT_DUPLICATE: Meaning(
        "The same intent id or action key was seen before; nothing was done again.",
        "Nothing, if the sender merely repeated itself; otherwise give a new decision a new id.",
    ),
    ErrorCode.INTENT_EXPIRED: Meaning(
        "The intent was handled after its expires_at.",
        "Look for what delayed it (queue, commit, gate) or let decisions live longer.",
    ),
    ErrorCode.BUSY: Meaning(
        "As many entries as may wait are waiting at the next actor already; this one was not queued.",
        "Find what holds that actor up (`bulkhead top`), or decide less often. Exits always have room.",
    ),
    ErrorCode.INTENT_STALE_EPOCH: Meaning(
        "The intent came from an incarnation of its strategy that has ended.",
        "Nothing: the restarted strategy decides anew.",
    ),
    ErrorCode.NUMBER_IMPOSSIBLE: Meaning(
        "A number that a limit needs is not finite or cannot be true.",
        "Find where the number was made; entries stay shut rather than pass an unchecked limit.",
    ),
    ErrorCode.INTENT_MALFORMED: Meaning(
        "A field of an intent from the inbox is missing, is no text, is too long, or has a word that nobody knows.",
        "The words beside the code name the field; hand it in again under a new action key.",
    ),
    ErrorCode.INTENT_MISDIRECTED: Meaning(
        "An intent from the inbox names a venue or account that this run does not trade on.",
        "Leave both out, or put it into the inbox of the run that trades there.",
    ),
    ErrorCode.OWNER_UNKNOWN: Meaning(
        "An intent from the inbox names an owner of positions that this run does not have.",
        "Use the id of a configured strategy, or add the name to inbox.owners.",
    ),
    ErrorCode.GATE_SHUT: Meaning(
        "The gate lets no entry out at the stop level in force.",
        "See the reasons in force with status; lift those that need an operator.",
    ),
    ErrorCode.INSTRUMENT_UNKNOWN: Meaning(
        "No trading rules are loaded for the symbol.",
        "Check the symbol's spelling and that the venue lists it.",
    ),
    ErrorCode.INSTRUMENT_NOT_TRADING: Meaning(
        "The venue does not trade the symbol at present.",
        "Wait until it reopens, or take the symbol out of the strategy.",
    ),
    ErrorCode.INSTRUMENTS_STALE: Meaning(
        "The venue's trading rules could not be fetched for more than two days.",
        "See why in failures (`bulkhead status`): the venue, its limits or the network; exits and cancels still work.",
    ),
    ErrorCode.SYMBOL_FROZEN: Meaning(
        "An order of unknown outcome freezes the symbol for entries.",
        "Wait for its resolution; see the order named beside the code.",
    ),
    ErrorCode.SIDE_IN_DOUBT: Meaning(
        "An order of this symbol and side has no answer, where the venue keeps no ids: a second one must not leave.",
        "Wait for its resolution; if an operator is asked, look into the venue's own app and say `bulkhead resolve`.",
    ),
    ErrorCode.MARKET_MISSING: Meaning(
        "No market snapshot with the prices that a check needs came with the entry.",
        "Check that the feed of the symbol delivers quotes before entries are decided.",
    ),
    ErrorCode.MARKET_STALE: Meaning(
        "The market snapshot is older than allowed, or lies in the future.",
        "Check the feed's lag and the clocks; raise max_market_age_s only for slow markets.",
    ),
    ErrorCode.SPREAD_TOO_WIDE: Meaning(
        "The spread is above the cap for entries, or the quotes are crossed.",
        "Wait for liquidity, or raise max_spread_bps for this market.",
    ),
    ErrorCode.PRICE_OUTSIDE_COLLAR: Meaning(
        "The limit price is too far from the market.",
        "Check the price for a slip of the finger; widen the collar only on purpose.",
    ),
    ErrorCode.PRICE_OFF_TICK: Meaning(
        "The limit price is no multiple of the tick size.",
        "Round the price to the instrument's tick before deciding.",
    ),
    ErrorCode.QUANTITY_OFF_LOT: Meaning(
        "The quantity is no multiple of the lot size.",
        "Round the quantity down to the instrument's lot.",
    ),
    ErrorCode.QUANTITY_TOO_SMALL: Meaning(
        "The quantity is below what the venue accepts.",
        "Size the order above the venue's minimum; a remainder below it is dust.",
    ),
    ErrorCode.QUANTITY_TOO_LARGE: Meaning(
        "The quantity is above what the venue accepts in one order.",
        "Make the order smaller.",
    ),
    ErrorCode.NOTIONAL_TOO_SMALL: Meaning(
        "Quantity times price is below the venue's minimum.",
        "Size the order above the venue's minimum; a remainder below it is dust.",
    ),
    ErrorCode.SELF_CROSS: Meaning(
        "The order could trade with a resting order of our own.",
        "Cancel the resting order first, or choose a price that does not cross it.",
    ),
    ErrorCode.EXIT_EXCEEDS_POSITION: Meaning(
        "The exit is larger than the confirmed position less exits already working, so it could flip it.",
        "Use EXIT_FULL, or size the exit from the position and the working orders.",
    ),
    ErrorCode.NOTHING_TO_EXIT: Meaning(
        "No sellable position is left to exit: it is flat, dust, or already being exited.",
        "Nothing; watch the working exits.",
    ),
    ErrorCode.SPLIT_UNSUPPORTED: Meaning(
        "The split policy is not carried out by this version.",
        "Set the split to SINGLE, or send the children as intents of your own.",
    ),
    ErrorCode.ORDER_NOT_SENT: Meaning(
        "The order provably never reached the matching engine and was given up.",
        "Read the reason; the intent has ended and may be decided anew.",
    ),
    ErrorCode.ORDER_PROVEN_ABSENT: Meaning(
        "After its request could no longer be accepted, the venue knew neither the order nor a trade of it.",
        "Nothing is open; the intent has ended and may be decided anew.",
    ),
    ErrorCode.LEDGER_UNAVAILABLE: Meaning(
        "The order could not be made durable, so it was not sent.",
        "Free disk space or repair the ledger's file; cancels still work meanwhile.",
    ),
    ErrorCode.RISK_PORTFOLIO_MISSING: Meaning(
        "No portfolio has been stated yet, so exposure cannot be judged.",
        "Wait for recovery to finish; check Portfolio if it lasts.",
    ),
    ErrorCode.RISK_MAX_POSITIONS: Meaning(
        "One position more than max_positions would be open.",
        "Close a position, or raise risk.max_positions.",
    ),
    ErrorCode.RISK_SYMBOL_EXPOSURE: Meaning(
        "The symbol's exposure, orders in flight included, would exceed its limit.",
        "Trade smaller, or raise risk.max_symbol_exposure.",
    ),
    ErrorCode.RISK_GROSS_EXPOSURE: Meaning(
        "Exposure over all symbols, orders in flight included, would exceed its limit.",
        "Trade smaller, or raise risk.max_gross_exposure.",
    ),
    ErrorCode.RISK_ORDER_NOTIONAL: Meaning(
        "The order's worst-case notional is above the limit for one order.",
        "Trade smaller, or raise risk.max_order_notional.",
    ),
    ErrorCode.RISK_ORDER_QUANTITY: Meaning(
        "The order's quantity is above the limit for one order.",
        "Trade smaller, or raise risk.max_order_quantity.",
    ),
    ErrorCode.RISK_ORDER_RATE: Meaning(
        "More entries in one second than allowed.",
        "Find out why the strategy decides so often; raise risk.max_orders_per_s only on purpose.",
    ),
    ErrorCode.RISK_ORDERS_PER_DAY: Meaning(
        "The day's number of entries is used up.",
        "Wait for the next trading day, or raise risk.max_orders_per_day.",
    ),
    ErrorCode.RISK_TRADES_PER_DAY: Meaning(
        "The day's number of finished trades is used up.",
        "Wait for the next trading day, or raise risk.max_trades_per_day.",
    ),
    ErrorCode.RISK_MIN_CASH: Meaning(
        "The order could leave less cash than the limit keeps back.",
        "Trade smaller, free cash, or lower risk.min_cash.",
    ),
    ErrorCode.RISK_SECTOR_EXPOSURE: Meaning(
        "The sector's exposure, orders in flight included, would exceed its limit.",
        "Trade smaller, or raise risk.max_sector_exposure.",
    ),
    ErrorCode.RISK_NET_EXPOSURE: Meaning(
        "Longs less shorts, with the orders in flight on that side, would exceed their limit.",
        "Trade smaller or the other way, or raise risk.max_net_exposure.",
    ),
    ErrorCode.RISK_ADV_SHARE: Meaning(
        "The entry would be too large a share of the symbol's average daily volume.",
        "Trade smaller, or correct risk.adv_notional if the volume has changed.",
    ),
    ErrorCode.RISK_ORDER_SLIPPAGE: Meaning(
        "The entry could, or must be expected to, fill further from the market than one order may.",
        "Use a limit price nearer the market or a smaller order; raise risk.max_order_slippage_bps on purpose only.",
    ),
    ErrorCode.RISK_TIME_WINDOW: Meaning(
        "The session opened too short a time ago, closes too soon, or is not on.",
        "Wait; the windows are risk.no_entry_first_s and no_entry_last_s.",
    ),
    ErrorCode.RISK_COOLDOWN: Meaning(
        "The strategy lost too many round trips in a row and pauses.",
        "Wait for the pause to end, and look at why it loses; see risk.cooldown_after_losses and cooldown_s.",
    ),
    ErrorCode.RISK_PORTFOLIO_STALE: Meaning(
        "The last portfolio is too old to judge exposure by.",
        "Check Portfolio (`bulkhead status`); entries go on by themselves with the next valuation.",
    ),
    ErrorCode.RISK_DATA_UNSOUND: Meaning(
        "The data of the symbol is late, has a gap, or nothing vouches for it.",
        "See the feed in `bulkhead status`; entries go on by themselves once its data is sound again.",
    ),
    ErrorCode.RISK_HISTORY_MISSING: Meaning(
        "The figures of the day, or what is in flight, have not been told yet after a restart.",
        "Wait for recovery to finish; check the ledger if it lasts.",
    ),
    ErrorCode.RISK_VALUE_MISSING: Meaning(
        "A limit needs a value that the configuration does not have: a sector, a volume, a rate.",
        "Add the value that the words name, or leave the limit that needs it unset.",
    ),
}

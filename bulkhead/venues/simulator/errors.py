"""What the venue answers when it refuses: code, message and HTTP status, in Binance's words.

It is not an error of the simulator: a refusal is a normal answer. `SimulatorError` is the other kind, a mistake in
how the simulator was started or fed, said in one sentence to the person who started it.
"""

from decimal import Decimal

DECIMAL_PATTERN = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"


class SimulatorError(Exception):
    """The simulator cannot start or go on (port in use, missing tape, too many bad rows); the text is for a person."""


class Refused(Exception):
    """The venue says no. `retry_after_s` is set for rate limits only."""

    def __init__(self, code: int, message: str, status: int = 400, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s


def filter_failure(name: str) -> Refused:
    return Refused(-1013, f"Filter failure: {name}")


def mandatory(name: str) -> Refused:
    return Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def not_required(name: str) -> Refused:
    return Refused(-1106, f"Parameter '{name}' sent when not required.")


def illegal(name: str, pattern: str) -> Refused:
    return Refused(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")


def too_precise(name: str) -> Refused:
    return Refused(-1111, f"Parameter '{name}' has too much precision.")


def not_positive(name: str, value: Decimal) -> Refused:
    word = "price" if name == "price" else "quantity"
    return Refused(-1013, f"Invalid {word}.") if value <= 0 else too_precise(name)


def invalid_symbol() -> Refused:
    return Refused(-1121, "Invalid symbol.")


def invalid_side() -> Refused:
    return Refused(-1117, "Invalid side.")


def invalid_order_type() -> Refused:
    return Refused(-1116, "Invalid orderType.")


def invalid_time_in_force() -> Refused:
    return Refused(-1115, "Invalid timeInForce.")


def bad_window() -> Refused:
    return Refused(-1131, "recvWindow must be less than 60000.")


def too_old() -> Refused:
    return Refused(-1021, "Timestamp for this request is outside of the recvWindow.")


def too_early() -> Refused:
    return Refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def bad_signature() -> Refused:
    return Refused(-1022, "Signature for this request is not valid.")


def bad_key_format() -> Refused:
    return Refused(-2014, "API-key format invalid.", 401)


def unknown_key() -> Refused:
    return Refused(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def insufficient_balance() -> Refused:
    return Refused(-2010, "Account has insufficient balance for requested action.")


def duplicate_order() -> Refused:
    return Refused(-2010, "Duplicate order sent.")


def unknown_order_sent() -> Refused:
    return Refused(-2011, "Unknown order sent.")


def no_such_order() -> Refused:
    return Refused(-2013, "Order does not exist.")


def too_much_weight(limit_per_minute: int, retry_after_s: int) -> Refused:
    text = (
        f"Too much request weight used; current limit is {limit_per_minute} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return Refused(-1003, text, 429, retry_after_s)


def banned(until_ms: int, retry_after_s: int) -> Refused:
    text = (
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    return Refused(-1003, text, 418, retry_after_s)


def too_many_orders(limit: int, interval: str, retry_after_s: int) -> Refused:
    return Refused(-1015, f"Too many new orders; current limit is {limit} orders per {interval}.", 429, retry_after_s)


def outcome_unknown(status: int) -> Refused:
    text = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
    return Refused(-1007, text, status)

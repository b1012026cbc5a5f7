"""What a key may do, where a venue tells it."""

from messages.values import Value


class KeyRights(Value):
    """Of one API key, by the venue's own word."""

    can_trade: bool
    can_withdraw: bool
    """It, or transfers to other accounts."""
    is_bound_to_addresses: bool
    """Only certain addresses may use it."""

"""Reading what a client sent: every value a string, by its name; bodies in upper case. Raises KisRefused."""

import json
import re
from decimal import Decimal

from bulkhead.venues.simulator.kis import errors
from bulkhead.venues.simulator.kis.errors import KisRefused

_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_DATE = re.compile(r"[0-9]{8}", re.ASCII)
_BODY_BOUND = 16_384

Json = dict[str, object]


def parse_body(body: bytes) -> Json:
    if len(body) > _BODY_BOUND:
        raise KisRefused("EGW00002", "서버 에러가 발생했습니다.", status=500)
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise errors.field_missing("BODY")
    return parsed


class Fields:
    """The parameters of one call."""

    def __init__(self, values: Json) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """A field that has to be there; it may be empty."""
        value = self._values.get(name)
        if value is None:
            raise errors.field_missing(name)
        if not isinstance(value, str):
            raise errors.field_invalid(name)
        return value

    def optional(self, name: str, default: str = "") -> str:
        return self.text(name) if name in self._values else default

    def one_of(self, name: str, *offered: str) -> str:
        value = self.text(name)
        if value not in offered:
            raise errors.field_invalid(name)
        return value

    def number(self, name: str) -> Decimal:
        """Whole shares, or whole won."""
        value = self.text(name)
        if not _NUMBER.fullmatch(value):
            raise errors.field_invalid(name)
        return Decimal(value)

    def date(self, name: str) -> str:
        value = self.text(name)
        if not _DATE.fullmatch(value):
            raise errors.field_invalid(name)
        return value

    def order_number(self, name: str) -> int | None:
        """None when it is empty."""
        value = self.text(name).strip()
        if value and not _NUMBER.fullmatch(value):
            raise errors.field_invalid(name)
        return int(value) if value else None

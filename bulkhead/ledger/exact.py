"""Exact decimals in any database, and exact arithmetic on them.

SQLAlchemy's own Numeric goes through float on SQLite; here a Decimal is TEXT there and NUMERIC in PostgreSQL. The text
is plain (never an exponent), so the value that comes back is equal, though `1E+3` comes back as `1000`.
"""

from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Any

from sqlalchemy import Numeric, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

MAX_DIGITS = 1_000
"""No amount of money needs more; beyond it a sum raises decimal.Inexact instead of rounding."""

EXACT = Context(prec=MAX_DIGITS, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""For sums and products that must not round: the default context keeps 28 digits and rounds in silence."""


def plain(value: Decimal) -> str:
    """The value as digits without an exponent."""
    return format(value, "f")


class Exact(TypeDecorator[Decimal]):
    """A Decimal column that gives back exactly what was put in."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(asdecimal=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return plain(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)

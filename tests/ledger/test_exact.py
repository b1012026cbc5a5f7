"""Decimals come back as they went in, and sums do not round."""

from decimal import Decimal, Inexact, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from bulkhead.ledger.connect import close, open_memory
from bulkhead.ledger.exact import EXACT, Exact, plain

numbers = Table("numbers", MetaData(), Column("id", Integer, primary_key=True), Column("value", Exact))


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False), max_size=20))
def test_a_decimal_comes_back_equal(values: list[Decimal]) -> None:
    connection = open_memory()
    try:
        numbers.create(connection)
        if values:
            connection.execute(insert(numbers), [{"value": value} for value in values])
        assert list(connection.scalars(select(numbers.c.value).order_by(numbers.c.id))) == values
    finally:
        close(connection)


def test_digits_that_a_float_would_lose() -> None:
    value = Decimal("12345678901234567890.123456789012345678")
    connection = open_memory()
    try:
        numbers.create(connection)
        connection.execute(insert(numbers), [{"value": value}, {"value": None}])
        assert connection.scalars(select(numbers.c.value).order_by(numbers.c.id)).all() == [value, None]
        assert connection.exec_driver_sql("SELECT typeof(value) FROM numbers LIMIT 1").scalar() == "text"
    finally:
        close(connection)


def test_postgresql_keeps_numeric() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert "value NUMERIC" in str(CreateTable(numbers).compile(dialect=dialect))
    assert Exact().process_bind_param(Decimal("1E+3"), dialect) == Decimal(1000)


def test_text_has_no_exponent() -> None:
    assert plain(Decimal("1E+3")) == "1000"
    assert plain(Decimal("1E-10")) == "0.0000000001"


def test_a_sum_that_would_round_raises() -> None:
    with localcontext(EXACT):
        assert Decimal("1e40") + Decimal("1e-40") - Decimal("1e40") == Decimal("1e-40")
        with pytest.raises(Inexact):
            Decimal("1e900") + Decimal("1e-900")

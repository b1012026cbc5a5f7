"""Statements past SQLAlchemy's execution: the same words, the same values, the same errors as through it."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import Boolean, Column, Connection, Integer, MetaData, Table, Text, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from bulkhead.ledger.connect import close, open_memory
from bulkhead.ledger.exact import Exact
from bulkhead.ledger.prepared import Prepared, run, scalar

_metadata = MetaData()
_amounts = Table(
    "amounts",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("amount", Exact),
    Column("is_open", Boolean),
    Column("count", Integer),
)
ROW = {"name": "a", "amount": Decimal("1E+3"), "is_open": True, "count": 7}


@pytest.fixture
def connection() -> Iterator[Connection]:
    made = open_memory()
    _metadata.create_all(made)
    yield made
    close(made)


def test_a_row_is_written_as_sqlalchemy_writes_it(connection: Connection) -> None:
    Prepared(insert(_amounts))(connection, ROW)
    connection.execute(insert(_amounts), {**ROW, "name": "b"})
    ours, theirs = connection.exec_driver_sql("SELECT amount, is_open, count FROM amounts ORDER BY name").all()
    assert tuple(ours) == tuple(theirs) == ("1000", 1, 7)


def test_rows_of_several_shapes_go_by_one_statement(connection: Connection) -> None:
    put = Prepared(insert(_amounts))
    put(connection, ROW)
    put(connection, {"count": 2, "name": "b"})
    put.many(connection, [{"name": "c"}, {"name": "d"}])
    rows = connection.execute(select(_amounts).order_by(_amounts.c.name)).all()
    assert [tuple(row) for row in rows] == [
        ("a", Decimal(1000), True, 7),
        ("b", None, None, 2),
        ("c", None, None, None),
        ("d", None, None, None),
    ]


def test_an_update_says_how_many_rows_it_found(connection: Connection) -> None:
    Prepared(insert(_amounts))(connection, ROW)
    change = Prepared(update(_amounts).where(_amounts.c.name == bindparam("key")).values(amount=bindparam("amount")))
    assert change(connection, {"key": "a", "amount": Decimal("0.10")}) == 1
    assert change(connection, {"key": "z", "amount": Decimal(5)}) == 0
    find = Prepared(select(_amounts.c.amount).where(_amounts.c.name == bindparam("name")))
    assert find.scalar(connection, {"name": "a"}) == "0.10"
    assert find.scalar(connection, {"name": "z"}) is None


def test_errors_are_those_of_sqlalchemy(connection: Connection) -> None:
    put = Prepared(insert(_amounts))
    put(connection, ROW)
    with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: amounts\.name"):
        put(connection, ROW)
    with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: amounts\.name"):
        put.many(connection, [ROW])
    with pytest.raises(OperationalError, match="no such table"):
        run(connection, "DELETE FROM nowhere")
    with pytest.raises(OperationalError, match="no such table"):
        scalar(connection, "SELECT 1 FROM nowhere")


def test_a_row_without_a_value_is_no_row(connection: Connection) -> None:
    change = Prepared(update(_amounts).where(_amounts.c.name == bindparam("key")).values(amount=bindparam("amount")))
    with pytest.raises(KeyError, match="key"):
        change(connection, {"amount": Decimal(5)})

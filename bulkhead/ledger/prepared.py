"""Statements of the order path, compiled once and then handed straight to the driver.

SQLAlchemy says what a statement is: its words for the database at hand, and how each value is written there. What it
does for every single execution (looking the words up, a result with rows by name) costs several times what the database
itself takes, and nobody looks at it. Errors are SQLAlchemy's own, as from `Connection.execute`.

Not for what reads rows with types of their own: a value that is read comes as the driver has it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import Select

Row = Mapping[str, Any]
Written = Callable[[Any], Any] | None
"""How a value is written for the driver; None: as it is."""


class _Words(NamedTuple):
    """A statement in the words of one database, for rows of one shape."""

    sql: str
    values: tuple[tuple[str, Written], ...]
    """In the order in which the words ask for them."""

    def of(self, row: Row) -> tuple[Any, ...]:
        return tuple([row[name] if written is None else written(row[name]) for name, written in self.values])


class Prepared:
    """A statement whose binds are all named by the rows that it is run with. Raises KeyError for a row without one."""

    def __init__(self, statement: UpdateBase | Select[Any]) -> None:
        self.statement = statement
        self._words: dict[tuple[str, ...], _Words] = {}
        """By the names of the row: an insert names only the columns that it is given."""
        self._database = ""

    def __call__(self, connection: Connection, row: Row) -> int:
        """Run it; returns how many rows it has changed."""
        words = self._in_words(connection, row)
        return run(connection, words.sql, words.of(row))

    def scalar(self, connection: Connection, row: Row) -> Any:
        """The first value of the first row, as the driver has it; None without one."""
        words = self._in_words(connection, row)
        return scalar(connection, words.sql, words.of(row))

    def many(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Run it for each row; all have the same names."""
        words = self._in_words(connection, rows[0])
        cursor, values = connection.connection.cursor(), [words.of(row) for row in rows]
        try:
            cursor.executemany(words.sql, values)
        except Exception as error:
            raise _as_sqlalchemy_says(connection, words.sql, values, error) from error
        finally:
            cursor.close()

    def _in_words(self, connection: Connection, row: Row) -> _Words:
        dialect = connection.dialect
        if dialect.name != self._database:
            self._database, self._words = dialect.name, {}
        names = tuple(row)
        words = self._words.get(names)
        if words is None:
            # As for many rows, so that no INSERT asks to be told the keys that it has made.
            compiled = self.statement.compile(dialect=dialect, column_keys=list(names), for_executemany=True)
            order = compiled.positiontup
            if order is None:
                raise TypeError(f"the driver of {dialect.name} wants its values by name, not in order")
            values = tuple(
                (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order
            )
            words = self._words[names] = _Words(str(compiled), values)
        return words


def run(connection: Connection, sql: str, values: Sequence[Any] = ()) -> int:
    """Words that the driver understands as they are; returns how many rows they have changed. Raises SQLAlchemy's
    DBAPIError."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql, values)
        return cursor.rowcount
    except Exception as error:
        raise _as_sqlalchemy_says(connection, sql, values, error) from error
    finally:
        cursor.close()


def scalar(connection: Connection, sql: str, values: Sequence[Any] = ()) -> Any:
    """The first value of the first row, as the driver has it; None without one. Raises SQLAlchemy's DBAPIError."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql, values)
        found = cursor.fetchone()
    except Exception as error:
        raise _as_sqlalchemy_says(connection, sql, values, error) from error
    finally:
        cursor.close()
    return None if found is None else found[0]


def _as_sqlalchemy_says(connection: Connection, sql: str, values: Any, error: Exception) -> BaseException:
    """What is not the driver's own comes back as it was."""
    driver = connection.dialect.loaded_dbapi
    return DBAPIError.instance(sql, values, error, driver.Error, dialect=connection.dialect)

"""The command line of an operator's decisions about a running session. As cli.py, to which `add_to` adds them."""

from enum import StrEnum
from typing import Annotated

import typer

from bulkhead.app import cli_checks
from bulkhead.app.cli_options import (
    DEFAULT_LOGS,
    JsonOption,
    LogsOption,
    OperatorOption,
    ReasonOption,
    SessionOption,
)


class Adoptable(StrEnum):
    ORDER = "order"
    DRIFT = "drift"


class Ignorable(StrEnum):
    ORDER = "order"
    FILL = "fill"
    DRIFT = "drift"


TimeoutOption = Annotated[float, typer.Option("--timeout", help="Seconds to wait for it.", min=0.1)]


def reconcile(
    reason: ReasonOption,
    operator: OperatorOption = None,
    timeout: TimeoutOption = 40.0,
    logs_dir: LogsOption = DEFAULT_LOGS,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the books of the run with the venue now, and say what was found. Exit code 6: something is in doubt."""
    from bulkhead.app.commands import operate as command

    raise typer.Exit(command.reconcile(command.Asked(logs_dir, session, reason, operator, timeout, as_json)))


def flatten(
    reason: ReasonOption,
    strategy: Annotated[str | None, typer.Option(help="Only this strategy's.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only in this symbol.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before everything is closed.")] = False,
    operator: OperatorOption = None,
    timeout: TimeoutOption = 60.0,
    logs_dir: LogsOption = DEFAULT_LOGS,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel and close at the market, until it is flat; entries stay shut until `bulkhead resume`. None named: all."""
    from bulkhead.app.commands import operate as command

    asked = command.Asked(logs_dir, session, reason, operator, timeout, as_json)
    raise typer.Exit(command.flatten(asked, strategy, symbol, is_sure=yes))


def adopt(
    what: Annotated[Adoptable, typer.Argument(help="A foreign order, or what differs in an asset.")],
    name: Annotated[str, typer.Argument(metavar="ID|ASSET", help="The venue's or the client order id; or the asset.")],
    strategy: Annotated[str, typer.Option(help="Whose it becomes.")],
    reason: ReasonOption,
    symbol: Annotated[str | None, typer.Option(help="Whose base the asset is, where it is several symbols'.")] = None,
    operator: OperatorOption = None,
    timeout: TimeoutOption = 90.0,
    logs_dir: LogsOption = DEFAULT_LOGS,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a foreign order, or what the venue holds beyond our books, a strategy's. Exit code 2: no such order."""
    from bulkhead.app.commands import operate as command

    asked = command.Asked(logs_dir, session, reason, operator, timeout, as_json)
    raise typer.Exit(command.adopt(asked, what, name, strategy, symbol))


def ignore(
    what: Annotated[Ignorable, typer.Argument(help="A foreign order, an execution, or what differs in an asset.")],
    name: Annotated[str, typer.Argument(metavar="ID|ASSET", help="The order's or the execution's id; or the asset.")],
    reason: ReasonOption,
    operator: OperatorOption = None,
    timeout: TimeoutOption = 90.0,
    logs_dir: LogsOption = DEFAULT_LOGS,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leave a foreign order or execution alone for good, or book what differs as nobody's. Exit code 2: none such."""
    from bulkhead.app.commands import operate as command

    raise typer.Exit(command.ignore(command.Asked(logs_dir, session, reason, operator, timeout, as_json), what, name))


def resolve(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The client order id, or the beginning of it.")],
    reason: ReasonOption,
    number: Annotated[str | None, typer.Option("--is", metavar="NUMBER", help="The venue's order that it is.")] = None,
    never_arrived: Annotated[bool, typer.Option("--never-arrived", help="The venue never had it.")] = False,
    operator: OperatorOption = None,
    timeout: TimeoutOption = 90.0,
    logs_dir: LogsOption = DEFAULT_LOGS,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what became of an order of which the venue cannot tell. Exit code 2: no such order."""
    from bulkhead.app.commands import operate as command

    asked = command.Asked(logs_dir, session, reason, operator, timeout, as_json)
    raise typer.Exit(command.resolve(asked, order, number, never_arrived=never_arrived))


def add_to(app: typer.Typer) -> None:
    for command in (reconcile, flatten, adopt, ignore, resolve):
        app.command()(command)
    cli_checks.add_to(app)

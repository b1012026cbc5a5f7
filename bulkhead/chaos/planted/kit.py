"""What a planted bug is: a believable defect of real code, switched on by name, that one invariant must catch."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from difflib import get_close_matches
from typing import Any, NamedTuple
from unittest.mock import patch

from messages.base import Body
from supervisor.runtime.behaviour import Behaviour, Handler


class Planted(NamedTuple):
    name: str
    number: int
    """Of the invariant that must catch it. Others may catch it, too."""
    sentence: str
    """What the code does wrong."""
    plant: Callable[[], AbstractContextManager[object]]
    """Patches the product's code in this process for as long as the context lasts."""


class UnknownPlanted(ValueError):
    """No planted bug has this name; the message lists those that are near."""


def by_name(*bugs: Planted) -> dict[str, Planted]:
    """Raises ValueError where two have one name."""
    found = {bug.name: bug for bug in bugs}
    if len(found) != len(bugs):
        raise ValueError("two planted bugs have one name")
    return found


def chosen(name: str, among: dict[str, Planted]) -> Planted:
    """Raises UnknownPlanted."""
    bug = among.get(name)
    if bug is None:
        near = ", ".join(get_close_matches(name, among, n=3, cutoff=0.4)) or ", ".join(sorted(among))
        raise UnknownPlanted(f"no planted bug is called {name!r}: {near}")
    return bug


# -- ways of planting -------------------------------------------------------------------------------------------------


def instead(owner: object, name: str, wrong: Callable[..., Any]) -> AbstractContextManager[object]:
    """In place of a function or method, `wrong`, which is given the right one before its arguments."""
    right = getattr(owner, name)

    def called(*arguments: Any, **named: Any) -> Any:
        return wrong(right, *arguments, **named)

    return patch.object(owner, name, called)


@contextmanager
def handles_wrongly(behaviour: type[Behaviour], body: type[Body], wrong: Callable[..., None]) -> Iterator[None]:
    """The same for the handler of a type and of whatever it is the handler of beside that."""
    right = behaviour.handler_of(body)
    assert right is not None

    def handle(*arguments: Any) -> None:
        wrong(right, *arguments)

    wrongly: dict[type[Body], Handler] = {
        key: handle for key, handler in behaviour.handlers.items() if handler is right
    }
    with patch.dict(behaviour.handlers, wrongly):
        yield

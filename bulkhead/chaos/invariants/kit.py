"""What an invariant is: one property, watched for as long as a run lasts."""

from collections.abc import Callable
from typing import ClassVar

from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.world import World

Say = Callable[["Invariant", str], None]


class Invariant(Watcher):
    """A subclass says in its docstring what it holds the house to, and what it does not look at."""

    number: ClassVar[int]
    name: ClassVar[str]

    def __init__(self, world: World, say: Say) -> None:
        self.world = world
        self._say = say

    def violated(self, detail: str) -> None:
        self._say(self, detail)

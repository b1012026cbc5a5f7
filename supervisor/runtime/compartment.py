"""What a behaviour may have and gets in a child process: its bounds, its environment, its factory.

A compartment bounds memory, processor and environment. It protects the house from a behaviour's faults; it is no wall
against malice, for the child runs as the same user.
"""

import io
import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from supervisor.runtime.channel import MAX_FRAME_BYTES

MAX_FACTORY_BYTES = MAX_FRAME_BYTES - 1024 * 1024
"""Room for what is sent with it."""
MAX_NICE = 19


@dataclass(frozen=True, slots=True)
class Compartment:
    """Bounds of a child process. It writes no core dumps, and short of memory the kernel ends it before the house.

    Raises ValueError naming the field, of a wrong type too.
    """

    memory_mb: int | None = 1024
    """What it may allocate, in MiB, of which the interpreter takes about 25; None: no bound. It is RLIMIT_DATA: that
    counts memory which can be written and is its own. RLIMIT_AS would count addresses as well, and libraries reserve
    many times what they use: for allocators, for threads, for files that they map."""
    nice: int = 10
    """Added to the parent's, 0 to 19: the higher, the more the others come first."""
    cpus: tuple[int, ...] | None = None
    """The processors it may run on; None: all of the parent's."""
    hidden_env: tuple[str, ...] = ()
    """Environment variables that it does not get."""

    def __post_init__(self) -> None:
        last_cpu = (os.cpu_count() or 1) - 1
        memory_mb, cpus, hidden = self.memory_mb, self.cpus, self.hidden_env
        if memory_mb is not None and not _is_whole(memory_mb, 1):
            raise ValueError(f"memory_mb must be positive and whole, or None for no bound; it is {memory_mb!r}")
        if not _is_whole(self.nice, 0, MAX_NICE):
            raise ValueError(f"nice must be 0 to {MAX_NICE}; it is {self.nice!r}")
        if cpus is not None and not _are_all(cpus, lambda cpu: _is_whole(cpu, 0, last_cpu), at_least=1):
            raise ValueError(f"cpus must be some of 0 to {last_cpu} in a tuple, or None for all; it is {cpus!r}")
        if not _are_all(hidden, lambda name: isinstance(name, str) and bool(name)):
            raise ValueError(f"hidden_env must be a tuple of names; it is {hidden!r}")


def _is_whole(value: object, least: int, most: float = inf) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _are_all(values: object, fits: Callable[[object], bool], at_least: int = 0) -> bool:
    """Whether it is a tuple of so many that fit."""
    return isinstance(values, tuple) and len(values) >= at_least and all(map(fits, values))


def importable_from() -> tuple[str, ...]:
    """Where a child must look, so that it imports what its parent would."""
    return tuple(map(str, sys.path))


def environment(hidden: tuple[str, ...]) -> dict[str, str]:
    """Ours without the hidden names, and with PYTHONPATH as far as the child needs it to find itself."""
    ours = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**ours, "PYTHONPATH": os.pathsep.join(importable_from())}


class NotSendable(ValueError):
    """A factory that no child process could read."""


def pickle_problem(factory: object) -> str | None:
    """Why the factory cannot be sent to a child process, and what to do about it; None if it can."""
    try:
        pickled(factory)
    except NotSendable as error:
        return str(error)
    return None


def pickled(factory: object) -> bytes:
    """What a child process makes its behaviour of. Raises NotSendable."""
    try:
        sent = pickle.dumps(factory)
        _Trial(io.BytesIO(sent)).load()
    except NotSendable:
        raise
    except Exception as error:
        raise NotSendable(
            f"it cannot be pickled ({type(error).__name__}: {error}); make it a functools.partial of a class or a"
            " function that a module defines at its top level"
        ) from error
    if len(sent) > MAX_FACTORY_BYTES:
        raise NotSendable(f"it pickles to {len(sent)} bytes, and {MAX_FACTORY_BYTES} can be sent")
    return sent


class _Trial(pickle.Unpickler):
    """Reads a factory as the child would, where this process knows more than the child will."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        top = module_name.partition(".")[0]
        if top == "__main__":
            raise NotSendable(f"{global_name} is defined in the program itself (__main__); move it into a module")
        if all(finder.find_spec(top, None) is None for finder in sys.meta_path):
            raise NotSendable(f"the module {module_name} of {global_name} is on no path that a child process has")
        return super().find_class(module_name, global_name)

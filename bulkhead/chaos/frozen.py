"""What waits while a process is stopped, as by SIGSTOP, and the machine around it is not."""

from collections import deque
from collections.abc import Callable

from bulkhead.chaos.model.venue import ADDRESS
from bulkhead.chaos.model.words import Opened, Submitted
from messages.base import Body, Letter
from supervisor.runtime.simulated import Turns
from supervisor.runtime.slot import Slot
from supervisor.runtime.timers import Timer

FROZEN_TOO = (Submitted, Opened)
"""What reaches the venue's address is ours still while it is one of these: our adapter has it, not the wire."""


class Frozen:
    """Takes the place of the scheduler's turns: only the venue has one."""

    def __init__(self, turns: Turns, starting: deque[Callable[[], None]]) -> None:
        self.turns, self.starting = turns, starting
        self.nobody_starts: deque[Callable[[], None]] = deque()
        self.slots: list[Slot] = []
        self.timers: list[Timer] = []
        self.letters: list[Letter] = []
        self.told: list[tuple[str, Body, str, str | None]] = []
        """In the buffers of our sockets, as arguments of `tell`."""

    def add(self, slot: Slot, times: int = 1) -> None:
        if slot.name == ADDRESS:
            self.turns.add(slot, times)
        else:
            self.slots.extend([slot] * times)

    def next(self) -> Slot | None:
        while (slot := self.turns.next()) is not None:
            if slot.name == ADDRESS:
                return slot
            self.slots.append(slot)
        return None

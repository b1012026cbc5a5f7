"""PositionOwnerActor: the name of a strategy that runs outside the house, as an address.

Positions belong to strategies, and what happens to them is told to their strategy. One that hands in its intents
through the inbox is told there, in its rows; what the house says to its name ends here.
"""

from messages.base import Body
from supervisor.runtime.behaviour import Behaviour, Context, receives


class PositionOwnerActor(Behaviour):
    @receives(Body)
    def on_anything(self, _: Body, __: Context) -> None:
        """Nobody in this house decides for it."""

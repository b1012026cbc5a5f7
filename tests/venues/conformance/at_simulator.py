"""What harnesses at our simulated venue share: its switches make it misbehave, whatever wire it speaks."""

import json
import urllib.request
from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any

from bulkhead.venues.conformance.harness import Asked
from bulkhead.venues.simulator.process import RunningSimulator
from messages.orders import OrderTicket

_KINDS = {Asked.ORDER: "order", Asked.CANCEL: "cancel", Asked.QUERY: "query", Asked.SNAPSHOT: "list"}


class AtSimulator(ABC):
    def __init__(self, simulator: RunningSimulator) -> None:
        self._port = simulator.port
        self._held: list[Asked] = []

    @abstractmethod
    def fill(self, ticket: OrderTicket, quantity: Decimal) -> None:
        """As in Harness."""

    def fill_unheard(self, ticket: OrderTicket, quantity: Decimal) -> None:
        self._post("faults", lose_reports=1)
        self.fill(ticket, quantity)

    def lose(self, asked: Asked, *, is_carried_out: bool) -> None:
        self._post("faults", spoil={"requests": _KINDS[asked], "is_carried_out": is_carried_out})

    def hold(self, asked: Asked) -> None:
        self._held.append(asked)
        self._post("faults", hold={_KINDS[asked]: "arrival"})

    def let_go(self) -> None:
        held, self._held = self._held, []
        self._post("faults", hold={_KINDS[asked]: None for asked in held})

    def cut_channel(self) -> None:
        self._post("faults", drop_connections=True)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}/sim"

    def _post(self, what: str, **body: object) -> None:
        request = urllib.request.Request(f"{self._url}/{what}", json.dumps(body).encode(), method="POST")  # noqa: S310 -- loopback
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310 -- loopback
            pass

    def _books(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._url}/books", timeout=5) as answer:  # noqa: S310 -- loopback
            return dict(json.loads(answer.read()))

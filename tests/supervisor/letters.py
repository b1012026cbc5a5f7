"""Messages for the runtime's own tests: one kind for each lane and nature, and envelopes around them."""

from messages.base import Body, Command, Envelope, Evidence, Lane


class Urgent(Body):
    lane = Lane.SYSTEM
    n: int = 0


class Note(Body):
    lane = Lane.ORDER
    n: int = 0


class Order(Command):
    n: int = 0


class Wish(Command):
    """Needs credit."""

    n: int = 0
    is_refusable = True

    @property
    def subject(self) -> str:
        return f"wish-{self.n}"


class Proof(Evidence):
    n: int = 0


class Data(Body):
    lane = Lane.DATA
    n: int = 0
    key: str | None = None
    is_conflated = True

    def conflation_key(self) -> str | None:
        return self.key


def sealed(body: Body, sender: str = "s", seq: int = 0, epoch: int = 0, at_ns: int = 0) -> Envelope:
    return Envelope(
        id=f"{sender}.{epoch}.{seq}",
        sender=sender,
        seq=seq,
        epoch=epoch,
        at_ns=at_ns,
        received_at_ns=at_ns,
        correlation_id="c",
        causation_id=None,
        body=body,
    )

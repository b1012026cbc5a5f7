"""The post, as the specification has it: a shadow of every mailbox in plain lists, and the fate of every message.

Nothing of the mailbox is asked how it works: each put and each take is foretold here, and compared.
"""

from collections import Counter
from enum import StrEnum
from typing import Protocol

from messages.base import Command, Envelope, Lane, Letter, Nature
from messages.supervision import Ping, Stop, Terminated, TimerFired
from supervisor.runtime.mailbox import FAIRNESS_RUN, Bounds, MailboxCounts, Put


class Intent(Command):
    """Needs credit, unless it is free."""

    is_refusable = True
    n: int = 0
    is_free: bool = False

    @property
    def needs_credit(self) -> bool:
        return not self.is_free


class Fate(StrEnum):
    POSTED = "posted"
    QUEUED = "queued"
    IN_HAND = "in hand"
    HANDLED = "handled"
    STALE = "stale"
    OWN = "the runtime's own"
    CONFLATED = "conflated"
    DROPPED = "dropped"
    BUSY = "busy"
    DEAD = "dead letter"


class Mail:
    """One message on its way to one receiver."""

    __slots__ = ("envelope", "fate", "holder", "seen_by", "serial", "taken_ns", "to")

    def __init__(self, to: str, envelope: Envelope, serial: int) -> None:
        self.to, self.envelope, self.serial = to, envelope, serial
        self.fate = Fate.POSTED
        self.holder = 0
        """Epoch that took it."""
        self.seen_by: int | None = None
        """Epoch whose behaviour was given it."""
        self.taken_ns = 0

    def __str__(self) -> str:
        return f"{type(self.envelope.body).__name__} {self.envelope.id} to {self.to} ({self.fate})"


class Shadow:
    """What one mailbox ought to hold."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.lanes: dict[Lane, list[Mail]] = {lane: [] for lane in Lane}
        self.counts: Counter[str] = Counter()
        self._is_flooded = False
        self._overtaken = 0
        """Orders served in a row while data waited."""

    def queued(self) -> int:
        return sum(map(len, self.lanes.values()))

    def put(self, mail: Mail) -> tuple[Put, Mail | None]:
        """The verdict, and the message that gave way to this one."""
        body, lane = mail.envelope.body, self.lanes[mail.envelope.body.lane]
        self.counts["put"] += 1
        if body.lane is Lane.ORDER:
            waiting = sum(other.envelope.body.needs_credit for other in lane)
            if body.needs_credit and waiting >= self._bounds.intents:
                self.counts["busy"] += 1
                return Put.BUSY, None
            lane.append(mail)
            if len(lane) > self._bounds.orders and not self._is_flooded:
                self._is_flooded = True
                return Put.FLOODED, None
            return Put.QUEUED, None
        if body.lane is Lane.DATA and self._bounds.data is not None:
            return self._put_data(mail, lane, self._bounds.data)
        lane.append(mail)
        return Put.QUEUED, None

    def _put_data(self, mail: Mail, lane: list[Mail], bound: int) -> tuple[Put, Mail | None]:
        key = mail.envelope.body.conflation_key()
        for at, other in enumerate(lane):
            if key is not None and other.envelope.body.conflation_key() == key:
                lane[at] = mail
                self.counts["conflated"] += 1
                return Put.CONFLATED, other
        gone = lane.pop(0) if len(lane) >= bound else None
        self.counts["dropped"] += gone is not None
        lane.append(mail)
        return (Put.QUEUED if gone is None else Put.OVERFLOWED), gone

    def take(self, envelope: Envelope) -> Mail | str:
        """The message that was due; or what is wrong with the one that was taken."""
        lane = self.lanes[envelope.body.lane]
        if not lane or lane[0].envelope is not envelope:
            return f"{envelope.id} is not the first of its lane, {lane[0] if lane else 'which is empty'}"
        if envelope.body.lane is not Lane.SYSTEM and self.lanes[Lane.SYSTEM]:
            return f"{envelope.id} came before the system lane's {self.lanes[Lane.SYSTEM][0]}"
        if envelope.body.lane is Lane.ORDER:
            self._overtaken = self._overtaken + 1 if self.lanes[Lane.DATA] else 0
            if self._overtaken > FAIRNESS_RUN:
                return f"data starves behind {self._overtaken} orders"
        elif envelope.body.lane is Lane.DATA:
            self._overtaken = 0
        self.counts["taken"] += 1
        mail = lane.pop(0)
        if self._is_flooded and len(self.lanes[Lane.ORDER]) <= self._bounds.orders // 2:
            self._is_flooded = False
        return mail

    def close(self) -> list[Mail]:
        left = [mail for lane in self.lanes.values() for mail in lane]
        self.counts["drained"] += len(left)
        for lane in self.lanes.values():
            lane.clear()
        return left

    def agrees(self, counts: MailboxCounts) -> bool:
        ours = {**self.counts, "queued": self.queued()}
        balance = counts.put == sum(counts[1:])
        return balance and all(ours.get(name, 0) == value for name, value in counts._asdict().items())


class Teller(Protocol):
    """Whom the post tells of what is wrong."""

    def wrong(self, rule: str, text: str) -> None: ...
    def is_stale(self, sender: str, epoch: int) -> bool: ...
    def now_ns(self) -> int: ...


class PostOffice:
    """Every message that was ever sent, and what became of it."""

    def __init__(self, bounds: Bounds, teller: Teller) -> None:
        self._bounds, self._teller = bounds, teller
        self.shadows: dict[str, Shadow] = {}
        self.touched: set[str] = set()
        self.mails: dict[tuple[str, str], Mail] = {}
        self.in_hand: dict[tuple[str, str], Mail] = {}
        self.fates: Counter[Fate] = Counter()
        self.events: Counter[str] = Counter()
        self._last: dict[tuple[str, str, Lane], int] = {}
        self._posting: list[Mail] = []

    def _fate(self, mail: Mail, fate: Fate) -> None:
        self.fates[mail.fate] -= 1
        self.fates[fate] += 1
        if fate is Fate.IN_HAND:
            self.in_hand[mail.to, mail.envelope.id] = mail
        elif mail.fate is Fate.IN_HAND:
            del self.in_hand[mail.to, mail.envelope.id]
        mail.fate = fate

    def opened(self, name: str) -> None:
        self.shadows[name] = Shadow(self._bounds)

    # -- sending ------------------------------------------------------------------------------------------------------

    def posting(self, letter: Letter) -> None:
        key = (letter.to, letter.envelope.id)
        if key in self.mails:
            self._teller.wrong("id twice", f"{self.mails[key]} is posted again")
        mail = self.mails[key] = Mail(letter.to, letter.envelope, len(self.mails))
        self.fates[Fate.POSTED] += 1
        self._posting.append(mail)

    def posted(self) -> None:
        mail = self._posting.pop()
        if mail.fate is Fate.POSTED:
            self._teller.wrong("message lost", f"{mail}: nothing became of it")

    def put(self, name: str, envelope: Envelope, verdict: Put) -> None:
        mail, shadow = self.mails[name, envelope.id], self.shadows[name]
        self.touched.add(name)
        expected, gave_way = shadow.put(mail)
        if verdict is not expected:
            self._teller.wrong("mailbox verdict", f"{mail}: {verdict}, and {expected} was due")
        self._fate(mail, Fate.BUSY if expected is Put.BUSY else Fate.QUEUED)
        if gave_way is not None:
            self._fate(gave_way, Fate.CONFLATED if expected is Put.CONFLATED else Fate.DROPPED)
        self.events[expected.value] += 1

    # -- taking -------------------------------------------------------------------------------------------------------

    def took(self, name: str, epoch: int, envelope: Envelope | None) -> None:
        shadow = self.shadows[name]
        self.touched.add(name)
        if envelope is None:
            if shadow.queued():
                self._teller.wrong("message withheld", f"{name} was given nothing, and {shadow.queued()} wait")
            return
        taken = shadow.take(envelope)
        if isinstance(taken, str):
            self._teller.wrong("mailbox order", f"{name}: {taken}")
            return
        self._fate(taken, Fate.IN_HAND)
        taken.holder, taken.taken_ns = epoch, self._teller.now_ns()
        pair = (envelope.sender, name, envelope.body.lane)
        if taken.serial <= self._last.get(pair, -1) and envelope.body.conflation_key() is None:
            self._teller.wrong("pair order", f"{taken} overtook a later one of the same sender")
        if envelope.body.conflation_key() is None:
            self._last[pair] = taken.serial

    def seen(self, name: str, epoch: int, envelope: Envelope, *, is_late: bool) -> None:
        """The behaviour of `name` has been given the message."""
        mail = self.mails[name, envelope.id]
        if mail.seen_by is not None or mail.holder != epoch:
            self._teller.wrong("handled twice", f"{mail} was given to {mail.seen_by}, and now to {epoch}")
        if mail.fate is not (Fate.DEAD if is_late else Fate.IN_HAND):
            self._teller.wrong("handled unasked", f"{mail} is handled by {epoch}")
        mail.seen_by = epoch
        if envelope.body.nature is Nature.COMMAND and self._teller.is_stale(envelope.sender, envelope.epoch):
            self._teller.wrong("stale command", f"{mail} of {envelope.sender}.{envelope.epoch} was handled")

    def fed(self, name: str, envelope: Envelope, *, ends_itself: bool) -> None:
        """The runtime has finished with the message."""
        mail = self.mails[name, envelope.id]
        body = envelope.body
        if mail.fate is Fate.DEAD:
            return
        if mail.fate is not Fate.IN_HAND:
            self._teller.wrong("handled unasked", str(mail))
        if mail.seen_by is not None:
            self._fate(mail, Fate.HANDLED)
        elif self._is_own(mail, ends_itself=ends_itself):
            self._fate(mail, Fate.OWN)
        elif body.nature is Nature.COMMAND and self._teller.is_stale(envelope.sender, envelope.epoch):
            self._fate(mail, Fate.STALE)
        else:
            self._teller.wrong("message lost", f"{mail} was taken and not handled")

    @staticmethod
    def _is_own(mail: Mail, *, ends_itself: bool) -> bool:
        """Whether it is the runtime's to handle, or nobody's any more: of an earlier incarnation's timer or watch."""
        envelope, body = mail.envelope, mail.envelope.body
        if isinstance(body, Stop):
            return not ends_itself or (body.epoch_meant is not None and body.epoch_meant != mail.holder)
        if isinstance(body, TimerFired):
            return envelope.sender == mail.to and envelope.epoch != mail.holder
        return isinstance(body, Ping | Terminated)

    # -- the end of messages ------------------------------------------------------------------------------------------

    def dead(self, letter: Letter, reason: str) -> None:
        mail = self.mails[letter.to, letter.envelope.id]
        if mail.fate not in (Fate.POSTED, Fate.IN_HAND):
            self._teller.wrong("dead letter", f"{mail} is a dead letter now: {reason}")
        elif mail.fate is Fate.POSTED and letter.to in self.shadows:
            self._teller.wrong("dead letter", f"{mail} had an address, and is a dead letter: {reason}")
        if mail.fate is Fate.IN_HAND and mail.envelope.body.lane is Lane.ORDER:
            self.events["order lane killed"] += 1
        self._fate(mail, Fate.DEAD)

    def closed(self, name: str, left: tuple[Envelope, ...]) -> None:
        """The mailbox is gone; what was in it is about to be reported dead."""
        shadow = self.shadows.pop(name)
        ours = shadow.close()
        if [mail.envelope.id for mail in ours] != [envelope.id for envelope in left]:
            self._teller.wrong("message lost", f"{name} was closed with {len(left)} messages, {len(ours)} waited")
        for mail in ours:
            self._fate(mail, Fate.POSTED)

    def is_balanced(self) -> bool:
        """sent = handled + conflated + dropped + busy + dead + queued + in hand, and nothing in between."""
        queued = sum(shadow.queued() for shadow in self.shadows.values())
        return (
            len(self.mails) == sum(self.fates.values())
            and self.fates[Fate.POSTED] == 0
            and self.fates[Fate.QUEUED] == queued
        )

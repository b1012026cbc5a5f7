"""Faults of the ledger's disk."""

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

from pydantic import ValidationError

from actors import addresses
from bulkhead.chaos.afflictions import Hold
from bulkhead.chaos.disk import DATABASE, Tear
from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.plan import Strike
from bulkhead.chaos.strikes.actor import counts
from bulkhead.chaos.strikes.kit import Does, Heal
from bulkhead.chaos.world import World
from bulkhead.ledger import chain
from bulkhead.ledger.port import LedgerUnavailable
from bulkhead.ledger.rebuild import RebuildFailed, check_tables
from bulkhead.ledger.sqlite import LedgerReader
from messages.records import CommitNow, LoadRecovery

NEEDLE_BYTES = 48
"""Of a payload, by which its place in the file is found: within one page, and in no table but the events'."""


def refuses(words: str, *, keeps: bool) -> Does:
    def begin(world: World, strike: Strike) -> Heal:
        disk = world.disk
        disk.refusal, disk.refusal_name, disk.refusal_keeps = words, strike.fault, keeps

        def heal() -> None:
            if disk.refusal_name == strike.fault:
                disk.refusal = None

        return heal

    return begin


def torn(world: World, strike: Strike) -> None:
    """The process is killed in the middle of the next write, which reaches the disk in part."""
    share = world.rng.random()
    world.disk.tear = Tear(share, strike.amount or 1.0, counts(world, strike.fault))


def slow(world: World, strike: Strike) -> Heal:
    """Each sync takes its time, and whatever waits for it waits."""
    host = world.host
    hold = Hold(strike.amount, counts(world, strike.fault), (CommitNow, LoadRecovery), times=None)
    host.afflictions.holds[addresses.LEDGER] = hold

    def heal() -> None:
        if host.afflictions.holds.get(addresses.LEDGER) is hold:
            del host.afflictions.holds[addresses.LEDGER]

    return heal


def taken(world: World, strike: Strike) -> Heal:
    """Somebody takes the lock's file away, so that another process gets the ledger while ours lives."""
    (world.folder / f"{DATABASE}.lock").unlink(missing_ok=True)
    world.take_ledger(world.elapsed_s() + strike.lasts_s)
    world.fired[strike.fault] += 1
    return world.leave_ledger


class FlippedBit(Watcher):
    """At the end, in a copy of the ledger: who verifies it must see it."""

    def __init__(self, world: World, strike: Strike) -> None:
        self._world, self._strike = world, strike

    def at_rest(self) -> None:
        world = self._world
        copy = world.folder / "flipped.db"
        copy.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(world.folder / DATABASE)) as ledger,
            closing(sqlite3.connect(copy)) as target,
        ):
            ledger.backup(target)
            (count,) = target.execute("select count(*) from events").fetchone()
            seq = world.rng.randint(1, count)
            (payload,) = target.execute("select payload from events where seq = ?", (seq,)).fetchone()
        if flip(copy, payload.encode()[:NEEDLE_BYTES], world.rng):
            if is_seen(copy):
                world.fired[self._strike.fault] += 1
            else:
                world.undetected.append(f"a bit of event {seq} is another, and nothing in the ledger says so")


def flip(path: Path, needle: bytes, rng: Random) -> bool:
    """One bit of one place in which these bytes stand; False where they stand in none."""
    content = bytearray(path.read_bytes())
    at = content.find(needle)
    if at < 0:
        return False
    content[at + rng.randrange(len(needle))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return True


def is_seen(path: Path) -> bool:
    """What `bulkhead verify` asks of the ledger itself: its chain, and that its tables are what the events give."""
    try:
        reader = LedgerReader(path)
        try:
            return chain.verify(reader.events()) is not None or bool(check_tables(reader))
        finally:
            reader.close()
    except (LedgerUnavailable, RebuildFailed, ValidationError):
        return True


def bit_flip(world: World, strike: Strike) -> None:
    world.eyes.add(FlippedBit(world, strike))


DOES: dict[str, Does] = {
    "store.full": refuses("database or disk is full", keeps=False),
    "store.sync_error": refuses("disk I/O error", keeps=True),
    "store.torn": torn,
    "store.slow": slow,
    "store.taken": taken,
    "store.bit_flip": bit_flip,
}

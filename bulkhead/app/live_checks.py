"""What must be so before real money moves, beyond what every start is held to. Looks, and changes nothing.

The guard, the clock and the key are looked at for every start (preflight.py), and who is told in alerting.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bulkhead.app.disks import file_system_of, is_remote
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.house import LoadedStrategy
from bulkhead.app.paper_record import paper_hours
from bulkhead.app.secret_files import exposed
from bulkhead.app.settings import Settings
from bulkhead.venues.key_rights import KeyRights
from bulkhead.venues.port import OrderVenue, TellsKeyRights
from messages.codes import ErrorCode
from messages.values import Mode

NOT_TOLD = "the venue does not tell what the key may do: see for yourself that it may trade and not withdraw"


class Lack(NamedTuple):
    """One thing that live wants and that is not so."""

    name: str
    said: str
    advice: str


def check_live(settings: Settings, strategies: Sequence[LoadedStrategy]) -> None:
    """Raises Stopped, in live mode only, with all that is missing."""
    if settings.session.mode is Mode.LIVE:
        refuse_live(lacks(settings, strategies))


def lacks(settings: Settings, strategies: Sequence[LoadedStrategy]) -> list[Lack]:
    return [
        *_on_stop(strategies),
        *_paper_record(settings, strategies),
        *_secrets(settings),
        *_disk(settings),
    ]


def rights_of(orders: OrderVenue) -> KeyRights | None:
    """None: nobody can tell. Raises VenueRefused and VenueUnavailable."""
    return orders.key_rights() if isinstance(orders, TellsKeyRights) else None


def rights_words(rights: KeyRights | None) -> str:
    if rights is None:
        return NOT_TOLD
    may = ["trade" if rights.can_trade else "not trade", "withdraw" if rights.can_withdraw else "not withdraw"]
    used = "from certain addresses only" if rights.is_bound_to_addresses else "from any address: bind it to this one's"
    return f"the key may {' and '.join(may)}, and is used {used}"


def lacking_rights(rights: KeyRights | None) -> list[Lack]:
    if rights is None:
        return []
    found = []
    if not rights.can_trade:
        found.append(Lack("key", "the key may not trade", "let it, at the venue, or name another"))
    if rights.can_withdraw:
        said = "the key may withdraw or transfer money: whoever gets it has the account"
        found.append(Lack("key", said, "take that right from it at the venue, or name another"))
    return found


def refuse_live(found: Sequence[Lack]) -> None:
    """Raises Stopped with all of them in one sentence, unless there are none."""
    if found:
        words = "; ".join(f"{lack.said} ({lack.advice})" for lack in found)
        raise Stopped(ExitCode.CONFIG, f"live is not started: {words}", ErrorCode.LIVE_NOT_READY)


def _on_stop(strategies: Sequence[LoadedStrategy]) -> list[Lack]:
    return [
        Lack("on_stop", f"strategy {each.strategy_id} does not say what becomes of its position", "declare its on_stop")
        for each in strategies
        if not each.declares_on_stop
    ]


def _paper_record(settings: Settings, strategies: Sequence[LoadedStrategy]) -> list[Lack]:
    wanted, found = settings.live.min_paper_hours, []
    for each in strategies:
        hours, sessions = paper_hours(settings.session.logs_dir, each.fingerprint)
        if not sessions or hours < wanted:
            said = (
                f"strategy {each.strategy_id} has run {hours:.1f} h on paper as it is now, and {wanted:g} h are wanted"
            )
            advice = f"run it on paper with this code and these parameters, with logs in {settings.session.logs_dir}"
            found.append(Lack("paper record", said, advice))
    return found


def secret_env_names(settings: Settings) -> tuple[str, ...]:
    """Every variable that holds a secret of this configuration."""
    named = (*settings.venue.secret_names, *settings.alerts.secret_names)
    return tuple(name for name in named if not name.endswith("_FILE"))


def _secrets(settings: Settings) -> list[Lack]:
    return [Lack("secrets", found.words, found.advice) for found in exposed(secret_env_names(settings))]


def _disk(settings: Settings) -> list[Lack]:
    path = settings.session.ledger_file
    kind = file_system_of(path.parent)
    if kind is None or not is_remote(kind):
        return []
    said = f"the ledger {path} is on a network file system ({kind}), whose locks and syncs are another machine's word"
    return [Lack("ledger", said, "put session.ledger_file on a disk of this machine")]

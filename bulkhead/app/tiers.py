"""What a strategy must have reached to be started, and how an operator overrides that: on record first."""

from collections.abc import Sequence
from typing import NamedTuple

from bulkhead.app.audit import current_user, positions_then, record
from bulkhead.app.audit_trail import about
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings
from bulkhead.ledger import audit_file
from messages.codes import ErrorCode

PAPER_READY_TIER = 3


class TierOverride(NamedTuple):
    """An operator's word that these strategies start below their tier, this time."""

    strategy_ids: tuple[str, ...]
    reason: str
    operator: str


def override_of(strategy_ids: Sequence[str] | None, reason: str | None, operator: str | None) -> TierOverride | None:
    """What was said on the command line. Raises Stopped for one without a reason, and for a reason of nothing."""
    why = (reason or "").strip()
    if not strategy_ids:
        if why:
            raise Stopped(ExitCode.CONFIG, "--reason is for --override-tier: say which strategy, or take it out")
        return None
    if not why:
        raise Stopped(ExitCode.CONFIG, "--override-tier wants a --reason: it goes on record")
    return TierOverride(tuple(strategy_ids), why, operator or current_user())


def check_tiers(settings: Settings, tiers: dict[str, int], override: TierOverride | None) -> None:
    """`tiers` are what the strategies declare, by id. Raises Stopped for one that is too low and not overridden, for an
    override of nobody, and where it cannot be recorded."""
    named = () if override is None else override.strategy_ids
    for strategy_id in named:
        if strategy_id not in tiers:
            known = ", ".join(tiers)
            raise Stopped(ExitCode.CONFIG, f"--override-tier: no strategy is called {strategy_id!r}; there are {known}")
    low = {strategy_id: tier for strategy_id, tier in tiers.items() if tier < PAPER_READY_TIER}
    for strategy_id, tier in low.items():
        if strategy_id not in named:
            raise Stopped(
                ExitCode.CONFIG,
                f"strategy {strategy_id} declares tier {tier}; only tier {PAPER_READY_TIER} (paper-ready) or better is"
                " started, unless an operator says otherwise: --override-tier, --reason",
                ErrorCode.STRATEGY_TIER_TOO_LOW,
            )
    if override is not None and low:
        _record(settings, override, low)


def _record(settings: Settings, override: TierOverride, low: dict[str, int]) -> None:
    session = settings.session
    words = ", ".join(f"{strategy_id} (tier {tier})" for strategy_id, tier in low.items())
    act = {
        "action": f"override tier of {words}",
        "operator": override.operator,
        "reason": override.reason,
        "mode": session.mode.value,
        **about(session.ledger_file),
        "positions": positions_then(session.ledger_file),
    }
    record(audit_file.path_in(session.logs_dir), act)

"""What the OMS is told when it is made, and what it shows of itself."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from pydantic import Field

from bulkhead.execution.micro_pipeline import PipelineSettings
from bulkhead.execution.stage_times import StageFigures
from bulkhead.execution.working import WorkSettings
from bulkhead.venues.port import VenueCapabilities
from messages.instruments import Instrument
from messages.values import OnStop, Value


class OmsSeat(NamedTuple):
    session_id: str
    venue: str
    account: str
    symbols: tuple[str, ...]
    instruments: dict[str, Instrument]
    capabilities: VenueCapabilities
    pipeline: PipelineSettings
    answer_timeout_s: float
    reconcile_interval_s: float
    reconcile_interval_without_stream_s: float
    query_unknown_interval_s: float
    claim_window_s: float = 60.0
    """At a venue without client ids: so long an order in doubt may still appear, then an operator is asked."""
    on_stop: Mapping[str, OnStop] = MappingProxyType({})
    """By strategy id: what becomes of its orders when it has ended for good."""
    work: WorkSettings = WorkSettings()


class OmsFigures(Value):
    """Shown by `status`."""

    working: int = 0
    unknown: int = 0
    waiting_children: int = 0
    """Of split intents, whose turn is to come."""
    escapes: int = 0
    reconciliations: int = 0
    is_reconciling: bool = False
    foreign_orders: int = 0
    orphan_fills: int = 0
    stages: dict[str, StageFigures] = Field(default_factory=dict)
    """By stage of the order path."""

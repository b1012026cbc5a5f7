"""The invariants, one file each: the oracle of a run. They share no code with the order path."""

from bulkhead.chaos.invariants.i01_one_order_each import OneOrderEach
from bulkhead.chaos.invariants.i02_booked_once import BookedOnce
from bulkhead.chaos.invariants.i03_position_is_fills import PositionIsFills
from bulkhead.chaos.invariants.i04_adds_up import AddsUp
from bulkhead.chaos.invariants.i05_legal_states import LegalStates
from bulkhead.chaos.invariants.i06_gate_holds import GateHolds
from bulkhead.chaos.invariants.i07_stops_stop import StopsStop
from bulkhead.chaos.invariants.i08_compared_first import ComparedFirst
from bulkhead.chaos.invariants.i09_money_adds_up import MoneyAddsUp
from bulkhead.chaos.invariants.i10_limits_hold import LimitsHold
from bulkhead.chaos.invariants.i11_durable_first import DurableFirst
from bulkhead.chaos.invariants.i12_fenced import Fenced
from bulkhead.chaos.invariants.i13_cancel_not_ahead import CancelNotAhead
from bulkhead.chaos.invariants.i14_none_pending_for_ever import NonePendingForEver
from bulkhead.chaos.invariants.i15_no_storm import NoStorm
from bulkhead.chaos.invariants.i16_fresh_data import FreshData
from bulkhead.chaos.invariants.i17_same_again import SameAgain
from bulkhead.chaos.invariants.i18_life_in_order import LifeInOrder
from bulkhead.chaos.invariants.i19_conservation import Conservation
from bulkhead.chaos.invariants.i20_comes_right import ComesRight
from bulkhead.chaos.invariants.i21_alarms import Alarms
from bulkhead.chaos.invariants.i22_exits_never_flip import ExitsNeverFlip
from bulkhead.chaos.invariants.i23_no_secret import NoSecret
from bulkhead.chaos.invariants.kit import Invariant

ALL: tuple[type[Invariant], ...] = (
    OneOrderEach,
    BookedOnce,
    PositionIsFills,
    AddsUp,
    LegalStates,
    GateHolds,
    StopsStop,
    ComparedFirst,
    MoneyAddsUp,
    LimitsHold,
    DurableFirst,
    Fenced,
    CancelNotAhead,
    NonePendingForEver,
    NoStorm,
    FreshData,
    SameAgain,
    LifeInOrder,
    Conservation,
    ComesRight,
    Alarms,
    ExitsNeverFlip,
    NoSecret,
)
"""By number."""

"""What there is to break, and what is held: the catalogue of faults and the invariants, as tables."""

from inspect import getdoc, getmodule

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bulkhead.chaos.faults import CATALOGUE, Fault, Targets
from bulkhead.chaos.invariants import ALL
from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.chaos.plan import Moment, VenueKind


def show_faults(console: Console) -> None:
    table = Table(title=f"{len(CATALOGUE)} faults", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("name", no_wrap=True)
    table.add_column("what goes wrong, and how it is drawn")
    for name, fault in CATALOGUE.items():
        table.add_row(name, f"{fault.sentence}\n[dim]{_bounds(fault)}[/dim]")
    console.print(table)


def _bounds(fault: Fault) -> str:
    low_s, high_s = fault.lasts_s
    words = [f"weight {fault.weight:g}", "an instant" if high_s == 0 else f"lasts {low_s:g} to {high_s:g} s"]
    if fault.amount is not None:
        words.append(f"amount {fault.amount[0]:g} to {fault.amount[1]:g}")
    if fault.targets is not Targets.NOTHING:
        words.append(f"one of {fault.targets}")
    if fault.moments != (Moment.ANY,):
        words.append(f"when {', '.join(fault.moments)}")
    if fault.alarms is not None:
        words.append(f"must alarm {fault.alarms}")
    if fault.venues != tuple(VenueKind):
        words.append(f"venue {', '.join(fault.venues)} only")
    return "; ".join(words)


def show_invariants(console: Console) -> None:
    table = Table(title=f"{len(ALL)} invariants", title_justify="left", box=SIMPLE_HEAD)
    for name in ("no.", "name", "what must hold", "looked at, and not"):
        table.add_column(name)
    for kind in ALL:
        table.add_row(str(kind.number), kind.name, sentence_of(kind), " ".join((getdoc(kind) or "").split()))
    console.print(table)


def sentence_of(kind: type[Invariant]) -> str:
    """The first sentence of its module, which says the property."""
    module = getmodule(kind)
    return (getdoc(module) or "").split("\n\n")[0].replace("\n", " ")

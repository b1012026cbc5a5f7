"""`bulkhead chaos`, behind the command line's door: plays what is asked for, shrinks what is red, tells the verdict."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from bulkhead.app.commands.chaos import ChaosOptions
from bulkhead.app.commands.output import QuietConsole
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.chaos import exhaustive
from bulkhead.chaos.draw import draw
from bulkhead.chaos.listing import show_faults, show_invariants
from bulkhead.chaos.plan import BadPlan, Plan, VenueKind, read, write
from bulkhead.chaos.plan_check import check
from bulkhead.chaos.planted import PLANTED
from bulkhead.chaos.planted_run import catch_all
from bulkhead.chaos.progress import Step, bar
from bulkhead.chaos.report import show
from bulkhead.chaos.report_html import write_html
from bulkhead.chaos.report_json import write_json
from bulkhead.chaos.shrink import MOST_RUNS, Shrunk, shrink
from bulkhead.chaos.swarm import ONE_IN, Crew
from bulkhead.chaos.tally import TEN_MIN, PlantedRow, Red, Report, Tally, command_for, is_drawn
from bulkhead.chaos.worker import Played

MOST_SHRUNK = 5
"""Red plans that are shrunk: one for each reason."""


class Work(NamedTuple):
    """What is to be played."""

    what: str
    plans: Callable[[], Iterator[Plan]]
    total: int
    one_in: int = ONE_IN
    file: Path | None = None
    """That the one plan came from."""
    notes: tuple[str, ...] = ()


def run(options: ChaosOptions) -> ExitCode:
    """Raises Stopped."""
    console = QuietConsole()
    if options.lists_faults:
        show_faults(console)
        return ExitCode.OK
    if options.lists_invariants:
        show_invariants(console)
        return ExitCode.OK
    for folder in (options.json_file, options.html_file):
        if folder is not None and not folder.parent.is_dir():
            raise Stopped(ExitCode.CONFIG, f"there is no folder {folder.parent} to write {folder.name} to")
    with Crew(options.jobs, keep=options.keep) as crew:
        report = _planted(options, crew) if options.planted is not None else _play(options, work_of(options), crew)
    show(report, console)
    try:
        if options.json_file is not None:
            write_json(report, options.json_file)
        if options.html_file is not None:
            write_html(report, options.html_file)
    except OSError as error:
        raise Stopped(ExitCode.ERROR, f"the report could not be written: {error}") from None
    return ExitCode.OK if report.is_ok else ExitCode.VERDICT_FAILED


def work_of(options: ChaosOptions) -> Work:
    """Raises Stopped."""
    minutes = options.minutes or TEN_MIN
    if options.seeds is not None:
        first, last = options.first_seed, options.first_seed + options.seeds - 1
        what = f"seeds {first} to {last}, {minutes:g} minutes each"
        return Work(what, lambda: (draw(seed, minutes) for seed in range(first, last + 1)), options.seeds)
    if options.seed is not None:
        drawn = draw(options.seed, minutes)
        return Work(f"seed {options.seed}, {minutes:g} minutes", lambda: iter((drawn,)), 1, one_in=1)
    if options.plan is not None:
        plan = plan_of(options.plan)
        return Work(str(options.plan), lambda: iter((plan,)), 1, one_in=1, file=options.plan)
    return _exhaustive(options.pairs, options.first_seed)


def plan_of(path: Path) -> Plan:
    """Raises Stopped."""
    try:
        plan = read(path)
        check(plan)
    except FileNotFoundError:
        raise Stopped(ExitCode.NOT_FOUND, f"there is no plan {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Stopped(ExitCode.CONFIG, f"{path} cannot be read: {error}") from None
    except BadPlan as error:
        raise Stopped(ExitCode.CONFIG, f"{str(error).removeprefix(f'{path}: ')} ({path})") from None
    return plan


def _exhaustive(pairs: int, seed: int) -> Work:
    days = [exhaustive.canonical(venue) for venue in VenueKind]
    steps = " and ".join(f"{len(day.takers):,}" for day in days)
    left_out = exhaustive.missing()
    drawn = f", and {pairs:,} pairs of them for each" if pairs else ""

    def plans() -> Iterator[Plan]:
        return chain.from_iterable(chain(exhaustive.singles(day), exhaustive.pairs(day, pairs, seed)) for day in days)

    return Work(
        f"each fault at each of {steps} steps{drawn}",
        plans,
        sum(1 for _ in plans()),
        one_in=100,
        notes=(f"not in the catalogue, and left out: {', '.join(left_out)}",) if left_out else (),
    )


def _play(options: ChaosOptions, work: Work, crew: Crew) -> Report:
    tally = Tally()
    is_cut_short = False
    red: tuple[Red, ...] = ()
    try:
        with bar(work.what, work.total) as step:
            for played in crew.play_all(work.plans(), one_in=work.one_in):
                tally.add(played)
                step(tally.plans, f"{tally.red_count} red" if tally.red_count else "")
    except KeyboardInterrupt:
        is_cut_short = True
    shrunk = {} if is_cut_short else _shrunk(tally.red, crew)
    red = tuple(_red(played, shrunk.get(number), options, work) for number, played in enumerate(tally.red))
    return tally.report(work.what, red, is_cut_short=is_cut_short, notes=work.notes)


def _shrunk(red: list[Played], crew: Crew) -> dict[int, Shrunk]:
    """The first of each reason, by its place among the red; a Ctrl-C ends it with what there is."""
    found: dict[int, Shrunk] = {}
    seen: set[str] = set()
    with suppress(KeyboardInterrupt):
        for number, played in enumerate(red):
            sign = f"{played.violations[0].number}" if played.violations else min(played.signs)
            if sign in seen or played.more or len(found) >= MOST_SHRUNK:
                continue
            seen.add(sign)
            with bar(f"shrinking seed {played.plan.seed}", MOST_RUNS) as step:
                found[number] = shrink(played, crew.play, tell=_tells(step))
    return found


def _tells(step: Step) -> Callable[[int, int, int], None]:
    return lambda runs, _most, strikes: step(runs, f"{strikes} strikes")


def _red(played: Played, shrunk: Shrunk | None, options: ChaosOptions, work: Work) -> Red:
    folder = options.plans_folder
    name = f"seed-{played.plan.seed}-{played.plan.venue}"
    file = work.file
    if file is None and not is_drawn(played.plan):
        steps = "-".join(f"{strike.fault}-{strike.at_step}" for strike in played.plan.strikes)
        file = _written(played.plan, folder / f"{name}-{steps}.json")
    small = None if shrunk is None else _written(shrunk.plan, folder / f"{name}-{shrunk.sign.replace(' ', '-')}.json")
    return Red(
        plan=played.plan,
        violations=played.violations,
        error=played.error,
        command=command_for(played.plan, file),
        kept=None if played.kept is None else str(played.kept),
        shrunk=shrunk,
        plan_file=None if small is None else str(small),
    )


def _written(plan: Plan, path: Path) -> Path:
    """Raises Stopped."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(plan, path)
    except OSError as error:
        raise Stopped(ExitCode.ERROR, f"the plan of a red run could not be written: {error}") from None
    return path


def _planted(options: ChaosOptions, crew: Crew) -> Report:
    """Raises Stopped."""
    names = tuple(PLANTED) if options.planted == "all" else (options.planted or "",)
    for name in names:
        if name not in PLANTED:
            known = ", ".join(PLANTED) or "none"
            raise Stopped(ExitCode.NOT_FOUND, f"no planted bug is called {name!r}; there are: {known}")
    if not names:
        raise Stopped(ExitCode.NOT_FOUND, "there is no planted bug")
    tally = Tally()
    rows: tuple[PlantedRow, ...] = ()
    is_cut_short = False
    minutes = options.minutes or TEN_MIN
    try:
        with bar("planted bugs", len(names)) as step:
            for row in catch_all(crew, names, options.first_seed, minutes, tally, step):
                rows = (*rows, row)
    except KeyboardInterrupt:
        is_cut_short = True
    what = f"{len(rows)} planted bugs, then none planted"
    work = Work(what, lambda: iter(()), 0)
    red = tuple(_red(played, None, options, work) for played in tally.red)
    return tally.report(what, red, is_cut_short=is_cut_short, planted=rows)

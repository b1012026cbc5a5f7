"""`bulkhead chaos`: the one door from the command line to the harness, which nothing else of the house imports."""

from pathlib import Path
from typing import NamedTuple

from bulkhead.app.exit_codes import ExitCode, Stopped


class ChaosOptions(NamedTuple):
    """One field for each option; exactly one says what is played or listed."""

    seeds: int | None = None
    first_seed: int = 0
    seed: int | None = None
    plan: Path | None = None
    is_exhaustive: bool = False
    pairs: int = 0
    planted: str | None = None
    lists_faults: bool = False
    lists_invariants: bool = False
    minutes: float | None = None
    jobs: int | None = None
    json_file: Path | None = None
    html_file: Path | None = None
    keep: Path | None = None
    plans_folder: Path = Path("logs/chaos")
    """For the plans that a verdict names."""

    def modes(self) -> dict[str, bool]:
        return {
            "--seeds": self.seeds is not None,
            "--seed": self.seed is not None,
            "--plan": self.plan is not None,
            "--exhaustive": self.is_exhaustive,
            "--planted": self.planted is not None,
            "--faults": self.lists_faults,
            "--invariants": self.lists_invariants,
        }


def run(options: ChaosOptions) -> ExitCode:
    """0 when nothing was found, 6 when something was. Raises Stopped where the options cannot be used."""
    check(options)
    from bulkhead.chaos import command

    return command.run(options)


def check(options: ChaosOptions) -> None:
    """Raises Stopped."""
    modes = options.modes()
    given = [name for name, is_given in modes.items() if is_given]
    if len(given) != 1:
        said = " and ".join(given) or "nothing"
        raise Stopped(ExitCode.CONFIG, f"give exactly one of {', '.join(modes)}; given: {said}")
    (mode,) = given
    if options.pairs and mode != "--exhaustive":
        raise Stopped(ExitCode.CONFIG, "--pairs is for --exhaustive")
    if options.first_seed and mode not in ("--seeds", "--planted"):
        raise Stopped(ExitCode.CONFIG, "--from is for --seeds and --planted")
    if options.minutes is not None and mode not in ("--seeds", "--seed", "--planted"):
        raise Stopped(ExitCode.CONFIG, "--minutes is for --seeds, --seed and --planted: a plan says how long it is")
    if mode in ("--faults", "--invariants") and (options.json_file or options.html_file or options.keep):
        raise Stopped(ExitCode.CONFIG, f"{mode} plays nothing: there is no report to write")

"""A compartment is in force in its child process, and a factory that cannot get there is known beforehand."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from supervisor.runtime.compartment import MAX_FACTORY_BYTES, NotSendable, pickle_problem
from supervisor.runtime.process import BehaviourFailed, Compartment
from tests.supervisor.nest import Nest, trade
from tests.supervisor.process_behaviours import Doing, Echo, Root, doing, fails, makes_a_number


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"memory_mb": 0}, "memory_mb must be positive"),
        ({"nice": -1}, "nice must be 0 to 19; it is -1"),
        ({"nice": 20}, "nice must be 0 to 19; it is 20"),
        ({"cpus": ()}, "cpus must be some of 0 to"),
        ({"cpus": (0, 4096)}, "cpus must be some of 0 to"),
        ({"cpus": (-1,)}, "cpus must be some of 0 to"),
        ({"hidden_env": "API_KEY"}, "hidden_env must be a tuple of names"),
        ({"hidden_env": ("",)}, "hidden_env must be a tuple of names"),
    ],
)
def test_a_bad_compartment_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Compartment(**fields)


@pytest.mark.process
def test_its_bounds_are_in_force(nest: Nest) -> None:
    usable = sorted(os.sched_getaffinity(0))
    cell = nest.cell(doing(on_trade="tell_bounds"), Compartment(memory_mb=200, nice=3, cpus=(usable[-1],)))
    cell.step(trade())
    told = nest.world.all_said()
    assert told == {
        "data": str((200 * 2**20, 200 * 2**20)),
        "core": "(0, 0)",
        "nice": str(min(19, os.nice(0) + 3)),
        "cpus": str([usable[-1]]),
    }


@pytest.mark.process
def test_no_bounds_are_none(nest: Nest) -> None:
    cell = nest.cell(doing(on_trade="tell_bounds"), Compartment(memory_mb=None, nice=0))
    cell.step(trade())
    told = nest.world.all_said()
    assert told["nice"] == str(os.nice(0))
    assert told["cpus"] == str(sorted(os.sched_getaffinity(0)))
    assert told["data"] == "(-1, -1)"


@pytest.mark.process
def test_too_little_memory_for_a_start_is_said(nest: Nest) -> None:
    with pytest.raises(BehaviourFailed, match="MemoryError"):
        nest.cell(doing(at_start="keep_large_blocks"), Compartment(memory_mb=64))


@pytest.mark.process
def test_its_surroundings_are_ours_without_what_is_hidden(
    nest: Nest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENUE_SECRET", "s3cret")
    monkeypatch.setenv("VENUE_NAME", "sim")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "random.py").write_text("raise ImportError('a file of the working folder')\n")
    cell = nest.cell(doing(on_trade="tell_surroundings"), Compartment(hidden_env=("VENUE_SECRET",)))
    cell.step(trade())
    told = nest.world.all_said()
    names = told["env"].split()
    assert "VENUE_NAME" in names
    assert "VENUE_SECRET" not in names
    assert told["python_path"] == "/somewhere"
    assert told["sys_path"] == os.pathsep.join(sys.path)
    assert told["cwd"] == str(tmp_path)
    assert told["stdin"] == "''"


@pytest.mark.process
def test_its_own_children_inherit_nothing_but_the_output(nest: Nest) -> None:
    cell = nest.cell(doing(on_trade="tell_descriptors"))
    cell.step(trade())
    inherited = nest.world.all_said()["fds"]
    assert "socket:" not in inherited
    assert inherited.count("pipe:") == 2, "stdout is the helper's own, stderr ours"


# -- factories ---------------------------------------------------------------------------------------------------------


def local_factory() -> Callable[[], Echo]:
    def make() -> Echo:
        return Echo()

    return make


def test_a_factory_that_can_be_sent() -> None:
    assert pickle_problem(Echo) is None
    assert pickle_problem(partial(Doing, "nothing", on_trade="raises")) is None


def test_factories_that_cannot_be_sent() -> None:
    class Local(Echo): ...

    for factory in (local_factory(), Local, partial(Doing, Lock())):  # type: ignore[arg-type]
        problem = pickle_problem(factory)
        assert problem is not None
        assert "it cannot be pickled" in problem
        assert "make it a functools.partial" in problem
    assert "bytes, and" in (pickle_problem(partial(Doing, "x" * (MAX_FACTORY_BYTES + 1))) or "")


def test_a_module_that_was_loaded_from_a_file_is_on_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "somewhere_else.py"
    file.write_text("class Mine: ...\n")
    spec = importlib.util.spec_from_file_location("somewhere_else", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "somewhere_else", module)
    spec.loader.exec_module(module)
    assert "the module somewhere_else of Mine is on no path" in (pickle_problem(module.Mine) or "")


@pytest.mark.process
def test_a_class_of_the_program_itself_cannot_be_sent() -> None:
    program = """
from supervisor.runtime.process import pickle_problem
class Mine: ...
print(pickle_problem(Mine))
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Mine is defined in the program itself (__main__); move it into a module" in found.stdout


@pytest.mark.process
@pytest.mark.parametrize(
    ("factory", "words"),
    [
        (local_factory(), "make it a functools.partial"),
        (partial(Doing, "no such deed"), "KeyError: 'no such deed'"),
        (fails, "LookupError: no such strategy"),
        (makes_a_number, "the factory made a int; it must return a Behaviour"),
        (Root, "Root ends itself, as a supervisor does; run it on a thread"),
    ],
)
def test_a_factory_of_no_use(nest: Nest, factory: Callable[[], Any], words: str) -> None:
    with pytest.raises((BehaviourFailed, NotSendable), match=words):
        nest.cell(factory)


@pytest.mark.process
def test_a_module_that_only_this_process_can_import(
    nest: Nest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "licensed.py").write_text(
        "import os\nif 'LICENCE' not in os.environ:\n    raise ImportError('no licence')\n"
        "from tests.supervisor.process_behaviours import Echo as Licensed\nclass Mine(Licensed): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("LICENCE", "yes")
    monkeypatch.delitem(sys.modules, "licensed", raising=False)
    import licensed  # type: ignore[import-not-found]

    nest.cell(licensed.Mine).stop("it can be imported")
    with pytest.raises(
        BehaviourFailed, match=r"cannot be read in the child process \(ImportError: no licence.*importable"
    ):
        nest.cell(licensed.Mine, Compartment(hidden_env=("LICENCE",)))

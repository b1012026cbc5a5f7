"""Each fault of the way to the venue alone: it really strikes, and once it is over our books are the venue's."""

from pathlib import Path

import pytest

from tests.chaos.alone import of_group, play_alone


@pytest.mark.parametrize("name", of_group("transport"))
def test_it_strikes_and_the_house_comes_right(
    name: str, tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_alone(name, tmp_path, template, monkeypatch)

"""The lessons from the field: each that the order path must have learned is shown by a test."""

import pytest

from tests.docs.marks import marked

ALL = tuple(f"L{number:02}" for number in range(1, 38))
ORDER_PATH = (*ALL[:13], "L17", "L18", "L25", "L26", "L27", "L28", "L32")


@pytest.mark.parametrize("lesson", ORDER_PATH)
def test_a_lesson_of_the_order_path_is_shown(lesson: str) -> None:
    assert marked("lesson").get(lesson), f'no test bears @pytest.mark.lesson("{lesson}")'


def test_every_mark_names_a_lesson() -> None:
    assert sorted(set(marked("lesson")) - set(ALL)) == []

"""A bounded memory of keys."""

import pytest

from bulkhead.execution.recent import Recent


def test_a_key_is_new_once() -> None:
    seen = Recent(3)
    assert seen.add("a")
    assert not seen.add("a")
    assert "a" in seen
    assert len(seen) == 1


def test_the_oldest_is_forgotten_beyond_the_capacity() -> None:
    seen = Recent(2, ("a", "b", "c"))
    assert list(seen) == ["b", "c"]
    assert seen.add("a"), "forgotten, so new again"


def test_no_room_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="room for one"):
        Recent(0)

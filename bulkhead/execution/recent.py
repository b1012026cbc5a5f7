"""Recent: which of many keys were seen lately, in bounded memory."""

from collections.abc import Iterable, Iterator


class Recent:
    """A set that forgets its oldest keys beyond `capacity`. Raises ValueError for no capacity at all."""

    __slots__ = ("_capacity", "_keys")

    def __init__(self, capacity: int, keys: Iterable[str] = ()) -> None:
        if capacity < 1:
            raise ValueError(f"room for one key at least is needed, not {capacity}")
        self._capacity = capacity
        self._keys: dict[str, None] = {}
        for key in keys:
            self.add(key)

    def add(self, key: str) -> bool:
        """True when it is new; False when it was seen before, and then nothing changes."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._capacity:
            del self._keys[next(iter(self._keys))]
        return True

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

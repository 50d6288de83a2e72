"""A small store that forgets what was used longest ago."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class RecentlyUsed(Generic[Value]):
    """Values by key that weigh `limit` together at most; the one used longest ago leaves first.

    Without `weight` every value weighs 1. The newest value stays even if it is too heavy by
    itself. Thread-safe. Two threads that ask for the same missing key may both make it; the later
    one is kept.
    """

    def __init__(self, limit: int, weight: Callable[[Value], int] = lambda value: 1):
        if limit < 1:
            raise ValueError(f"limit is at least 1, got {limit}")
        self._limit, self._weight = limit, weight
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def get_or_make(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value under `key`, made by `make()` when it is not there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > 1 and self._total() > self._limit:
                self._values.popitem(last=False)
        return value

    def _total(self) -> int:
        return sum(map(self._weight, self._values.values()))

"""What is kept of many things: the latest of them, in bounds."""

import threading
from collections import OrderedDict
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
MAX_BYTES = 128 << 20


class Latest(Generic[Value]):
    """Values by key, for all threads; beyond a number or bytes the oldest go."""

    def __init__(self, most: int, most_bytes: int = MAX_BYTES) -> None:
        """Start empty."""
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Any, tuple[Value, int]] = OrderedDict()
        self._bytes = 0

    def keep(self, key: Any, value: Value, size: int = 0) -> None:
        """Keep a value of so many bytes, in place of the key's older one."""
        with self._lock:
            _, before = self._kept.get(key, (None, 0))
            self._kept[key] = value, size
            self._bytes += size - before
            while len(self._kept) > self._most or (
                self._bytes > self._most_bytes and len(self._kept) > 1
            ):
                _, (_, gone) = self._kept.popitem(last=False)
                self._bytes -= gone

    def get(self, key: Any) -> Value | None:
        """The value of a key."""
        with self._lock:
            return self._kept.get(key, (None, 0))[0]

    def all(self) -> dict[Any, Value]:
        """All of them, the oldest first."""
        with self._lock:
            return {key: value for key, (value, _) in self._kept.items()}

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

"""A rate limit: a bucket that fills all the time, or a window that opens anew."""

import threading
from collections.abc import Callable
from typing import TypeAlias

Rate: TypeAlias = float | tuple[float, float]
"""Requests a second, or requests and the seconds of their window."""


class RateLimit:
    """Says who has to come later.

    Args:
        rate: A number is a token bucket that holds a fifth of a second's requests, at
            least one; a pair is a fixed window, as the gateway has them; None is no
            limit.
        clock: Seconds that only go forward.
    """

    _count: float | None
    _window: float | None

    def __init__(self, rate: Rate | None, clock: Callable[[], float]) -> None:
        self._count, self._window = rate if isinstance(rate, tuple) else (rate, None)
        self._clock = clock
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        count = self._count or 0
        self._most = count if self._window else max(1.0, count / 5)
        self._left, self._since = self._most, self._clock()

    def refused(self) -> float | None:
        """None for a request that is let through, else seconds until one would be."""
        if self._count is None:
            return None
        with self._lock:
            now = self._clock()
            passed = now - self._since
            if self._window is None:
                self._left = min(self._most, self._left + passed * self._count)
                self._since = now
                wait = (1 - self._left) / self._count
            else:
                if passed >= self._window:
                    self._left, self._since = self._most, now - passed % self._window
                wait = self._since + self._window - now
            if self._left < 1:
                return wait
            self._left -= 1
            return None

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

    Raises:
        ValueError: If a number is not above 0.
    """

    def __init__(self, rate: Rate | None, clock: Callable[[], float]) -> None:
        self._is_limited = rate is not None
        pair = rate if isinstance(rate, tuple) else (1 if rate is None else rate, 0.0)
        self._count, self._window = pair
        if self._count <= 0 or (isinstance(rate, tuple) and self._window <= 0):
            raise ValueError(f"rate_limit must be numbers above 0, not {rate!r}.")
        self._burst = max(1.0, self._count / 5)
        self._clock = clock
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._left, self._since = self._burst, self._clock()
        if self._window:
            self._left = self._count

    def refused(self) -> float | None:
        """None for a request that is let through, else seconds until one would be."""
        if not self._is_limited:
            return None
        with self._lock:
            now = self._clock()
            passed = now - self._since
            if not self._window:
                self._left = min(self._burst, self._left + passed * self._count)
                self._since = now
            elif passed >= self._window:
                self._left, self._since = self._count, now - passed % self._window
            if self._left >= 1:
                self._left -= 1
                return None
            if self._window:
                return self._since + self._window - now
            return (1 - self._left) / self._count

"""A circuit breaker: after failures alone, only a trickle is let through.

What is not let through fails at once with what failed last, and is not sent. The first
success lets everything through again, and so does a minute in which nobody asked.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass

from langchain_cf_gemini.exceptions import CloudflareGeminiError

_FORGOTTEN_SECONDS = 60.0
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trickle:
    """When a breaker opens, and what it lets through then.

    Attributes:
        failures: So many in a row, without a success in between, open it.
        after: Seconds that they must have lasted.
        pause: Seconds between two attempts that are let through.
        growth: The same as a share of the time for which nothing has succeeded, if
            that is more.
    """

    failures: int
    after: float = 0.0
    pause: float = 0.5
    growth: float = 0.0


# Two a second at first, so that an outage of seconds is over for everybody when it is.
# After ten seconds fewer: a server that is dead for an hour is asked 150 times.
OUTAGE = Trickle(failures=20, growth=0.05)
# Windows of a minute are waited for. What refuses everybody for longer has another
# reason, such as a quota for the day.
EXHAUSTED = Trickle(failures=5, after=75.0)
# Who was told three times that a token is wrong or that credit is used up.
REFUSED = Trickle(failures=3, pause=5.0)


class CircuitBreaker:
    """Counts failures in a row, and says who may still try.

    Args:
        trickle: When it opens.
        clock: Seconds that only go forward.
    """

    def __init__(self, trickle: Trickle, clock: Callable[[], float]) -> None:
        self._trickle = trickle
        self._clock = clock
        self._lock = threading.Lock()
        self._count = 0
        self._since = self._failed = self._let_through = 0.0
        self._error: CloudflareGeminiError | None = None

    @property
    def is_open(self) -> bool:
        """Whether only a trickle is let through."""
        if self._count < self._trickle.failures:
            return False
        now = self._clock()
        lasted, quiet = now - self._since, now - self._failed
        return lasted >= self._trickle.after and quiet <= _FORGOTTEN_SECONDS

    def lets_through(self) -> bool:
        """Whether an attempt may be made now; if so, it counts as the trickle's."""
        if not self.is_open:
            return True
        with self._lock:
            now = self._clock()
            if now - self._let_through < self._pause(now):
                return False
            self._let_through = now
            return True

    def _pause(self, now: float) -> float:
        grown = self._trickle.growth * (now - self._since)
        return min(max(self._trickle.pause, grown), _LONGEST_PAUSE)

    def error(self, host: str) -> CloudflareGeminiError:
        """What an attempt fails with that is not let through.

        Args:
            host: Who is not asked.
        """
        failed = self._error or CloudflareGeminiError("no failure")
        now = self._clock()
        error = copy.copy(failed)
        error.message = (
            f"The request wasn't sent: the last {self._count} attempts at {host} "
            f"failed, the first {now - self._since:.0f} s ago. One attempt every "
            f"{self._pause(now):.1f} s is allowed until one succeeds. Last failure: "
            f"{failed.message}"
        )
        error.args = (error.message,)
        error.retry_after = None
        error.is_sent = False
        return error

    def failed(self, error: CloudflareGeminiError) -> None:
        """Count the failure of an attempt that was made."""
        with self._lock:
            now = self._clock()
            if not self._count or now - self._failed > _FORGOTTEN_SECONDS:
                self._count, self._since = 0, now
            self._count += 1
            self._failed, self._error = now, error
            if self._count == self._trickle.failures:
                self._let_through = now

    def succeeded(self) -> None:
        """Let everything through."""
        if self._count:
            with self._lock:
                self._count, self._error = 0, None

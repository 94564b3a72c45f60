"""One attempt at a request: its limits in time, its clock, its log line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from langchain_cf_gemini._http.body import Head
from langchain_cf_gemini._http.faults import error_from_fault, line_from_text
from langchain_cf_gemini._http.request import Request, Waits
from langchain_cf_gemini.exceptions import (
    CloudflareGeminiError,
    UnsupportedContentError,
)

if TYPE_CHECKING:
    import httpx
    import httpx2

logger = logging.getLogger("langchain_cf_gemini")


class _Default(float):
    """Seconds that nobody chose, also in another process: 600 given are others."""

    def __reduce__(self) -> str:
        return "DEFAULT_TIMEOUT"


DEFAULT_TIMEOUT: Final[float] = _Default(600)
"""Seconds; Cloudflare documents no limit of its own for an answer."""
CONNECT_SECONDS = 10.0
# A year; what a socket takes ends somewhere beyond.
LONGEST_SECONDS = 31_536_000
_WAITS = ("connect", "read", "write", "pool")

if TYPE_CHECKING:
    Timeout = float | httpx.Timeout | httpx2.Timeout | None
else:
    Timeout = Any


@dataclass(frozen=True, slots=True)
class Times:
    """The limits of one attempt, in seconds.

    Attributes:
        total: From the request to the end of a unary answer.
        idle: Of waiting for a stream's next payload.
        waits: httpx2's own: connect, read, write and pool.
    """

    total: float | None
    idle: float | None
    waits: Waits


def times_from_timeout(timeout: Timeout) -> Times:
    """The limits that a timeout stands for.

    Args:
        timeout: Seconds, None, or a Timeout of httpx2 or httpx, known by its four
            limits.

    Raises:
        UnsupportedContentError: A number that is no time to wait.
    """
    if timeout is None:
        return Times(None, None, dict.fromkeys(_WAITS))
    if isinstance(timeout, (int, float)):
        if not 0 < timeout <= LONGEST_SECONDS:
            raise UnsupportedContentError(
                f"timeout must be a number of seconds above 0 and at most "
                f"{LONGEST_SECONDS:,}, or None to wait without limit, not {timeout!r}."
            )
        waits: Waits = dict.fromkeys(_WAITS, float(timeout))
        waits["connect"] = min(float(timeout), CONNECT_SECONDS)
        return Times(float(timeout), float(timeout), waits)
    return Times(None, timeout.read, {name: getattr(timeout, name) for name in _WAITS})


class Attempt:
    """One attempt.

    Args:
        request: What is asked.
        waits: Seconds for each step.
        seconds: Seconds for all of it, None for ever.
        clock: Seconds that only go forward.
    """

    __slots__ = ("_clock", "_deadline", "_seconds", "_started", "request", "waits")

    def __init__(
        self,
        request: Request,
        waits: Waits,
        seconds: float | None,
        clock: Callable[[], float],
    ) -> None:
        self.request = request
        self.waits = waits
        self._clock = clock
        self._seconds = seconds
        self._started = clock()
        self._deadline = None if seconds is None else self._started + seconds

    def head(self, response: Any) -> Head:
        """What the response says before its body, logged."""
        # Read once: each look into httpx2's own takes half a microsecond.
        headers = dict(response.headers.items())
        asked = self.request
        head = Head(
            response.status_code,
            headers,
            asked.secrets,
            asked.service,
            asked.is_trusted,
        )
        self._log(head.status, head)
        return head

    def left(self) -> float | None:
        """Seconds until the deadline, or None without one."""
        return None if self._deadline is None else self._deadline - self._clock()

    def check_deadline(self) -> None:
        """Raise if the time is up, though bytes still come."""
        if self._deadline is not None and self._clock() > self._deadline:
            raise TimeoutError("the response was too slow")

    def begin_anew(self) -> None:
        """Grant all of the time once more, to what comes next."""
        if self._seconds is not None:
            self._deadline = self._clock() + self._seconds

    def error_from(self, fault: Exception) -> CloudflareGeminiError:
        """The typed error of a fault, logged."""
        self._log(type(fault).__name__, None)
        return error_from_fault(fault, self.request, self._clock() - self._started)

    def _log(self, outcome: int | str, head: Head | None) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            ray_id = head.shown(head.headers.get("cf-ray", "")) if head else ""
            logger.debug(
                "%s %s %s %.0f ms ray=%s",
                self.request.method,
                urlsplit(self.request.url).path,
                outcome,
                (self._clock() - self._started) * 1000,
                line_from_text(ray_id) or "-",
            )

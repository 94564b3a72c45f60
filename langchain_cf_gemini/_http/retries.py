"""When to ask again, decided in data: a policy, and the waiting time read.

`RetryPolicy.delay` is a pure function of the attempt and its error; nothing here
sleeps or reads a clock on its own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime

from langchain_cf_gemini.exceptions import CloudflareGeminiError

# Set while tests run, as the emulator's fixture does: no waiting, and nothing that one
# test could leave for the next.
TESTING = "LANGCHAIN_CF_GEMINI_TESTING"

# 408, 409, 429 and server failures are what Cloudflare's own packages retry; 520 to
# 524 are its edge's words for an origin that failed, 529 is an overloaded one.
RETRIED_STATUSES = frozenset(
    {408, 409, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
)

# A credential that is refused for a moment or for good; a limit of a rate or of money.
_TOLD_APART = frozenset({401, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how late a failed attempt is repeated.

    Attributes:
        max_retries: Repetitions after the first attempt; 0 is one attempt.
        max_retry_after: Longest wait, in seconds, that the far side may ask for.
            An error that asks for more is raised at once.
        initial_delay: Seconds before the first repetition, doubled for each more.
        max_delay: Longest wait, in seconds, that we choose ourselves.
        jitter: Source of numbers in [0, 1), so that many clients do not return
            at the same moment.
    """

    max_retries: int = 2
    max_retry_after: float = 60.0
    initial_delay: float = 0.5
    max_delay: float = 8.0
    jitter: Callable[[], float] = random.random

    def delay(self, attempt: int, error: CloudflareGeminiError) -> float | None:
        """Seconds to wait before the next attempt, or None to give up.

        Args:
            attempt: Repetitions made so far, from 0.
            error: What the last attempt ended with.
        """
        if attempt >= self.max_retries or not is_retried(error):
            return None
        if (asked := error.retry_after) is not None:
            is_too_long = asked > self.max_retry_after
            return None if is_too_long else asked + 0.25 * self.jitter()
        chosen = min(self.initial_delay * 2.0**attempt, self.max_delay)
        return chosen * (1 - 0.25 * self.jitter())

    def with_max_retries(self, max_retries: int) -> RetryPolicy:
        """The same policy with another number of repetitions."""
        if max_retries == self.max_retries:
            return self
        return replace(self, max_retries=max_retries)


def is_retried(error: CloudflareGeminiError) -> bool:
    """Whether the same request may succeed later: by status, else as the error says."""
    if error.status_code in _TOLD_APART and "is_retryable" in vars(error):
        return error.is_retryable
    if error.status_code is not None and error.status_code >= 400:
        return error.status_code in RETRIED_STATUSES
    return error.is_retryable


def retry_after_from_headers(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait; None if it does not say so intelligibly.

    Args:
        headers: The answer's headers, in lower case.
        now: The time in seconds since the epoch, to measure dates against.
    """
    milliseconds = seconds_from_text(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after") or ""
    # Two servers on the way may have sent one each.
    sent = [seconds_from_text(piece) for piece in text.split(",")]
    told = [seconds for seconds in sent if seconds is not None]
    return max(told) if told else _seconds_from_date(text, now)


def seconds_from_text(text: str | None) -> float | None:
    """A number of seconds that can be waited, or None."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_from_date(text: str, now: float) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # RFC 9110: HTTP dates are GMT, also where the zone is left out.
    zoned = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, zoned.timestamp() - now)

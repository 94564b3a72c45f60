"""How fast a far side may be asked, and whether at all: what the process knows of it.

A call asks before each of its attempts, and tells what came of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from langchain_cf_gemini._http.breaker import (
    EXHAUSTED,
    OUTAGE,
    REFUSED,
    CircuitBreaker,
)
from langchain_cf_gemini._http.pace import Pace, Ticket
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._http.retries import (
    TESTING,
    RetryPolicy,
    is_retried,
)
from langchain_cf_gemini.exceptions import CloudflareGeminiError

# Of so many hosts, models and credentials each; what was asked least lately is
# forgotten first.
_KEPT = 256

Clock = Callable[[], float]


class SharedLimits(NamedTuple):
    """What calls share.

    Attributes:
        pace: How fast to ask; this and the next two by the request's `rate_key`.
        outage: Whether there are failures only.
        exhausted: Whether everybody has been refused for longer than a window lasts.
        refused: Whether these credentials are; by the request's `credentials_key`.
    """

    pace: Pace
    outage: CircuitBreaker
    exhausted: CircuitBreaker
    refused: CircuitBreaker

    @classmethod
    def of_their_own(cls, clock: Clock) -> SharedLimits:
        """SharedLimits that nobody else shares."""
        breakers = (CircuitBreaker(of, clock) for of in (OUTAGE, EXHAUSTED, REFUSED))
        return cls(Pace(clock), *breakers)


@lru_cache(_KEPT)
def _from_rate_key(key: str) -> SharedLimits:
    return SharedLimits.of_their_own(time.monotonic)


@lru_cache(_KEPT)
def _from_credentials_key(key: str) -> CircuitBreaker:
    return CircuitBreaker(REFUSED, time.monotonic)


def limits_from_request(request: Request) -> SharedLimits:
    """The process-wide limits for a request, shared by all transports."""
    limits = _from_rate_key(request.rate_key or request.host)
    if key := request.credentials_key:
        limits = SharedLimits(*limits[:3], refused=_from_credentials_key(key))
    return limits


def forget_limits() -> None:
    """Begin anew: in a forked child their locks may be held by nobody."""
    for kept in (_from_rate_key, _from_credentials_key):
        kept.cache_clear()


class Attempts:
    """The attempts of one call, which count against a policy and the limits.

    Args:
        policy: How often and how late to repeat.
        limits: What the process knows of the far side.
        host: Its name, for errors.
        paced: Whether to keep to the pace, and to teach it.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        limits: SharedLimits,
        *,
        host: str,
        paced: bool = True,
    ) -> None:
        self._policy = policy
        self._limits = limits
        self._host = host
        self._paced = paced
        self._is_testing = bool(os.environ.get(TESTING))
        self._made = 0
        self._ticket: Ticket | None = None

    def wait(self) -> float | None:
        """Seconds after which to ask here again, or None: make the attempt now.

        Raises:
            CloudflareGeminiError: What others have failed with lately, if it would be
                in vain.
        """
        if self._is_testing:
            return None
        limits = self._limits
        if self._ticket is None:
            if not limits.refused.lets_through():
                error = limits.refused.error(self._host)
                error.is_retryable = False
                raise error
            if not limits.outage.lets_through():
                raise limits.outage.error(self._host)
            if not self._paced:
                return None
            self._ticket = limits.pace.ticket(self._made)
        wait = limits.pace.wait(self._ticket)
        if wait is not None and limits.exhausted.is_open:
            self.leave()
            raise limits.exhausted.error(self._host)
        return wait

    def leave(self) -> None:
        """The attempt is not made, or nobody knows what became of it."""
        if self._ticket is not None:
            self._limits.pace.leave(self._ticket)
            self._ticket = None

    def failed(self, error: CloudflareGeminiError) -> float | None:
        """Seconds to wait before the next attempt, or None to raise the error."""
        if error.is_sent and not self._is_testing:
            self._tell(error)
        is_in_vain = not (error.is_sent or error.is_retryable)
        delay = None if is_in_vain else self._policy.delay(self._made, error)
        self._made += 1
        return 0.0 if self._is_testing and delay is not None else delay

    def succeeded(self) -> None:
        """Give all the signals."""
        self._limits.refused.succeeded()
        self._limits.outage.succeeded()
        self._answered()

    def _tell(self, error: CloudflareGeminiError) -> None:
        """Tell everybody what an attempt that was sent has failed with."""
        limits, status = self._limits, error.status_code
        is_soon = (error.retry_after or 0.0) <= self._policy.max_retry_after
        if is_limited(error) and is_soon:
            limits.exhausted.failed(error)
            limits.outage.succeeded()
            if self._ticket is not None:
                limits.pace.refused(self._ticket, error.retry_after)
                self._ticket = None
        elif status is None or status in _OUTAGE_STATUSES:
            if is_retried(error):
                limits.outage.failed(error)
            if status is None:
                self.leave()
            else:
                self._answered()
        else:
            # Credentials, credit or a quota, and not what this one request says.
            if status == 429 or (status in (401, 402) and not is_retried(error)):
                limits.refused.failed(error)
            limits.outage.succeeded()
            self._answered()

    def _answered(self) -> None:
        """Whatever was answered, it was not to come later."""
        self._limits.exhausted.succeeded()
        if self._ticket is not None:
            self._limits.pace.answered(self._ticket)
            self._ticket = None


_OUTAGE_STATUSES = frozenset({408, *range(500, 600)})


def is_limited(error: CloudflareGeminiError) -> bool:
    """Whether the far side only asks to come later: a rate, not a failure."""
    if error.status_code == 429:
        return is_retried(error)
    return error.status_code == 503 and error.retry_after is not None

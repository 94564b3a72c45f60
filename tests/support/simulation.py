"""Callers under a rate limit, in simulated time."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.http import Pace, Ticket

Limit = Callable[[float], float | None]
"""Takes a request's time; None answers it, else seconds until it may come again."""


def bucket(rate: float, burst: float) -> Limit:
    """A token bucket: `rate` a second, and `burst` at once."""
    tokens, last = burst, 0.0

    def refused(now: float) -> float | None:
        nonlocal tokens, last
        tokens, last = min(burst, tokens + (now - last) * rate), now
        if tokens < 1:
            return 1.0
        tokens -= 1
        return None

    return refused


def window(count: int, seconds: float, *, sliding: bool = False) -> Limit:
    """`count` requests in each window, which is fixed or slides."""
    taken: list[float] = []

    def refused(now: float) -> float | None:
        begun = now - seconds if sliding else now - now % seconds
        taken[:] = [moment for moment in taken if moment >= begun]
        if len(taken) < count:
            taken.append(now)
            return None
        return (taken[0] if sliding else begun) + seconds - now

    return refused


@dataclass(kw_only=True)
class Simulation:
    """Rows asked for by callers who share a pace, each with retries of its own.

    Attributes:
        limit: Who is refused.
        rows: How many there are to be asked for.
        callers: How many ask at once.
        max_retries: Repetitions of a refused row; after them it is lost.
        says_when: Whether a refusal says for how long.
        seconds: How long an answer takes; a refusal takes 0.05 s at most.
        paced: Whether they ask at a pace.
    """

    limit: Limit
    rows: int
    callers: int
    max_retries: int = 2
    says_when: bool = True
    seconds: float = 0.05
    paced: bool = True
    seed: int = 0
    now: float = 0.0
    lost: int = 0
    requests: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pace = Pace(lambda: self.now)
        self._chance = random.Random(self.seed)
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._to_do = self.rows

    def run(self) -> Simulation:
        """Ask until every row is answered or lost."""
        for _ in range(self.callers):
            self._after(0.0, self._begin)
        while self._events:
            self.now, _, happens, about = heapq.heappop(self._events)
            happens(*about)
        return self

    def _after(self, seconds: float, happens: Callable[..., None], *about: Any) -> None:
        event = (self.now + seconds, next(self._order), happens, about)
        heapq.heappush(self._events, event)

    def _begin(self) -> None:
        if self._to_do:
            self._to_do -= 1
            self._enter(0)

    def _enter(self, attempt: int) -> None:
        self._poll(attempt, self.pace.ticket(attempt))

    def _poll(self, attempt: int, ticket: Ticket) -> None:
        wait = self.pace.wait(ticket) if self.paced else None
        if wait is not None:
            # No timer is exact.
            late = 0.002 * self._chance.random()
            return self._after(wait + late, self._poll, attempt, ticket)
        self.requests.append(self.now)
        refused = self.limit(self.now)
        took = self.seconds if refused is None else min(self.seconds, 0.05)
        took *= 0.8 + 0.4 * self._chance.random()
        return self._after(took, self._answered, attempt, ticket, refused)

    def _answered(self, attempt: int, ticket: Ticket, refused: float | None) -> None:
        if refused is None:
            self.pace.answered(ticket)
            return self._begin()
        self.pace.refused(ticket, refused if self.says_when else None)
        if attempt == self.max_retries:
            self.lost += 1
            return self._begin()
        if self.says_when:
            wait = refused + 0.25 * self._chance.random()
        else:
            wait = min(8.0, 0.5 * 2**attempt) * (1 - 0.25 * self._chance.random())
        return self._after(wait, self._enter, attempt + 1)

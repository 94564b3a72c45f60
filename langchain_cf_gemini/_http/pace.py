"""How fast to ask a far side that limits the rate, learned from what it refuses.

Off until the first refusal, and off again after a minute without one; only a first
burst of hundreds waits half a second for the first outcomes. In between, attempts wait
in a queue: first those that were refused most often, so that few are refused three
times, then in the order in which they came. The rate

- starts at what was not refused lately, and doubles every quarter of a second until it
  meets the limit (as TCP's slow start does);
- then falls to 0.95 of what was not refused, by a fifth at most, when more than one of
  sixteen is refused. Less is left alone: a limit that is in full use refuses a few, and
  far sides that are short of capacity refuse some at any rate;
- and grows by 5 % a second, later by 12 and 50 %, as botocore's adaptive mode stays
  near the last limit before it tries for more.

One round trip lowers the rate once: a refusal of what was sent before the last change
says nothing new. When four in a row are refused, nobody is answered: a fixed window is
used up. Then one attempt at a time asks, after ever longer waits, and it is one with
most tries left. The next time, the first of them waits for 3/4 of that time.

Waiting is polling: `wait` says when to ask again. So threads and event loops share a
pace, nobody wakes anybody, and who gives up leaves nothing behind. Nothing here sleeps;
the clock is given.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile

PEACE_SECONDS = 60.0
"""Without a refusal for so long, the rate is free again."""
# After a minute without calls so many may ask at once, two more for each answer, and
# all after half a second: a limit refuses sooner than a model answers, and of 200
# callers of a small one nearly all would ask in vain.
_BURST, _BURST_SECONDS = 64, 0.5
# An event loop that is busy for so long reads what has come between two polls.
_BURST_POLLS = 8
# What a window of a minute lets through in a burst stays below; ten thousand a second
# is no pace that a model's answers are asked for.
_LOWEST_RATE, _HIGHEST_RATE = 0.02, 1e4
_FIRST_RATE = 1.0  # at least, for who is refused at the first request
# Shorter waits that a refusal asks for are those of a bucket that fills all the time:
# they are the attempt's own, and not everybody's.
_OWN_WAIT_SECONDS = 1.5
_TOLERATED_SHARE = 1 / 16
_SHARE_OF = 64
# A burst that a bucket refuses is over sooner.
_DARK_AFTER, _DARK_AFTER_SECONDS = 4, 0.05
_LONGEST_PROBE_SECONDS = 20.0
_LONGEST_POLL_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class Ticket:
    """One attempt's place in the queue, and later what became of it.

    Attributes:
        key: Sorts the queue: repetitions made, most first, then the order of arrival.
        polls: How often it has asked in vain while a first burst waits.
        sent: When it was sent.
        is_refused: Whether the far side said to come later.
    """

    key: tuple[int, int]
    polls: int = 0
    sent: float = float("-inf")
    is_refused: bool = False


class Pace:
    """The pace of one far side, shared by everybody in the process who asks it.

    Args:
        clock: Seconds that only go forward.

    Attributes:
        rate: Attempts a second, None without a limit.
        dark_since: Since when nobody has been answered.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.rate: float | None = None
        self.dark_since: float | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._count = 0
        self._queue: list[tuple[int, int]] = []
        self._sent: deque[Ticket] = deque(maxlen=1024)
        self._round_trip = 0.1  # of a refusal, in seconds
        self._next = self._held = self._refused = float("-inf")
        self._started = self._changed = self._grown = float("-inf")
        self._begun, self._room = float("-inf"), 0.0
        self._is_starting = True
        self._rate_at_start = _FIRST_RATE
        self._rate_before_dark = 1.0
        self._last_dark_seconds = 0.0
        self._probe: Ticket | None = None

    # ---------------------------------------------------------------- asking
    def ticket(self, repetitions: int) -> Ticket:
        """A place in the queue for an attempt that was made so often before."""
        with self._lock:
            self._count += 1
            return Ticket((-repetitions, self._count))

    def wait(self, ticket: Ticket) -> float | None:
        """Seconds after which to ask here again, or None: send now."""
        with self._lock:
            now = self._clock()
            quiet = now - max(self._refused, self._held)
            if self.rate is not None and quiet > PEACE_SECONDS:
                self.rate = self.dark_since = self._probe = None
                self._room = float("inf")
            if self.rate is None:
                return self._wait_at_the_start(ticket, now)
            place = bisect_left(self._queue, ticket.key)
            if place == len(self._queue) or self._queue[place] != ticket.key:
                insort(self._queue, ticket.key)
            if self.dark_since is not None:
                return self._wait_in_the_dark(ticket, now)
            return self._wait_for_turn(ticket, now, self.rate, place)

    def leave(self, ticket: Ticket) -> None:
        """Give the place up: the attempt is not made, or nobody knows its answer."""
        with self._lock:
            self._unqueue(ticket)
            if ticket is self._probe:
                self._end_probe(self._clock())

    def _wait_at_the_start(self, ticket: Ticket, now: float) -> float | None:
        if not self._sent or now - self._sent[-1].sent > PEACE_SECONDS:
            self._begun, self._room = now, float(_BURST)
        if self._room <= 0:
            ticket.polls += 1
            if now - self._begun < _BURST_SECONDS or ticket.polls < _BURST_POLLS:
                return 0.01
            self._room = float("inf")
        self._room -= 1
        self._go(ticket, now)
        return None

    def _wait_for_turn(
        self, ticket: Ticket, now: float, rate: float, place: int
    ) -> float | None:
        at = max(self._next, self._held)
        # Who is late at the head of the queue holds up nobody for long.
        if place <= (now - at) * rate:
            rate = self.rate = self._grown_rate(now, rate)
            # Late pollers catch up on 10 ms; a bucket that holds one refuses any burst.
            self._next = max(at, now - 0.01) + 1 / rate
            self._go(ticket, now)
            return None
        return min(at - now + place / rate, _LONGEST_POLL_SECONDS) + 0.001

    def _wait_in_the_dark(self, ticket: Ticket, now: float) -> float | None:
        at = max(self._next, self._held)
        if self._probe is not None:
            # An answer takes seconds, a refusal does not: nobody said no in time.
            if now - self._probe.sent > 3 * self._round_trip:
                self._end_dark(now)
                return 0.001
            return 0.02 + self._round_trip / 4
        if now < at or ticket.key != self._queue[-1]:
            return min(max(at - now, 0.0), _LONGEST_POLL_SECONDS) + 0.01
        self._probe = ticket
        self._go(ticket, now)
        return None

    def _go(self, ticket: Ticket, now: float) -> None:
        self._unqueue(ticket)
        ticket.sent = now
        self._sent.append(ticket)

    def _unqueue(self, ticket: Ticket) -> None:
        place = bisect_left(self._queue, ticket.key)
        if place < len(self._queue) and self._queue[place] == ticket.key:
            del self._queue[place]

    def _grown_rate(self, now: float, rate: float) -> float:
        since, self._grown = now - self._grown, now
        if self._is_starting:
            return min(rate * 16 ** min(since, 0.25), _HIGHEST_RATE)
        # Below three a second, time is counted by what is sent in it.
        unit = max(1.0, 3 / rate)
        units = (now - self._changed) / unit
        growth = 0.05 if units < 2 else 0.12 if units < 5 else 0.5
        return min(rate * (1 + min(since / unit, 1.0) * growth), _HIGHEST_RATE)

    # --------------------------------------------------------------- answers
    def answered(self, ticket: Ticket) -> None:
        """The far side took the attempt, whatever it said."""
        with self._lock:
            self._room += 2
            if self.dark_since is not None and ticket.sent >= self.dark_since:
                self._end_dark(self._clock())

    def refused(self, ticket: Ticket, retry_after: float | None) -> None:
        """The far side said to come later.

        Args:
            ticket: The attempt.
            retry_after: Seconds that it asks to wait, None if it does not say.
        """
        with self._lock:
            now = self._clock()
            ticket.is_refused = True
            self._refused = now
            self._round_trip += 0.2 * (now - ticket.sent - self._round_trip)
            if retry_after is not None and retry_after > _OWN_WAIT_SECONDS:
                self._held = max(self._held, now + retry_after)
            if self.dark_since is None:
                self._lower(ticket, now)
                if self._is_dark():
                    self._begin_dark(now)
            elif ticket.sent < self.dark_since:
                # The rest of the wave that brought the dark.
                taken = max(_FIRST_RATE, self._taken(self.dark_since, None))
                self._rate_before_dark = min(self._rate_before_dark, taken)
            elif ticket is self._probe:
                self._end_probe(now)

    def _lower(self, ticket: Ticket, now: float) -> None:
        taken = self._taken(ticket.sent, self.rate)
        if self.rate is None:
            self._start(max(_FIRST_RATE, taken), now)
            self._next = now
        elif ticket.sent < self._changed:
            if self._is_starting and self._changed - ticket.sent < 1:
                # More of the first wave, which was thought to be taken.
                taken = max(_FIRST_RATE, self._taken(self._changed, None))
                self.rate = self._rate_at_start = min(self.rate, taken)
        elif self._share_refused(ticket) > _TOLERATED_SHARE:
            # A bucket that a burst has emptied refuses at any rate for a moment.
            has_grown = self.rate >= 2 * self._rate_at_start
            if has_grown or now - self._started > 1:
                self._is_starting = False
            self.rate = max(0.8 * self.rate, 0.95 * min(self.rate, taken))
            self.rate = max(self.rate, _LOWEST_RATE)
            self._changed = self._grown = now

    def _start(self, rate: float, now: float) -> None:
        self.rate = self._rate_at_start = rate
        self._is_starting = True
        self._started = self._changed = self._grown = now

    def _until(self, moment: float) -> Iterator[Ticket]:
        """Those sent until a moment, the last one first."""
        return (ticket for ticket in reversed(self._sent) if ticket.sent <= moment)

    def _taken(self, moment: float, rate: float | None) -> float:
        """Attempts a second that were not refused before a moment.

        They are counted by when they were sent: answers take their time, refusals do
        not, so of what was sent before a refused attempt nearly all is known.
        """
        span = 1.0 if rate is None else min(60.0, max(0.25, 12 / rate))
        recent = takewhile(lambda t: t.sent > moment - span, self._until(moment))
        return max(_LOWEST_RATE, sum(not t.is_refused for t in recent) / span)

    def _share_refused(self, last: Ticket) -> float:
        recent = [
            ticket.is_refused
            for ticket, _ in zip(
                takewhile(lambda t: t.sent >= last.sent - 10, self._until(last.sent)),
                range(_SHARE_OF),
                strict=False,
            )
        ]
        return sum(recent) / len(recent) if recent else 1.0

    def _is_dark(self) -> bool:
        """Whether all were refused for a while, up to the last one refused."""
        refused: list[float] = []
        for ticket in reversed(self._sent):
            if ticket.is_refused:
                refused.append(ticket.sent)
            elif refused:
                break
        return (
            len(refused) >= _DARK_AFTER
            and refused[0] - refused[-1] >= _DARK_AFTER_SECONDS
        )

    # ------------------------------------------------- when nobody is answered
    def _begin_dark(self, now: float) -> None:
        self.dark_since = now
        self._rate_before_dark = self.rate or _LOWEST_RATE
        probe = max(self._probe_seconds(now), 0.75 * self._last_dark_seconds)
        self._next = max(self._next, now + min(probe, _LONGEST_PROBE_SECONDS))

    def _end_probe(self, now: float) -> None:
        self._probe = None
        self._next = max(self._next, now + self._probe_seconds(now))

    def _probe_seconds(self, now: float) -> float:
        """How long until the next probe: a fifth of the dark so far, or a little."""
        least = max(2 * self._round_trip, min(0.5, 5 / self._rate_before_dark))
        dark = now - (now if self.dark_since is None else self.dark_since)
        return min(max(least, dark / 5), _LONGEST_PROBE_SECONDS)

    def _end_dark(self, now: float) -> None:
        since = now if self.dark_since is None else self.dark_since
        self._last_dark_seconds = now - since
        self.dark_since = self._probe = None
        # At least one was taken in all that time.
        one = 1 / max(0.5, self._last_dark_seconds)
        rate = max(_LOWEST_RATE, self._rate_before_dark / 2, one)
        self._start(rate, now)
        self._next = now + 1 / rate

"""Scripts: what is answered next, and to which request."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from langchain_cf_gemini.emulator._journal import Exchange
from langchain_cf_gemini.emulator.answers import Answer
from langchain_cf_gemini.emulator.faults import Fault

Matcher = str | Callable[[Exchange], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One scripted turn: an answer, a fault, or an answer spoiled by a fault."""

    answer: Answer | None = None
    fault: Fault | None = None


@dataclass(slots=True)
class Queue:
    """Steps for the requests that match, one each, in order."""

    matches: Callable[[Exchange], bool]
    forever: bool = False
    steps: deque[Step] = field(default_factory=deque)

    def then(self, *said: Answer | Fault) -> "Queue":
        """Add steps; a fault takes one request of its own."""
        self.steps.extend(step_from(item) for item in said)
        return self

    def spoiled(self, answer: Answer, fault: Fault) -> "Queue":
        """Add an answer that a fault spoils on its way."""
        self.steps.append(Step(answer=answer, fault=fault))
        return self

    def always(self, said: Answer | Fault) -> "Queue":
        """Give the same to every matching request from now on."""
        self.forever = True
        return self.then(said)

    def take(self) -> Step:
        """The next step; there must be one."""
        return (
            self.steps[0]
            if self.forever and len(self.steps) == 1
            else self.steps.popleft()
        )


def step_from(said: Answer | Fault) -> Step:
    """A step of one answer or one fault."""
    return Step(fault=said) if isinstance(said, Fault) else Step(answer=said)


class Script:
    """All queues: those with a matcher first, in the order they were made."""

    def __init__(self) -> None:
        """Start with nothing scripted."""
        self._lock = threading.Lock()
        self._matched: list[Queue] = []
        self._any = Queue(matches=lambda exchange: True)

    def add(self, said: Iterable[Answer | Fault]) -> None:
        """Queue answers for whatever request comes next."""
        with self._lock:
            self._any.then(*said)

    def spoil(self, answer: Answer, fault: Fault) -> None:
        """Queue an answer that a fault spoils on its way."""
        with self._lock:
            self._any.spoiled(answer, fault)

    def when(self, matcher: Matcher) -> Queue:
        """A queue for the requests that a matcher picks."""
        queue = Queue(matches=_predicate(matcher))
        with self._lock:
            self._matched.append(queue)
        return queue

    def take(self, exchange: Exchange) -> Step | None:
        """The step for this request, removed from its queue."""
        with self._lock:
            for queue in (*self._matched, self._any):
                if queue.steps and queue.matches(exchange):
                    return queue.take()
        return None

    def left(self) -> int:
        """How many steps nobody asked for yet."""
        with self._lock:
            queues = (*self._matched, self._any)
            return sum(len(queue.steps) for queue in queues if not queue.forever)

    def clear(self) -> None:
        """Forget everything that is scripted."""
        with self._lock:
            self._matched.clear()
            self._any.steps.clear()


def _predicate(matcher: Matcher) -> Callable[[Exchange], bool]:
    if callable(matcher):
        return matcher
    return lambda exchange: matcher.lower() in exchange.text.lower()

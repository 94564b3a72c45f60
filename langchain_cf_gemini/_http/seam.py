"""The seam between a request and whatever sends it.

Whatever does I/O is a coroutine that takes a backend. Those of the blocking backends
never wait, so that `run` drives them; each exchange is so written once for both.
"""

from __future__ import annotations

from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from langchain_cf_gemini._http.attempt import Attempt
from langchain_cf_gemini._http.request import Request

_T = TypeVar("_T")


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Drive a coroutine of a blocking backend, which never waits."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        value: _T = ended.value
        return value
    raise RuntimeError("a blocking call waited for an event loop")


class Exchange(Protocol):
    """An answer under way on a connection that is taken for it."""

    response: Any

    async def read(self, attempt: Attempt) -> bytes | None:
        """The next bytes of the body, or None at its end."""

    # Not `close`: `yield from` would call that, and nobody would await it.
    async def aclose(self, *, ended: bool) -> None:
        """Free the connection if the answer was read to its end, else close it."""


class Backend(Protocol):
    """Sends requests, and knows how to wait."""

    is_blocking: bool

    async def open(self, request: Request, attempt: Attempt) -> Exchange:
        """Send the request; returns when the answer's headers are there."""

    def within(
        self, attempt: Attempt, work: Coroutine[Any, Any, _T]
    ) -> Coroutine[Any, Any, _T]:
        """The work, ended at the attempt's deadline if it still waits then."""


class ConnectedBackend(Backend, Protocol):
    """One that sends on connections, for which it may have to wait."""

    async def result(self, attempt: Attempt, future: Future[_T]) -> _T:
        """What another thread or event loop puts into a future."""


class AwaitedBackend(Backend, Protocol):
    """One that sends on no connections, but has timers of its own."""

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts."""

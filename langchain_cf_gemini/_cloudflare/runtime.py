"""A Worker's binding, and in which language its side of a call is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic_core import from_json, to_json


class Gateway(Protocol):
    """What `env.AI.gateway(id)` returns, as far as it is used here."""

    def run(self, entry: Any, options: Any, /) -> Awaitable[Any]:
        """Ask a provider; the answer is that of `AiBinding.run`."""

    def getLog(self, log_id: str, /) -> Awaitable[Any]:  # noqa: N802
        """Return a log entry as an object."""

    def patchLog(self, log_id: str, data: Any, /) -> Awaitable[Any]:  # noqa: N802
        """Add feedback to a log entry."""


class AiBinding(Protocol):
    """What is used of `env.AI`, which may be any Python object that has it.

    Such an object gets dicts. It returns objects with `status`, `headers` (a mapping)
    and `body` (bytes, an async iterator of them, or None), or the answer as a dict;
    an error is an OSError, or an exception with a `name` and a `message`. A call that
    is cancelled is cancelled there, too.
    """

    def run(self, model: str, inputs: Any, options: Any, /) -> Awaitable[Any]:
        """Ask a model of the catalogue."""

    def gateway(self, gateway_id: str, /) -> Gateway:
        """Return a gateway."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call of a binding gave.

    Attributes:
        status_code: HTTP status.
        headers: By their names in lower case.
        body: The bytes, inflated.
    """

    status_code: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


def head_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers by their names in lower case, less what no longer holds."""
    lower = {name.lower(): value for name, value in headers.items()}
    lower.pop("content-encoding", None)  # fetch has inflated the body
    return lower


def answer_from_json(data: bytes, status: int = 200) -> Answer:
    """Return JSON as the answer that would hold it."""
    return Answer(status, {}, _one(data))


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


class Runtime:
    """How a binding's side of a call is written; here, that of a Python object."""

    def value(self, *pieces: bytes) -> Any:
        """Return JSON as the binding takes it; every second piece is in a string."""
        return from_json(b"".join(pieces))

    def json(self, value: Any) -> bytes:
        """Return what a call gave as JSON."""
        return to_json(value)

    def member(self, value: Any, name: str) -> Any:
        """Return a member of such a value."""
        return value[name]

    def abort(self, options: Any) -> Callable[[], object]:
        """Let a call's options be told of its end; returns what tells it.

        Here to cancel the call is enough.
        """
        return lambda: None

    def limit(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        """End what waits inside of it after some seconds, as `asyncio.timeout` does."""
        return asyncio.timeout(seconds)

    def answer(self, value: Any) -> Answer:
        """Return what a call gave: an answer's head and body, or its JSON."""
        if not hasattr(value, "headers"):
            return answer_from_json(self.json(value))
        body = value.body
        if body is None or isinstance(body, bytes | bytearray | memoryview):
            body = _one(bytes(body or b""))
        return Answer(int(value.status), head_of(value.headers), aiter(body))

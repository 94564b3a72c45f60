"""Requests in, payloads out: attempts, deadlines and streams over httpx.

Times. A number is, for a unary call, the deadline of one attempt as a whole, and for a
stream the longest time between two payloads; connecting takes 10 seconds of it at most.
An `httpx.Timeout` is taken at its word, with no deadline beside it; None waits for
ever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from langchain_cf_gemini._cloudflare.answers import payloads_from_answer
from langchain_cf_gemini._cloudflare.endpoints import Request
from langchain_cf_gemini._cloudflare.envelope import (
    Payload,
    error_from_body,
    result_from_body,
)
from langchain_cf_gemini._http import backends as _clients
from langchain_cf_gemini._http.attempt import (
    DEFAULT_TIMEOUT,
    Attempt,
    Timeout,
    Times,
    times_from_timeout,
)
from langchain_cf_gemini._http.backends import AsyncBackend, AsyncOpener, Opener
from langchain_cf_gemini._http.body import Body
from langchain_cf_gemini._http.retries import (
    Attempts,
    RetryBudget,
    RetryPolicy,
    budget_from_host,
)
from langchain_cf_gemini._http.streams import AsyncPayloadStream, PayloadStream
from langchain_cf_gemini.exceptions import CloudflareGeminiError

_T = TypeVar("_T")


class Unset(Enum):
    """The default of arguments for which None means something."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """How requests are sent.

    Attributes:
        max_retries: Repetitions of a failed attempt; 0 is one attempt.
        timeout: Seconds, `httpx.Timeout` or None; see the module.
        http_client: A client of the user's own for sync calls (httpx, httpx2).
        http_async_client: The same for async calls.
        async_backend: "aiohttp" needs the extra of that name; "auto" takes it where
            it is installed, else "httpx".
        max_answer_bytes: Most bytes of one answer or stream, compressed and not.
        retry: How long to wait between attempts.
        retry_budget: Shared tokens that repetitions cost; one for each host of the
            process if None.
    """

    max_retries: int = 2
    timeout: Timeout = DEFAULT_TIMEOUT
    http_client: Any = None
    http_async_client: Any = None
    async_backend: AsyncBackend = "auto"
    max_answer_bytes: int = 128 * 2**20
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    retry_budget: RetryBudget | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: normally one payload, and what the gateway says of itself."""

    payloads: list[Payload]
    gateway: dict[str, Any]


class Transport:
    """Sends requests for as many threads and event loops as there are.

    Building one costs nothing: connections are made when first used, and shared with
    every other transport. `close` and `aclose` only give up this transport's share;
    the last one to do so closes the connections. A closed transport may be used again.

    Args:
        settings: How to send.
        sleep: Waits between attempts, in seconds.
        asleep: The same for asyncio.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        settings: TransportSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        asleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._sleep = sleep
        self._asleep = asleep
        self._clock = clock
        self._times = times_from_timeout(settings.timeout)
        self._shared: _clients.SyncConnections | None = None
        self._policy = settings.retry.with_max_retries(settings.max_retries)

    def __reduce__(self) -> tuple[type[Transport], tuple[TransportSettings]]:
        """Settings travel to other processes; connections and clients do not."""
        own = replace(self.settings, http_client=None, http_async_client=None)
        return Transport, (own,)

    def __deepcopy__(self, _memo: object) -> Transport:
        """A copy in this process shares the user's own clients."""
        return Transport(self.settings)

    def send(
        self,
        request: Request,
        *,
        timeout: Timeout | Unset = UNSET,
        max_retries: int | Unset = UNSET,
    ) -> Answer:
        """The whole answer to a request."""
        times = self._times_of(timeout)
        return self._repeated(
            request, max_retries, lambda: self._read(request, times, _answer)
        )

    async def asend(
        self,
        request: Request,
        *,
        timeout: Timeout | Unset = UNSET,
        max_retries: int | Unset = UNSET,
    ) -> Answer:
        """The whole answer to a request."""
        times = self._times_of(timeout)
        return await self._arepeated(
            request, max_retries, lambda: self._aread(request, times, _answer)
        )

    def call(self, request: Request) -> Any:
        """The `result` of a request to another part of Cloudflare's API."""
        return self._repeated(
            request, UNSET, lambda: self._read(request, self._times, _result)
        )

    async def acall(self, request: Request) -> Any:
        """The `result` of a request to another part of Cloudflare's API."""
        return await self._arepeated(
            request, UNSET, lambda: self._aread(request, self._times, _result)
        )

    @contextmanager
    def stream(
        self,
        request: Request,
        *,
        timeout: Timeout | Unset = UNSET,
        max_retries: int | Unset = UNSET,
    ) -> Iterator[PayloadStream]:
        """The payloads as they come; attempts are repeated until the first is there."""
        times = self._times_of(timeout)
        stream = self._repeated(
            request, max_retries, lambda: self._opened(request, times)
        )
        try:
            yield stream
        finally:
            stream.close()

    @asynccontextmanager
    async def astream(
        self,
        request: Request,
        *,
        timeout: Timeout | Unset = UNSET,
        max_retries: int | Unset = UNSET,
    ) -> AsyncIterator[AsyncPayloadStream]:
        """The payloads as they come; attempts are repeated until the first is there."""
        times = self._times_of(timeout)
        stream = await self._arepeated(
            request, max_retries, lambda: self._aopened(request, times)
        )
        try:
            yield stream
        finally:
            await stream.aclose()

    def close(self) -> None:
        """Give up the share in the process's connections."""
        self._shared = None
        _clients.release_sync(self)

    async def aclose(self) -> None:
        """Give up the share in the running loop's connections, and the process's."""
        await _clients.release_async(self)
        self.close()

    # ------------------------------------------------------------ attempts
    def _repeated(
        self, request: Request, max_retries: int | Unset, once: Callable[[], _T]
    ) -> _T:
        attempts = self._attempts(request, max_retries)
        while True:
            try:
                result = once()
            except CloudflareGeminiError as error:
                delay = attempts.delay_after(error)
                if delay is None:
                    raise
            else:
                attempts.succeeded()
                return result
            self._sleep(delay)

    async def _arepeated(
        self,
        request: Request,
        max_retries: int | Unset,
        once: Callable[[], Awaitable[_T]],
    ) -> _T:
        attempts = self._attempts(request, max_retries)
        while True:
            try:
                result = await once()
            except CloudflareGeminiError as error:
                delay = attempts.delay_after(error)
                if delay is None:
                    raise
            else:
                attempts.succeeded()
                return result
            await self._asleep(delay)

    def _attempts(self, request: Request, max_retries: int | Unset) -> Attempts:
        policy = self._policy
        if max_retries is not UNSET:
            policy = policy.with_max_retries(max_retries)
        budget = self.settings.retry_budget
        if budget is None:
            budget = budget_from_host(urlsplit(request.url).netloc)
        return Attempts(policy, budget)

    def _times_of(self, timeout: Timeout | Unset) -> Times:
        return self._times if timeout is UNSET else times_from_timeout(timeout)

    # ------------------------------------------------------------ exchanges
    def _read(self, request: Request, times: Times, read: Callable[[Body], _T]) -> _T:
        opener = self._opener()
        attempt = Attempt(request, times, times.total, self._clock)
        error = None
        try:
            body = self._body(opener, request, attempt)
        except opener.faults as fault:
            error = attempt.error_from(fault)
        if error is not None:
            raise error
        return read(body)

    async def _aread(
        self, request: Request, times: Times, read: Callable[[Body], _T]
    ) -> _T:
        opener = await self._aopener()
        attempt = Attempt(request, times, times.total, self._clock)
        error = None
        try:
            async with asyncio.timeout(times.total):
                body = await self._abody(opener, request, attempt)
        except opener.faults as fault:
            error = attempt.error_from(fault)
        if error is not None:
            raise error
        return read(body)

    def _body(self, opener: Opener, request: Request, attempt: Attempt) -> Body:
        exchange = opener.open(request, attempt)
        ended = False
        try:
            body = attempt.begin(exchange.response, self.settings.max_answer_bytes)
            for raw in exchange.response.stream:  # type: ignore[union-attr]
                body.keep(raw)
                attempt.check_deadline()
                if body.is_full:
                    return body
            ended = True
        finally:
            exchange.close(ended=ended)
        return body

    async def _abody(
        self, opener: AsyncOpener, request: Request, attempt: Attempt
    ) -> Body:
        exchange = await opener.open(request, attempt)
        ended = False
        try:
            body = attempt.begin(exchange.response, self.settings.max_answer_bytes)
            async for raw in exchange.response.stream:  # type: ignore[union-attr]
                body.keep(raw)
                attempt.check_deadline()
                if body.is_full:
                    return body
            ended = True
        finally:
            await exchange.aclose(ended=ended)
        return body

    def _opened(self, request: Request, times: Times) -> PayloadStream:
        opener = self._opener()
        attempt = Attempt(request, times, times.idle, self._clock)
        error = None
        try:
            exchange = opener.open(request, attempt)
        except opener.faults as fault:
            error = attempt.error_from(fault)
        if error is not None:
            raise error
        is_primed = False
        try:
            body = attempt.begin(exchange.response, self.settings.max_answer_bytes)
            stream = PayloadStream(exchange, attempt, body, times, opener.faults)
            stream.prime()
            is_primed = True
        finally:
            if not is_primed:
                exchange.close(ended=False)
        return stream

    async def _aopened(self, request: Request, times: Times) -> AsyncPayloadStream:
        opener = await self._aopener()
        attempt = Attempt(request, times, times.idle, self._clock)
        error = None
        try:
            async with asyncio.timeout(times.idle):
                exchange = await opener.open(request, attempt)
        except opener.faults as fault:
            error = attempt.error_from(fault)
        if error is not None:
            raise error
        is_primed = False
        try:
            body = attempt.begin(exchange.response, self.settings.max_answer_bytes)
            stream = AsyncPayloadStream(exchange, attempt, body, times, opener.faults)
            await stream.prime()
            is_primed = True
        finally:
            if not is_primed:
                await exchange.aclose(ended=False)
        return stream

    # ------------------------------------------------------------ connections
    def _opener(self) -> Opener:
        if self.settings.http_client is not None:
            return _clients.UserClient(self.settings.http_client)
        if self._shared is None or not self._shared.is_open:
            self._shared = _clients.sync_connections(self)
        return self._shared

    async def _aopener(self) -> AsyncOpener:
        if self.settings.http_async_client is not None:
            return _clients.AsyncUserClient(self.settings.http_async_client)
        backend = self.settings.async_backend
        shared = _clients.current_connections(self, backend)
        return shared or await _clients.async_connections(self, backend)


def _answer(body: Body) -> Answer:
    return Answer(*payloads_from_answer(body))


def _result(body: Body) -> Any:
    if body.is_error:
        raise error_from_body(body.whole(), body.context)
    return result_from_body(body.whole(), body.context)

"""Requests in, what a reader makes of their answers out: attempts, deadlines, streams.

Times. A number is, for a whole answer, the deadline of one attempt, and for a stream
the longest wait for the next payload, in which the caller's own time does not count;
connecting takes 10 seconds of it at most. A `Timeout` of httpx2 or httpx is taken at
its word, with no deadline beside it; None waits for ever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypedDict, TypeVar, Unpack
from urllib.parse import urlsplit

from langchain_cf_gemini._http import interrupts
from langchain_cf_gemini._http.attempt import (
    DEFAULT_TIMEOUT,
    Attempt,
    Timeout,
    Times,
    times_from_timeout,
)
from langchain_cf_gemini._http.body import Body, PayloadsReader, Reader
from langchain_cf_gemini._http.limits import (
    Attempts,
    SharedLimits,
    limits_from_request,
)
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._http.retries import RetryPolicy
from langchain_cf_gemini._http.seam import Backend, Exchange, run
from langchain_cf_gemini._http.with_sockets import backends
from langchain_cf_gemini.exceptions import CloudflareGeminiError, ResponseFormatError

_A = TypeVar("_A")
_T = TypeVar("_T")
_R = TypeVar("_R", bound=PayloadsReader[Any])
Payload = dict[str, Any]


class Limits(TypedDict, total=False):
    """What one call may say otherwise than the settings."""

    timeout: Timeout
    max_retries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """How requests are sent.

    Attributes:
        max_retries: Repetitions of a failed attempt; 0 is one attempt.
        timeout: Seconds, a `Timeout` of httpx2 or httpx, or None; see the module.
        http_client: A client of the caller's own for blocking calls (httpx2, httpx).
        http_async_client: The same for asyncio.
        max_answer_bytes: Most bytes of one answer or stream, compressed and not.
        retry: How long to wait between attempts.
        adaptive_rate: Whether to follow a rate limit that the far side shows.
        shared: What calls share about the far side; if None, what the process does.
    """

    max_retries: int = 2
    timeout: Timeout = DEFAULT_TIMEOUT
    http_client: Any = None
    http_async_client: Any = None
    max_answer_bytes: int = 128 * 2**20
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    adaptive_rate: bool = True
    shared: SharedLimits | None = None


class Transport:
    """Sends requests for as many threads and event loops as there are.

    Building one costs nothing: connections are made when first used, and shared with
    every other transport. `close` and `aclose` only give up this transport's share;
    after the last one, connections close as soon as their calls have ended. A closed
    transport may be used again.

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
        sleep: Callable[[float], None] = interrupts.sleep,
        asleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._sleep = sleep
        self._asleep = asleep
        self._clock = clock
        self._times = times_from_timeout(settings.timeout)
        self._policy = settings.retry.with_max_retries(settings.max_retries)

    def __reduce__(self) -> tuple[type[Transport], tuple[TransportSettings]]:
        """Settings travel to other processes; connections and clients do not."""
        own = replace(
            self.settings, http_client=None, http_async_client=None, shared=None
        )
        return Transport, (own,)

    def __deepcopy__(self, _memo: object) -> Transport:
        """A copy in this process shares the caller's own clients."""
        return Transport(self.settings)

    def send(
        self, request: Request, reader: Reader[_T], **limits: Unpack[Limits]
    ) -> _T:
        """What the reader makes of the whole answer to a request."""
        backend = self._blocking()
        return run(self._repeated(self._read, backend, request, reader, limits))

    async def asend(
        self, request: Request, reader: Reader[_T], **limits: Unpack[Limits]
    ) -> _T:
        """What the reader makes of the whole answer to a request."""
        backend = await self._asyncio()
        return await self._repeated(self._read, backend, request, reader, limits)

    @contextmanager
    def stream(
        self, request: Request, reader: _R, **limits: Unpack[Limits]
    ) -> Iterator[Stream[_R]]:
        """The payloads as they come; attempts are repeated until the first is there."""
        backend = self._blocking()
        stream = run(self._repeated(self._opened, backend, request, reader, limits))
        try:
            yield stream
        finally:
            run(stream.aclose())

    @asynccontextmanager
    async def astream(
        self, request: Request, reader: _R, **limits: Unpack[Limits]
    ) -> AsyncIterator[Stream[_R]]:
        """The payloads as they come; attempts are repeated until the first is there."""
        backend = await self._asyncio()
        stream = await self._repeated(self._opened, backend, request, reader, limits)
        try:
            yield stream
        finally:
            await stream.aclose()

    def close(self) -> None:
        """Give up the share in the process's connections."""
        backends.release_blocking(self)

    async def aclose(self) -> None:
        """Give up the share in the running loop's connections, and the process's."""
        await backends.release_on_asyncio(self)
        self.close()

    # ------------------------------------------------------------ attempts
    async def _repeated(
        self,
        once: Callable[[Backend, Request, _A, Times], Coroutine[Any, Any, _T]],
        backend: Backend,
        request: Request,
        reader: _A,
        limits: Limits,
    ) -> _T:
        attempts, times = self._attempts(request, limits), self._times
        if "timeout" in limits:
            times = times_from_timeout(limits["timeout"])
        while True:
            try:
                while (wait := attempts.wait()) is not None:
                    await self._pause(backend, wait)
                result = await once(backend, request, reader, times)
            except CloudflareGeminiError as error:
                delay = attempts.failed(error)
                if delay is None:
                    raise
                if isinstance(error, ResponseFormatError):
                    request = request.again()
            else:
                attempts.succeeded()
                return result
            finally:
                # Cancelled, for instance.
                attempts.leave()
            await self._pause(backend, delay)

    async def _pause(self, backend: Backend, seconds: float) -> None:
        if backend.is_blocking:
            self._sleep(seconds)
        else:
            await self._asleep(seconds)

    def _attempts(self, request: Request, limits: Limits) -> Attempts:
        policy = self._policy
        if "max_retries" in limits:
            policy = policy.with_max_retries(limits["max_retries"])
        return Attempts(
            policy,
            self.settings.shared or limits_from_request(request),
            host=urlsplit(request.url).netloc,
            paced=self.settings.adaptive_rate,
        )

    # ------------------------------------------------------------ exchanges
    async def _read(
        self, backend: Backend, request: Request, reader: Reader[_T], times: Times
    ) -> _T:
        attempt = Attempt(request, times.waits, times.total, self._clock)
        body: Body[_T] | None = None
        error = None
        try:
            async with backend.within(attempt):
                exchange = await backend.open(request, attempt)
                try:
                    body = self._body(exchange, attempt, reader)
                    while not body.is_over:
                        attempt.check_deadline()
                        body.take(await exchange.read(attempt))
                finally:
                    ended = body is not None and body.is_read_to_end
                    await exchange.aclose(ended=ended)
        except backend.faults as fault:
            error = attempt.error_from(fault)
        if error is not None:
            if body is None:
                raise error
            body.fail(error)
        assert body is not None
        return body.result()

    async def _opened(
        self, backend: Backend, request: Request, reader: _R, times: Times
    ) -> Stream[_R]:
        attempt = Attempt(request, times.waits, times.idle, self._clock)
        error = None
        try:
            async with backend.within(attempt):
                exchange = await backend.open(request, attempt)
        except backend.faults as fault:
            error = attempt.error_from(fault)
        if error is not None:
            raise error
        is_begun = False
        try:
            body = self._body(exchange, attempt, reader)
            stream = Stream(backend, exchange, attempt, body, reader, times.idle)
            await stream.fill()
            is_begun = True
        finally:
            if not is_begun:
                await exchange.aclose(ended=False)
        return stream

    def _body(
        self, exchange: Exchange, attempt: Attempt, reader: Reader[_T]
    ) -> Body[_T]:
        head = attempt.head(exchange.response)
        return Body(head, reader, self.settings.max_answer_bytes)

    # ------------------------------------------------------------ connections
    def _blocking(self) -> Backend:
        if self.settings.http_client is not None:
            return backends.BlockingClient(self.settings.http_client)
        return backends.blocking(self)

    async def _asyncio(self) -> Backend:
        if self.settings.http_async_client is not None:
            return backends.AsyncioClient(self.settings.http_async_client)
        return await backends.on_asyncio(self)


class Stream(Generic[_R]):
    """The payloads of a stream one by one, for `for` and `async for`.

    Which of the two follows from who opened it: `Transport.stream` or `astream`.

    Attributes:
        reader: What reads the payloads; complete when the stream is.
    """

    def __init__(
        self,
        backend: Backend,
        exchange: Exchange,
        attempt: Attempt,
        body: Body[Any],
        reader: _R,
        idle: float | None,
    ) -> None:
        self.reader = reader
        self._backend = backend
        self._exchange = exchange
        self._attempt = attempt
        self._body = body
        self._idle = idle
        self._ready = reader.ready

    def __iter__(self) -> Stream[_R]:
        return self

    def __next__(self) -> Payload:
        if not self._ready:
            self._attempt.postpone_deadline(self._idle)
            run(self.fill())
        if not self._ready:
            raise StopIteration
        return self._ready.popleft()

    def __aiter__(self) -> Stream[_R]:
        return self

    async def __anext__(self) -> Payload:
        if not self._ready:
            self._attempt.postpone_deadline(self._idle)
            await self.fill()
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()

    async def fill(self) -> None:
        """Read until there is a payload, or the end, or the attempt's time is up."""
        body, error = self._body, None
        try:
            async with self._backend.within(self._attempt):
                while not self._ready and not body.is_over:
                    self._attempt.check_deadline()
                    body.take(await self._exchange.read(self._attempt))
        except self._backend.faults as fault:
            error = self._attempt.error_from(fault)
        if error is not None:
            body.fail(error)
        # What came before it in the same bytes comes first.
        if body.error is not None and not self._ready:
            failure, body.error = body.error, None
            raise failure

    async def aclose(self) -> None:
        """Free the connection, or close it if the answer was not read to its end."""
        self._body.is_over = True
        await self._exchange.aclose(ended=self._body.is_read_to_end)

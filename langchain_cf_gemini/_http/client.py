"""Requests in, what a reader makes of their answers out: attempts, deadlines, streams.

Times. A number is, for a whole answer, the deadline of one attempt, and for a stream
the longest wait for the next payload, in which the caller's own time does not count;
connecting takes 10 seconds of it at most. A `Timeout` of httpx2 or httpx is taken at
its word, with no deadline beside it; None waits for ever.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypedDict, TypeVar, Unpack

from langchain_cf_gemini._http import interrupts
from langchain_cf_gemini._http.attempt import (
    DEFAULT_TIMEOUT,
    Attempt,
    Timeout,
    times_from_timeout,
)
from langchain_cf_gemini._http.body import Body, PayloadsReader, Reader
from langchain_cf_gemini._http.faults import is_fault
from langchain_cf_gemini._http.limits import (
    Attempts,
    SharedLimits,
    limits_from_request,
)
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._http.retries import RetryPolicy
from langchain_cf_gemini._http.seam import AwaitedBackend, Backend, Exchange, run
from langchain_cf_gemini._http.with_sockets import backends
from langchain_cf_gemini.exceptions import CloudflareGeminiError, ResponseFormatError

_T = TypeVar("_T")
_R = TypeVar("_R", bound=Reader[Any])
_P = TypeVar("_P", bound=PayloadsReader[Any])
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
        backend: What sends in the place of connections, for asyncio alone.
        max_answer_bytes: Most bytes of one answer or stream, compressed and not.
        retry: How long to wait between attempts.
        adaptive_rate: Whether to follow a rate limit that the far side shows.
        shared: What calls share about the far side; if None, what the process does.
    """

    max_retries: int = 2
    timeout: Timeout = DEFAULT_TIMEOUT
    http_client: Any = None
    http_async_client: Any = None
    backend: AwaitedBackend | None = None
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
        self._asleep = settings.backend.sleep if settings.backend else asleep
        self._clock = clock
        self._times = times_from_timeout(settings.timeout)
        self._policy = settings.retry.with_max_retries(settings.max_retries)

    def send(
        self, request: Request, reader: Reader[_T], **limits: Unpack[Limits]
    ) -> _T:
        """What the reader makes of the whole answer to a request."""
        return run(self._whole(self._blocking(), request, reader, limits))

    async def asend(
        self, request: Request, reader: Reader[_T], **limits: Unpack[Limits]
    ) -> _T:
        """What the reader makes of the whole answer to a request."""
        return await self._whole(await self._asyncio(), request, reader, limits)

    @contextmanager
    def stream(
        self, request: Request, reader: _P, **limits: Unpack[Limits]
    ) -> Iterator[Stream[_P]]:
        """The payloads as they come; attempts are repeated until the first is there."""
        stream = Stream(self._blocking(), reader, self.settings.max_answer_bytes)
        run(self._begin(stream, request, limits, reader.ready))
        try:
            yield stream
        finally:
            run(stream.aclose())

    @asynccontextmanager
    async def astream(
        self, request: Request, reader: _P, **limits: Unpack[Limits]
    ) -> AsyncIterator[Stream[_P]]:
        """The payloads as they come; attempts are repeated until the first is there."""
        stream = Stream(await self._asyncio(), reader, self.settings.max_answer_bytes)
        await self._begin(stream, request, limits, reader.ready)
        try:
            yield stream
        finally:
            await stream.aclose()

    def require_blocking(self) -> None:
        """Raise what a blocking call would, if none can be made."""
        self._blocking()

    def close(self) -> None:
        """Give up the share in the process's connections."""
        if self.settings.backend is None:
            backends.release_blocking(self)

    async def aclose(self) -> None:
        """Give up the share in the running loop's connections, and the process's."""
        if self.settings.backend is None:
            await backends.release_on_asyncio(self)
        self.close()

    # ------------------------------------------------------------ attempts
    async def _whole(
        self, backend: Backend, request: Request, reader: Reader[_T], limits: Limits
    ) -> _T:
        answer = Stream(backend, reader, self.settings.max_answer_bytes)
        await self._begin(answer, request, limits, None)
        assert answer.body is not None
        whole: _T = answer.body.result()
        return whole

    async def _begin(
        self,
        stream: Stream[Any],
        request: Request,
        limits: Limits,
        ready: deque[Payload] | None,
    ) -> None:
        """Repeat attempts until one has a payload ready, or all if `ready` is None."""
        attempts, times = self._attempts(request, limits), self._times
        timeout = limits.get("timeout", self.settings.timeout)
        if timeout != self.settings.timeout:
            times = times_from_timeout(timeout)
        seconds = times.total if ready is None else times.idle
        while True:
            try:
                while (wait := attempts.wait()) is not None:
                    await self._pause(stream.backend, wait)
                attempt = Attempt(request, times.waits, seconds, self._clock)
                await stream.begin(attempt, ready)
            except CloudflareGeminiError as error:
                delay = attempts.failed(error)
                if delay is None:
                    raise
                if isinstance(error, ResponseFormatError):
                    request = request.again()
            else:
                attempts.succeeded()
                return
            finally:
                # Cancelled, for instance.
                attempts.leave()
            await self._pause(stream.backend, delay)

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
            host=request.host,
            paced=self.settings.adaptive_rate,
        )

    # ------------------------------------------------------------ connections
    def _blocking(self) -> Backend:
        if self.settings.backend is not None:
            raise NotImplementedError(
                "A Worker's binding is asynchronous. Use ainvoke, astream or abatch "
                "instead of invoke, stream or batch."
            )
        if self.settings.http_client is not None:
            return backends.BlockingClient(self.settings.http_client)
        return backends.blocking(self)

    async def _asyncio(self) -> Backend:
        if self.settings.backend is not None:
            return self.settings.backend
        if self.settings.http_async_client is not None:
            return backends.AsyncioClient(self.settings.http_async_client)
        return await backends.on_asyncio(self)


class Stream(Generic[_R]):
    """An answer on its way; its payloads one by one, for `for` and `async for`.

    Which of the two follows from who opened it: `Transport.stream` or `astream`.

    Args:
        backend: Who sends, and how to wait.
        reader: What reads the bytes.
        max_bytes: Most bytes of an answer.

    Attributes:
        reader: What reads the payloads; complete when the stream is.
        body: The answer's bytes, once its head is there.
    """

    def __init__(self, backend: Backend, reader: _R, max_bytes: int) -> None:
        self.backend = backend
        self.reader = reader
        self._max_bytes = max_bytes

    async def begin(self, attempt: Attempt, ready: deque[Payload] | None) -> None:
        """Send a request, and read its answer.

        Args:
            attempt: The request and its time.
            ready: Where payloads come, of which one is enough; None reads to the end.
        """
        self._attempt = attempt
        self._exchange: Exchange | None = None
        self.body: Body[Any] | None = None
        self._ready: deque[Payload] | tuple[()] = () if ready is None else ready
        is_begun = False
        try:
            await self._fill()
            is_begun = ready is not None
        finally:
            if not is_begun:
                await self.aclose()

    async def aclose(self) -> None:
        """Free the connection, or close it if the answer was not read to its end."""
        body, exchange = self.body, self._exchange
        if body is not None:
            body.is_over = True
        if exchange is not None:
            await exchange.aclose(ended=body is not None and body.is_read_to_end)

    def __iter__(self) -> Stream[_R]:
        return self

    def __next__(self) -> Payload:
        if not self._ready:
            self._attempt.begin_anew()
            run(self._fill())
        if not self._ready:
            raise StopIteration
        return self._ready.popleft()

    def __aiter__(self) -> Stream[_R]:
        return self

    async def __anext__(self) -> Payload:
        if not self._ready:
            self._attempt.begin_anew()
            await self._fill()
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()

    async def _fill(self) -> None:
        """Read until there is a payload, or the end, or the attempt's time is up."""
        error = None
        try:
            await self.backend.within(self._attempt, self._read())
        except Exception as fault:
            if not is_fault(fault):
                raise
            error = self._attempt.error_from(fault)
        body = self.body
        if body is None:
            assert error is not None
            raise error
        if error is not None:
            body.fail(error)
        # What came before it in the same bytes comes first.
        if body.error is not None and not self._ready:
            failure, body.error = body.error, None
            raise failure

    async def _read(self) -> None:
        attempt = self._attempt
        if self._exchange is None:
            self._exchange = await self.backend.open(attempt.request, attempt)
            head = attempt.head(self._exchange.response)
            self.body = Body(head, self.reader, self._max_bytes)
        body, read = self.body, self._exchange.read
        assert body is not None
        while not (self._ready or body.is_over):
            attempt.check_deadline()
            body.take(await read(attempt))

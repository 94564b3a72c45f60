"""Streams of payloads, for threads and for asyncio; the two differ in `await` alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_cf_gemini._cloudflare.answers import PayloadReader
from langchain_cf_gemini._cloudflare.envelope import Payload
from langchain_cf_gemini._http.attempt import Attempt, Times
from langchain_cf_gemini._http.backends import Faults
from langchain_cf_gemini._http.body import Body
from langchain_cf_gemini._http.connections import AsyncExchange, Exchange
from langchain_cf_gemini.exceptions import CloudflareGeminiError


class _Stream:
    """What both streams know: the payloads that are there, and the time for more.

    Attributes:
        gateway: What the gateway says of itself; complete when the stream is.
    """

    def __init__(
        self, attempt: Attempt, body: Body, times: Times, faults: Faults
    ) -> None:
        self._attempt = attempt
        self._idle = times.idle
        self._faults = faults
        self._body = body
        self._reader = PayloadReader(body)
        self._ready = self._reader.ready
        self._failure: CloudflareGeminiError | None = None
        self._is_over = False
        self._is_read_to_end = False
        self.gateway: dict[str, Any] = self._reader.gateway

    def _take(self, raw: bytes | None) -> None:
        """Take bytes, or the end; a stream that only drips runs out of time."""
        try:
            if raw is None:
                self._is_over = self._is_read_to_end = True
                self._reader.end()
            else:
                self._reader.feed(raw)
                if self._body.is_full:
                    self._is_over = True
                    self._reader.end()
        except CloudflareGeminiError as error:
            # The payloads before it in the same bytes come first.
            self._failure = error
        if self._ready:
            self._attempt.postpone_deadline(self._idle)
        elif self._failure is None:
            self._attempt.check_deadline()

    def _raise_failure(self) -> None:
        """Raise what ended the stream, when all before it was taken."""
        if self._failure is not None and not self._ready:
            failure, self._failure = self._failure, None
            self._is_over = True
            raise failure


class PayloadStream(_Stream, Iterator[Payload]):
    """The payloads of a stream, one by one."""

    def __init__(
        self,
        exchange: Exchange,
        attempt: Attempt,
        body: Body,
        times: Times,
        faults: Faults,
    ) -> None:
        super().__init__(attempt, body, times, faults)
        self._exchange = exchange
        self._raw: Iterator[bytes] = iter(exchange.response.stream)  # type: ignore[arg-type]

    def __next__(self) -> Payload:
        if not self._ready:
            self.prime()
        if not self._ready:
            raise StopIteration
        return self._ready.popleft()

    def prime(self) -> None:
        """Read until there is a payload, or the end."""
        self._raise_failure()
        while not self._ready and not self._is_over:
            try:
                self._take(next(self._raw, None))
            except self._faults as fault:
                self._failure = self._attempt.error_from(fault)
            self._raise_failure()

    def close(self) -> None:
        """Free the connection, or close it if the answer was not read to its end."""
        self._is_over = True
        self._exchange.close(ended=self._is_read_to_end)


class AsyncPayloadStream(_Stream, AsyncIterator[Payload]):
    """The payloads of a stream, one by one, for asyncio."""

    def __init__(
        self,
        exchange: AsyncExchange,
        attempt: Attempt,
        body: Body,
        times: Times,
        faults: Faults,
    ) -> None:
        super().__init__(attempt, body, times, faults)
        self._exchange = exchange
        self._raw: AsyncIterator[bytes] = aiter(exchange.response.stream)  # type: ignore[arg-type]

    async def __anext__(self) -> Payload:
        if not self._ready:
            await self.prime()
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()

    async def prime(self) -> None:
        """Read until there is a payload, or the end."""
        self._raise_failure()
        while not self._ready and not self._is_over:
            try:
                self._take(await anext(self._raw, None))
            except self._faults as fault:
                self._failure = self._attempt.error_from(fault)
            self._raise_failure()

    async def aclose(self) -> None:
        """Free the connection, or close it if the answer was not read to its end."""
        self._is_over = True
        await self._exchange.aclose(ended=self._is_read_to_end)

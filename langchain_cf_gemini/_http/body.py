"""The bytes of an answer as they come in: inflated, and never more than a limit."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from langchain_cf_gemini._cloudflare.endpoints import Request
from langchain_cf_gemini._cloudflare.envelope import Context, format_error

# Of the body of an error no more is read than a message and its details can need.
ERROR_BYTES = 1 << 20


class Body:
    """Takes the raw bytes of one response.

    Args:
        request: What was asked, for its credentials, which errors must not repeat.
        status: HTTP status of the response.
        headers: Headers of the response.
        max_bytes: Most bytes of an answer, before and after inflating.
    """

    def __init__(
        self, request: Request, status: int, headers: Mapping[str, str], max_bytes: int
    ) -> None:
        self.context = Context(status, headers, request.secrets)
        self.is_error = not 200 <= status < 300
        self.is_events = "event-stream" in headers.get("content-type", "")
        self._max_bytes = ERROR_BYTES if self.is_error else max_bytes
        self._received = 0
        self._size = 0
        self._inflate = self._inflater(headers.get("content-encoding", ""))
        self._chunks: list[bytes] = []

    @property
    def is_full(self) -> bool:
        """Whether an error's body has told enough."""
        return self.is_error and self._size > self._max_bytes

    def feed(self, raw: bytes) -> bytes:
        """The bytes that these stand for; a typed error beyond the limit."""
        data = self._inflate.feed(raw, self._max_bytes) if self._inflate else raw
        self._received += len(raw)
        self._size += len(data)
        if max(self._size, self._received) > self._max_bytes and not self.is_error:
            raise format_error(
                f"more than {self._max_bytes:,} bytes; reading was stopped (the limit "
                "is max_answer_bytes)",
                self.context,
            )
        return data

    def keep(self, raw: bytes) -> None:
        """Feed and keep the bytes for `whole`."""
        self._chunks.append(self.feed(raw))

    def whole(self) -> bytes:
        """All bytes that were kept."""
        self.end()
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def end(self) -> None:
        """A typed error if the compressed bytes were cut."""
        if self._inflate and not self._inflate.is_whole and not self.is_error:
            raise format_error(
                "a compressed body that ends too soon", self.context, is_retryable=True
            )

    def _inflater(self, encoding: str) -> _Inflater | None:
        if encoding.strip().lower() in ("", "identity"):
            return None
        if encoding.strip().lower() in ("gzip", "x-gzip", "deflate"):
            return _Inflater(self.context)
        raise format_error(
            f"content-encoding {encoding!r}, which was not asked for", self.context
        )


class _Inflater:
    """gzip and zlib, one limited piece at a time, so that a bomb stays small."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._begin()
        self._is_begun = False

    def _begin(self) -> None:
        # 32 lets zlib tell gzip from deflate by the first bytes.
        self._zlib = zlib.decompressobj(32 + zlib.MAX_WBITS)

    @property
    def is_whole(self) -> bool:
        return self._zlib.eof or not self._is_begun

    def feed(self, raw: bytes, max_bytes: int) -> bytes:
        """Inflate; at most one byte more than the limit comes out."""
        self._is_begun = self._is_begun or bool(raw)
        try:
            data = self._zlib.decompress(raw, max_bytes + 1)
            # A body may be several gzip members, one after the other.
            while (rest := self._zlib.unused_data) and len(data) <= max_bytes:
                self._begin()
                data += self._zlib.decompress(rest, max_bytes + 1)
        except zlib.error:
            data = None
        if data is None:
            raise format_error("broken compression", self._context, is_retryable=True)
        return data

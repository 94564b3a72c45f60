"""The bytes of an answer as they come in: inflated, and never more than a limit."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from langchain_cf_gemini._http.faults import without_secrets
from langchain_cf_gemini.exceptions import CloudflareGeminiError

# Of the body of an error no more is read than a message and its details can need.
ERROR_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"  # how a member begins

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of an answer before its body.

    Attributes:
        status: HTTP status.
        headers: By their names in lower case.
        secrets: Credentials of the request, which no error may repeat.
        service: What was asked, in a word.
        is_trusted: Whether the same credentials were let in a moment ago.
    """

    status: int
    headers: Mapping[str, str]
    secrets: list[str] = field(default_factory=list, repr=False)
    service: str = ""
    is_trusted: bool = False

    @property
    def is_error(self) -> bool:
        """Whether the body can only be an error's."""
        return not 200 <= self.status < 300

    def shown(self, value: Any) -> Any:
        """What of an answer may be shown: a text, or JSON, without the credentials."""
        return without_secrets(value, self.secrets)


class Reader(Protocol[_T_co]):
    """Makes sense of an answer's bytes; it knows what they mean, this wing does not."""

    def begin(self, head: Head) -> None:
        """Begin an answer, and forget what an attempt before it read."""

    def feed(self, data: bytes) -> None:
        """Take bytes of the body, inflated; a typed error if they are wrong."""

    def end(self) -> _T_co:
        """Take the end: what the answer says, or a typed error."""

    def broken(self, what: str, *, is_retryable: bool = False) -> CloudflareGeminiError:
        """The error of a body that cannot be read."""


class PayloadsReader(Reader[_T_co], Protocol[_T_co]):
    """A reader that has payloads before the end."""

    ready: deque[dict[str, Any]]


class Body(Generic[_T]):
    """Takes the raw bytes of one response and hands them on to its reader.

    The status decides: of an error, a body that cannot be read is left out.

    Args:
        head: The response's status and headers.
        reader: Reads the bytes.
        max_bytes: Most bytes of an answer, before and after inflating.

    Attributes:
        error: What went wrong, without the frames that saw it: they hold the bytes.
        is_over: Whether no more bytes are wanted.
        is_read_to_end: Whether the last byte was taken.
    """

    def __init__(self, head: Head, reader: Reader[_T], max_bytes: int) -> None:
        self.error: CloudflareGeminiError | None = None
        self.is_over = False
        self.is_read_to_end = False
        self._is_error = head.is_error
        self._reader = reader
        self._max_bytes = ERROR_BYTES if head.is_error else max_bytes
        self._received = 0
        self._size = 0
        reader.begin(head)
        self._inflater: _Inflater | None = None
        encoding = head.headers.get("content-encoding", "").strip().lower()
        if encoding in ("gzip", "x-gzip", "deflate"):
            self._inflater = _Inflater()
        elif encoding not in ("", "identity"):
            self._break(f"an unexpected content-encoding {encoding!r}")

    def take(self, raw: bytes | None) -> None:
        """Take bytes as they come from the wire, or None for their end."""
        try:
            if raw is None:
                self.is_read_to_end = True
                self._end()
            else:
                self._feed(raw)
        except CloudflareGeminiError as error:
            self.is_over = True
            self.error = error.with_traceback(None)
        except RecursionError:
            self._break("a response that is nested too deep")

    def fail(self, error: CloudflareGeminiError) -> None:
        """Take that the rest does not come."""
        self._break(error)

    def result(self) -> _T:
        """What the whole answer says, or what went wrong."""
        if self.error is not None:
            raise self.error
        return self._result

    def _feed(self, raw: bytes) -> None:
        data: bytes | None = raw
        if self._inflater is not None:
            data = self._inflater.feed(raw, self._max_bytes)
        self._received += len(raw)
        self._size += len(data or b"")
        if max(self._size, self._received) > self._max_bytes:
            self._break(
                f"a response of more than {self._max_bytes:,} bytes, so reading was "
                "stopped"
            )
        elif data is None:
            self._break("a response with broken compression", is_retryable=True)
        else:
            self._reader.feed(data)

    def _end(self) -> None:
        self.is_over = True
        if self._inflater is not None and not self._inflater.is_whole:
            self._break("an incomplete compressed response", is_retryable=True)
        else:
            self._result = self._reader.end()

    def _break(
        self, what: str | CloudflareGeminiError, *, is_retryable: bool = False
    ) -> None:
        """End here; of an error's body, what came before has told enough."""
        if self.is_over and self.error is not None:
            return
        self.is_over = True
        if self._is_error:
            self._inflater = None
            self.take(None)
            self.is_read_to_end = False
        elif isinstance(what, str):
            self.error = self._reader.broken(what, is_retryable=is_retryable)
        else:
            self.error = what


class _Inflater:
    """gzip and zlib, one limited piece at a time, so that a bomb stays small."""

    def __init__(self) -> None:
        self._begin()
        self._is_begun = False

    def _begin(self) -> None:
        # 32 lets zlib tell gzip from deflate by the first bytes.
        self._zlib = zlib.decompressobj(32 + zlib.MAX_WBITS)

    @property
    def is_whole(self) -> bool:
        return self._zlib.eof or not self._is_begun

    def feed(self, raw: bytes, max_bytes: int) -> bytes | None:
        """Inflate; at most a byte more than the limit, None for what is no zlib."""
        self._is_begun = self._is_begun or bool(raw)
        try:
            data = self._zlib.decompress(raw, max_bytes + 1)
            # A body may be several gzip members, one after the other. What follows and
            # is none, such as zeros, is left out, as by any other reader of gzip.
            while (rest := self._zlib.unused_data).startswith(_GZIP) and (
                len(data) <= max_bytes
            ):
                self._begin()
                data += self._zlib.decompress(rest, max_bytes + 1)
        except zlib.error:
            return None
        return data

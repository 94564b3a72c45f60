"""Bytes of an answer to payloads, whole or as they come, by the content type."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from langchain_cf_gemini._cloudflare.envelope import (
    Payload,
    json_from_text,
    payloads_from_body,
    payloads_from_json,
    result_from_body,
)
from langchain_cf_gemini._cloudflare.errors import error_from_body, format_error
from langchain_cf_gemini._cloudflare.events import EventDecoder
from langchain_cf_gemini._cloudflare.gateway_facts import gateway_from_head
from langchain_cf_gemini._http.body import Head
from langchain_cf_gemini._http.faults import without_secrets
from langchain_cf_gemini.exceptions import CloudflareGeminiError

# What only the slow way reads.
_MORE = frozenset({"error", "gatewayMetadata"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: normally one payload, and what the gateway says of itself."""

    payloads: list[Payload]
    gateway: dict[str, Any]


class _WholeBody:
    """Keeps the bytes of a body; the error of a status that is one."""

    def __init__(self) -> None:
        self.begin(Head(200, {}))

    def begin(self, head: Head) -> None:
        """Begin an answer, and forget what an attempt before it read."""
        self._head = head
        self._chunks: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Take bytes of the body."""
        self._chunks.append(data)

    def whole(self) -> bytes:
        """All bytes of the body, if it is not an error's."""
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if self._head.is_error:
            raise error_from_body(body, self._head)
        return body

    def broken(self, what: str, *, is_retryable: bool = False) -> CloudflareGeminiError:
        """The error of a body that cannot be read."""
        return format_error(what, self._head, is_retryable=is_retryable)


class ResultReader(_WholeBody):
    """Reads the `result` of an answer of Cloudflare's API that is not a model's."""

    def end(self) -> Any:
        """The result, or a typed error."""
        return result_from_body(self.whole(), self._head)


class AnswerReader(_WholeBody):
    """Reads the payloads of a model's answer, of JSON or server-sent events.

    What came before an error is in `ready` when the error is raised.

    Attributes:
        ready: The payloads that are whole.
        gateway: What the gateway says of itself; complete at the end.
    """

    def __init__(self) -> None:
        self.ready: deque[Payload] = deque()
        super().__init__()

    def begin(self, head: Head) -> None:
        """Begin an answer, and forget what an attempt before it read."""
        super().begin(head)
        self.ready.clear()
        self.gateway = gateway_from_head(head)
        is_events = "event-stream" in head.headers.get("content-type", "")
        self._events = EventDecoder() if is_events and not head.is_error else None
        self._has_payload = False
        self._is_finished = False

    def feed(self, data: bytes) -> None:
        """Take bytes of the body; a typed error if an event is one."""
        if self._events is None:
            super().feed(data)
        else:
            for event in self._events.feed(data):
                self._read(event)

    def end(self) -> Answer:
        """The whole answer, or a typed error if it is not one."""
        if self._events is None:
            # Guardrails answer a stream request with one JSON body.
            self._keep(*payloads_from_body(self.whole(), self._head))
        else:
            self._end_events(self._events)
        return Answer(list(self.ready), self.gateway)

    def _end_events(self, events: EventDecoder) -> None:
        for event in events.flush():
            self._read(event)
        if not self._has_payload:
            raise self.broken("an empty stream", is_retryable=True)
        if not self._is_finished:
            raise self.broken(
                "a stream that ends without a finishReason: the answer was cut short"
            )

    def _read(self, event: str) -> None:
        try:
            value = from_json(event)
        except ValueError:
            value = json_from_text(event, self._head)
        # Nearly every event is a bare payload; unwrapping it would take a microsecond.
        if type(value) is dict and "candidates" in value and not value.keys() & _MORE:
            self._keep([value], None)
        else:
            self._keep(*payloads_from_json(value, self._head))

    def _keep(self, payloads: list[Payload], metadata: Payload | None) -> None:
        if metadata:
            self.gateway.update(without_secrets(metadata, self._head.secrets))
        self.ready.extend(payloads)
        self._has_payload = True
        if not self._is_finished:
            self._is_finished = any(map(_is_last, payloads))


def _is_last(payload: Payload) -> bool:
    """Whether a payload says why the answer ends, or that the prompt was blocked."""
    candidates = payload.get("candidates")
    if isinstance(candidates, list):
        for candidate in candidates:
            if isinstance(candidate, dict) and candidate.get("finishReason"):
                return True
    return bool(payload.get("promptFeedback"))

"""Payloads of an answer, whole or in pieces, by the content type that came."""

from __future__ import annotations

from collections import deque
from typing import Any

from pydantic_core import from_json

from langchain_cf_gemini._cloudflare.endpoints import gateway_from_headers
from langchain_cf_gemini._cloudflare.envelope import (
    Payload,
    error_from_body,
    format_error,
    json_from_text,
    payloads_from_body,
    payloads_from_json,
)
from langchain_cf_gemini._cloudflare.events import EventDecoder
from langchain_cf_gemini._http.body import Body

# What only the slow way reads.
_MORE = frozenset({"error", "gatewayMetadata"})


def payloads_from_answer(body: Body) -> tuple[list[Payload], dict[str, Any]]:
    """The payloads of a whole answer, and what is said of the gateway."""
    reader = PayloadReader(body)
    if body.is_events and not body.is_error:
        reader.take(body.whole())
    reader.end()
    return list(reader.ready), reader.gateway


class PayloadReader:
    """Payloads from the bytes of an answer, as they come.

    What came before an error is in `ready` when the error is raised.

    Args:
        body: The answer, of which no byte was read yet.

    Attributes:
        ready: The payloads that are whole.
        gateway: What the gateway says of itself.
    """

    def __init__(self, body: Body) -> None:
        self.ready: deque[Payload] = deque()
        self.gateway: dict[str, Any] = gateway_from_headers(body.context.headers)
        self._body = body
        self._events = EventDecoder() if body.is_events else None
        self._has_payload = False
        self._is_finished = False

    def feed(self, raw: bytes) -> None:
        """Take bytes as they come from the wire."""
        if self._events is None or self._body.is_error:
            self._body.keep(raw)
        else:
            self.take(self._body.feed(raw))

    def take(self, data: bytes) -> None:
        """Take bytes of a stream, inflated."""
        if self._events is not None:
            for event in self._events.feed(data):
                self._read(event)

    def end(self) -> None:
        """Take the end; a typed error if the answer is not a whole one."""
        if self._body.is_error:
            raise error_from_body(self._body.whole(), self._body.context)
        if self._events is None:
            # Guardrails answer a stream request with one JSON body.
            self._keep(*payloads_from_body(self._body.whole(), self._body.context))
        else:
            self._end_events(self._events)

    def _end_events(self, events: EventDecoder) -> None:
        self._body.end()
        for event in events.flush():
            self._read(event)
        if not self._has_payload:
            raise format_error("an empty stream", self._body.context, is_retryable=True)
        if not self._is_finished:
            raise format_error(
                "a stream that ends without a finishReason: the answer was cut short",
                self._body.context,
            )

    def _read(self, event: str) -> None:
        try:
            value = from_json(event)
        except ValueError:
            value = json_from_text(event, self._body.context)
        # Nearly every event is a bare payload; unwrapping it would take a microsecond.
        if type(value) is dict and "candidates" in value and not value.keys() & _MORE:
            self._keep([value], None)
        else:
            self._keep(*payloads_from_json(value, self._body.context))

    def _keep(self, payloads: list[Payload], metadata: Payload | None) -> None:
        if metadata:
            self.gateway.update(metadata)
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

"""Payloads of an answer, whole or in pieces, by the content type that came."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from langchain_cf_gemini._body import Body
from langchain_cf_gemini._cloudflare import gateway_from_headers
from langchain_cf_gemini._envelope import (
    Context,
    Payload,
    error_from_body,
    format_error,
    json_from_text,
    payloads_from_body,
    payloads_from_json,
)
from langchain_cf_gemini._sse import EventDecoder


def payloads_from_answer(body: Body) -> tuple[list[Payload], dict[str, Any]]:
    """The payloads of a whole answer, and what is said of the gateway."""
    if body.is_error:
        raise error_from_body(body.whole(), body.context)
    reader = PayloadReader(body)
    payloads = reader.take(body.whole()) if body.is_events else []
    return payloads + reader.end(), reader.gateway


class PayloadReader:
    """Payloads from the bytes of an answer, as they come.

    Args:
        body: The answer, of which no byte was read yet.
    """

    def __init__(self, body: Body) -> None:
        self.gateway: dict[str, Any] = gateway_from_headers(body.context.headers)
        self._body = body
        self._context: Context = body.context
        self._events = EventDecoder() if body.is_events else None
        self._has_payload = False
        self._is_finished = False

    def feed(self, raw: bytes) -> list[Payload]:
        """The payloads that end within these bytes."""
        if self._events is None or self._body.is_error:
            self._body.keep(raw)
            return []
        return self.take(self._body.feed(raw))

    def take(self, data: bytes) -> list[Payload]:
        """The payloads that end within these bytes, which are inflated."""
        events = self._events.feed(data) if self._events else ()
        return [payload for event in events for payload in self._payloads(event)]

    def end(self) -> list[Payload]:
        """The last payloads; a typed error if the answer is not a whole one."""
        if self._body.is_error:
            raise error_from_body(self._body.whole(), self._context)
        if self._events is None:
            return self._whole()
        self._body.end()
        last = [p for event in self._events.flush() for p in self._payloads(event)]
        if not self._has_payload:
            raise format_error("an empty stream", self._context, is_retryable=True)
        if not self._is_finished:
            raise format_error(
                "a stream that ends without a finishReason: the answer was cut short",
                self._context,
            )
        return last

    def _whole(self) -> list[Payload]:
        """Guardrails answer a stream request with one JSON body."""
        payloads, metadata = payloads_from_body(self._body.whole(), self._context)
        self.gateway.update(metadata)
        return payloads

    def _payloads(self, event: str) -> list[Payload]:
        try:
            value = from_json(event)
        except ValueError:
            value = json_from_text(event, self._context)
        payloads, metadata = payloads_from_json(value, self._context)
        if metadata:
            self.gateway.update(metadata)
        self._has_payload = True
        self._is_finished = self._is_finished or any(map(_is_last, payloads))
        return payloads


def _is_last(payload: Payload) -> bool:
    """Whether a payload says why the answer ends, or that the prompt was blocked."""
    candidates = payload.get("candidates")
    if isinstance(candidates, list):
        for candidate in candidates:
            if isinstance(candidate, dict) and candidate.get("finishReason"):
                return True
    return bool(payload.get("promptFeedback"))

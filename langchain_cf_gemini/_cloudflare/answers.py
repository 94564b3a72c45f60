"""Bytes of an answer to payloads, whole or as they come, by the content type."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import deque
from dataclasses import dataclass
from typing import Any

from langchain_cf_gemini._cloudflare.envelope import (
    Payload,
    envelope_from_body,
    is_idle,
    json_from_text,
    payloads_from_body,
    payloads_from_json,
)
from langchain_cf_gemini._cloudflare.errors import error_from_body, format_error
from langchain_cf_gemini._cloudflare.events import EventDecoder
from langchain_cf_gemini._cloudflare.gateway_facts import (
    gateway_from_head,
    gateway_from_payload,
)
from langchain_cf_gemini._http.body import Head
from langchain_cf_gemini.exceptions import CloudflareGeminiError

_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_LONGEST_FIELD = max(map(len, _FIELDS))
# Keep-alives that are no JSON, under whatever event's name.
_IDLE_WORDS = frozenset({"ping", "pong", "heartbeat", "keepalive", "keep-alive"})
# What only the slow way reads.
_MORE = frozenset({"error", "gatewayMetadata"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: normally one payload, and what the gateway says of itself."""

    payloads: list[Payload]
    gateway: dict[str, Any]


class _WholeBody:
    """Keeps the bytes of a body; the error of a status that is one."""

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


class EnvelopeReader(_WholeBody):
    """Reads an answer of Cloudflare's API that is not a model's."""

    def end(self) -> Payload:
        """The envelope, which has a `result`, or a typed error."""
        return envelope_from_body(self.whole(), self._head)


class AnswerReader(_WholeBody):
    """Reads the payloads of a model's answer, of JSON or server-sent events.

    What came before an error is in `ready` when the error is raised.

    Attributes:
        ready: The payloads that are whole.
        gateway: What the gateway says of itself; complete at the end.
    """

    def __init__(self) -> None:
        self.ready: deque[Payload] = deque()
        self._waiting: list[Payload] = []
        self._given_up: list[list[Payload]] = []

    def begin(self, head: Head) -> None:
        """Begin an answer, and forget what an attempt before it read."""
        super().begin(head)
        self._given_up = self.attempts
        self.ready.clear()
        self.gateway = gateway_from_head(head)
        is_events = "event-stream" in head.headers.get("content-type", "").lower()
        self._events = EventDecoder() if is_events and not head.is_error else None
        self._is_told = is_events or head.is_error
        self._waiting = []
        self._has_answer = False
        self._is_finished = False
        self._idle: Any = None

    @property
    def attempts(self) -> list[list[Payload]]:
        """What each attempt has said, as far as it was not handed over."""
        return [*self._given_up, [*self._waiting, *self.ready]]

    def feed(self, data: bytes) -> None:
        """Take bytes of the body; a typed error if an event is one."""
        if not self._is_told:
            data = self._tell_form(data)
        if self._events is None:
            super().feed(data)
        else:
            for event in self._events.feed(data):
                self._read(event)

    def _tell_form(self, data: bytes) -> bytes:
        """Look whether a body of another content type, or none, is of events.

        Proxies were seen to lose the type, and to call a stream text/plain.
        """
        known = b"".join([*self._chunks, data])
        begun = known.removeprefix(BOM_UTF8).lstrip()
        self._is_told = len(begun) >= _LONGEST_FIELD or b"\n" in begun
        if not (self._is_told and begun.startswith(_FIELDS)):
            return data
        self._events, self._chunks = EventDecoder(), []
        return known

    def end(self) -> Answer:
        """The whole answer, or a typed error if it is not one."""
        if self._events is None:
            # Guardrails answer a stream request with one JSON body.
            self._keep(*payloads_from_body(self.whole(), self._head))
            # Feedback on the prompt without a reason is an answer of its own, too.
            feedback = (payload.get("promptFeedback") for payload in self._waiting)
            if not (self._has_answer or any(feedback)):
                raise self._nothing("a response without candidates")
            self.ready.extend(self._waiting)
        else:
            self._end_events(self._events)
        return Answer(list(self.ready), self.gateway)

    def _end_events(self, events: EventDecoder) -> None:
        for event in events.flush():
            self._read(event)
        if not self._has_answer:
            raise self._nothing("an empty stream")
        if not self._is_finished:
            raise self.broken(
                "a stream that ends without a finishReason, so the response is "
                "incomplete"
            )

    def _nothing(self, what: str) -> CloudflareGeminiError:
        """The error of an answer in which nothing was said."""
        odd = self._waiting or self._idle
        error = format_error(what, self._head, odd or None, is_retryable=True)
        for payload in self._waiting:
            error.details.update(self._head.shown(payload))
        return error

    def _read(self, event: str) -> None:
        if event[0] != "{" and event.strip().lower() in _IDLE_WORDS:
            return
        value = json_from_text(event, self._head)
        # Nearly every event is a bare payload; unwrapping it would take a microsecond.
        if type(value) is dict and "candidates" in value and _MORE.isdisjoint(value):
            self._keep([value], None)
        elif is_idle(value):
            self._keep_idle(value)
        else:
            self._keep(*payloads_from_json(value, self._head))

    def _keep(self, payloads: list[Payload], metadata: Payload | None) -> None:
        if metadata:
            self.gateway.update(self._head.shown(metadata))
        if not self._has_answer:
            # What comes before the first word is handed over with it: until then the
            # request may be sent again.
            self._has_answer = any(map(_says_anything, payloads))
            if not self._has_answer:
                self._waiting += payloads
                return
            self.ready.extend(self._waiting)
            self._waiting = []
        self.ready.extend(payloads)
        if not self._is_finished:
            self._is_finished = any(map(_is_last, payloads))

    def _keep_idle(self, value: Any) -> None:
        """Pass over an event that says nothing, but for the gateway's own words."""
        self._idle = value or self._idle
        if isinstance(value, dict):
            metadata = gateway_from_payload(value)
            self.gateway.update(self._head.shown(metadata))


def _listed(value: Any) -> list[Any]:
    """What may stand alone where a list is meant."""
    return value if isinstance(value, list) else [value]


def _first_candidate(payload: Payload) -> Payload:
    """The candidate that a stream carries; an index of 0 is left out on the wire."""
    for candidate in _listed(payload.get("candidates")):
        if isinstance(candidate, dict) and candidate.get("index") in (None, 0, "0"):
            return candidate
    return {}


def _is_reason(value: Any) -> bool:
    """Whether an enum has a value: neither unset nor its first, `*_UNSPECIFIED`."""
    word = str(value or "0")
    return word != "0" and not word.endswith("_UNSPECIFIED")


def _is_blocked(payload: Payload) -> bool:
    told = _listed(payload.get("promptFeedback"))
    return any(isinstance(f, dict) and _is_reason(f.get("blockReason")) for f in told)


def _says_anything(payload: Payload) -> bool:
    """Whether a payload holds parts, or a reason why there are none."""
    for candidate in _listed(payload.get("candidates")):
        if candidate and not isinstance(candidate, dict):
            return True  # of no form at all, which the parser refuses
        content = (candidate or {}).get("content")
        if content and (not isinstance(content, dict) or content.get("parts")):
            return True
    return _is_last(payload)


def _is_last(payload: Payload) -> bool:
    """Whether a payload says why the answer ends, or that the prompt was blocked."""
    reason = _first_candidate(payload).get("finishReason")
    return (reason is not None and _is_reason(reason)) or (
        "promptFeedback" in payload and _is_blocked(payload)
    )

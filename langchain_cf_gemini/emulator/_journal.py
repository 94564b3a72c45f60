"""What was asked and answered so far."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_cf_gemini.emulator._messages import Incoming, Outgoing

_SHOWN = 120
_MAX_READ = 32 << 20  # bytes; a longer answer is told by its size
_MODEL_ROUTES = ("run", "generateContent", "streamGenerateContent")


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and its answer.

    Attributes:
        number: 1 for the first exchange of this emulator.
        method: HTTP method.
        path: Path of the URL, without the query.
        headers: Request headers in lower case; secrets are "***".
        body: Parsed JSON body, exactly as it came; None if it was not JSON.
        route: "run", "generateContent", "streamGenerateContent", "countTokens", or the
            Cloudflare call.
        generation: The GenerateContentRequest in one spelling (camelCase), even where
            the client wrote snake_case.
        model: The model that was asked, as the request names it.
        status: HTTP status of the answer.
        response_headers: Its headers.
        response: Parsed JSON of the answer; of a stream, the list of its chunks.
        seconds: How long the emulator took.
        notes: Why it was answered so: scripted, documented, default, a rule, a fault.
    """

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None
    route: str = ""
    generation: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    status: int | None = None
    response_headers: Mapping[str, str] = field(default_factory=dict)
    response: Any = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def stream(self) -> bool:
        """Whether a stream was asked for."""
        return self.route == "streamGenerateContent"

    @property
    def contents(self) -> list[Mapping[str, Any]]:
        """The contents that were sent."""
        return list(self.generation.get("contents", ()))

    @property
    def parts(self) -> list[Mapping[str, Any]]:
        """All parts of all contents."""
        return [part for content in self.contents for part in content.get("parts", ())]

    @property
    def text(self) -> str:
        """The text of the latest user content that has any."""
        for content in reversed(self.contents):
            said = [p["text"] for p in content.get("parts", ()) if p.get("text")]
            if said and content.get("role", "user") == "user":
                return "\n".join(said)
        return ""

    @property
    def system(self) -> str:
        """The text of the system instruction."""
        instruction = self.generation.get("systemInstruction") or {}
        return "\n".join(p.get("text", "") for p in instruction.get("parts", ()))

    @property
    def function_names(self) -> list[str]:
        """The functions that were declared."""
        tools = self.generation.get("tools") or ()
        return [
            d["name"] for tool in tools for d in tool.get("functionDeclarations", ())
        ]

    @property
    def function_responses(self) -> dict[str, Any]:
        """What functions answered, by name: the `response` of the latest one."""
        found = [p["functionResponse"] for p in self.parts if "functionResponse" in p]
        return {item["name"]: item.get("response") for item in found}

    @property
    def answer_parts(self) -> list[Mapping[str, Any]]:
        """All parts of the answer's first candidate, of all chunks of a stream."""
        return [part for payload in _payloads(self.response) for part in _said(payload)]

    @property
    def answer(self) -> str:
        """The text of the answer, its calls, or the message of the error."""
        calls = [part["functionCall"] for part in self.answer_parts if _is_call(part)]
        texts = [part.get("text", "") for part in self.answer_parts]
        called = [f"{c['name']}({json.dumps(c.get('args', {}))})" for c in calls]
        return "".join(texts) + " ".join(called) or _error_message(self.response)

    def __str__(self) -> str:
        """One line for a log."""
        about = f" {self.model}" if self.model else ""
        why = f" ({'; '.join(self.notes)})" if self.notes else ""
        return (
            f"#{self.number} {self.method} {self.path}{about}{_quoted(self.text)} -> "
            f"{self.status}{_quoted(self.answer)} in {self.seconds * 1000:.0f} ms{why}"
        )


def _quoted(text: str) -> str:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f" {json.dumps(shown, ensure_ascii=False)}" if shown else ""


def _payloads(response: Any) -> list[Any]:
    """The Gemini responses in an answer: enveloped, plain, or many."""
    if isinstance(response, dict) and isinstance(response.get("result"), dict):
        return [response["result"]]
    return response if isinstance(response, list) else [response]


def _said(payload: Any) -> list[Mapping[str, Any]]:
    """The parts of the first candidate, or nothing if the shape is wrong."""
    try:
        parts = payload["candidates"][0]["content"]["parts"]
    except (KeyError, IndexError, TypeError):
        return []
    return [part for part in parts if isinstance(part, dict)]


def _is_call(part: Mapping[str, Any]) -> bool:
    called = part.get("functionCall")
    return isinstance(called, dict) and "name" in called


def _error_message(response: Any) -> str:
    """The message in any of the error shapes, if there is one."""
    if not isinstance(response, dict):
        return ""
    errors = response.get("error") or response.get("errors") or {}
    first = errors[0] if isinstance(errors, list) else errors
    return str(first.get("message", "")) if isinstance(first, dict) else ""


class Journal:
    """All exchanges, safe to read while the server runs."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._exchanges: list[Exchange] = []
        self._number = 0

    def open(self, incoming: Incoming) -> Exchange:
        """Note a request."""
        with self._lock:
            self._number += 1
            exchange = Exchange(
                number=self._number,
                method=incoming.method,
                path=incoming.path,
                headers=incoming.shown_headers,
                body=incoming.json(),
            )
            self._exchanges.append(exchange)
        return exchange

    def __iter__(self) -> Iterator[Exchange]:
        """The exchanges so far."""
        with self._lock:
            return iter(list(self._exchanges))

    def asked(self) -> list[Exchange]:
        """The exchanges that asked a model for content."""
        return [exchange for exchange in self if exchange.route in _MODEL_ROUTES]

    def clear(self) -> None:
        """Forget the exchanges; numbers go on."""
        with self._lock:
            self._exchanges.clear()


def close_exchange(exchange: Exchange, outgoing: Outgoing, seconds: float) -> None:
    """Note the answer."""
    exchange.status = outgoing.status
    exchange.response_headers = dict(outgoing.headers)
    exchange.response = _parsed(outgoing)
    exchange.seconds = seconds
    exchange.notes += [f"fault: {fault}" for fault in outgoing.faults]


def _parsed(outgoing: Outgoing) -> Any:
    if outgoing.length > _MAX_READ:
        return f"({outgoing.length} bytes)"
    text = outgoing.body.decode(errors="replace")
    if outgoing.is_stream:
        events = [line[6:] for line in text.split("\r\n") if line.startswith("data: ")]
        return [_json_or_text(event) for event in events]
    return _json_or_text(text)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text

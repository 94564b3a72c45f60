"""One request and its answer, as a test reads them."""

import json
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import count, groupby
from typing import Any, NamedTuple

from langchain_cf_gemini.emulator._google.generation import current_turn
from langchain_cf_gemini.emulator._refusals import reason_phrase

_SHOWN = 120
_TOLD = 2_000


class FunctionResponse(NamedTuple):
    """What a function answered.

    Attributes:
        id: The id of the call it answers; None if the request gives none.
        name: The function.
        response: Its `functionResponse.response`.
    """

    id: str | None
    name: str
    response: Any


@dataclass(slots=True, kw_only=True, eq=False)
class Exchange:
    """One request and its answer.

    Attributes:
        number: 1 for the first exchange of this emulator.
        method: HTTP method.
        path: Path of the URL, without the query.
        headers: Request headers in lower case; secrets are "***".
        body: Parsed JSON body, exactly as it came; None if it was not JSON.
        size: Bytes of both bodies.
        at: When it came, in seconds since the epoch.
        route: "run", "generateContent", "streamGenerateContent", "countTokens", or the
            Cloudflare call.
        generation: The GenerateContentRequest in one spelling (camelCase), even where
            the client wrote snake_case.
        model: The model that was asked, as the request names it.
        price: Dollars for a million tokens of input, of cached input and of output, by
            Cloudflare's catalogue; None if it lists none.
        key_source: Whose key paid: "Unified", "BYOK" or "Request".
        status: HTTP status of the answer; None if there was none.
        response_headers: Its headers.
        response: Parsed JSON of the answer; of a stream, the list of its chunks.
        seconds: From the request to the last byte of the answer.
        ended: How the answer ended: "complete", "closed" or "reset" by a fault, "client
            left", or "" while it is under way.
        notes: Why it was answered so: scripted, documented, default, a rule, a fault.
        error: What a script raised while it was answered.
    """

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None
    size: int = 0
    at: float = 0.0
    route: str = ""
    generation: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    price: Sequence[float] | None = None
    key_source: str = "Unified"
    status: int | None = None
    response_headers: Mapping[str, str] = field(default_factory=dict)
    response: Any = None
    seconds: float = 0.0
    ended: str = ""
    notes: list[str] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def asks(self) -> bool:
        """Whether a model was asked for content."""
        return self.route in ("run", "generateContent", "streamGenerateContent")

    @property
    def stream(self) -> bool:
        """Whether a stream was asked for."""
        return self.route == "streamGenerateContent"

    @property
    def is_error(self) -> bool:
        """Whether the client got no good answer: an error, or a broken connection."""
        broken = self.ended in ("closed", "reset")
        return broken or self.status is None or self.status >= 400

    @property
    def outcome(self) -> str:
        """Its end in words: "200 OK", "no answer, reset", "200 OK, client left"."""
        said = f"{self.status} {reason_phrase(self.status)}" if self.status else ""
        ended = "" if self.ended == "complete" else self.ended or "under way"
        return ", ".join(part for part in (said or "no answer", ended) if part)

    @property
    def contents(self) -> list[Mapping[str, Any]]:
        """The contents that were sent."""
        return list(self.generation.get("contents") or ())

    @property
    def parts(self) -> list[Mapping[str, Any]]:
        """All parts of all contents."""
        return _parts(self.contents)

    @property
    def turn(self) -> int:
        """How often the model has spoken in these contents; 0 for a first question."""
        turns = groupby(self.contents, key=lambda c: c.get("role") == "model")
        return sum(by_model for by_model, _ in turns)

    @property
    def text(self) -> str:
        """The text of the latest user content that has any."""
        asked = (_texts([c]) for c in reversed(self.contents) if _is_users(c))
        return "\n".join(next(filter(None, asked), ()))

    @property
    def system(self) -> str:
        """The text of the system instruction."""
        return "\n".join(_texts([self.generation.get("systemInstruction") or {}]))

    @property
    def function_names(self) -> list[str]:
        """The functions that were declared."""
        tools = self.generation.get("tools") or ()
        declared = (d for t in tools for d in t.get("functionDeclarations") or ())
        return [str(declaration.get("name")) for declaration in declared]

    @property
    def responses(self) -> list[FunctionResponse]:
        """What functions answered, all of them in order."""
        return _responses(self.contents)

    @property
    def function_responses(self) -> dict[str, Any]:
        """What functions answered, by the id of the call.

        Without an id it is the function's name, numbered from the second on.
        """
        found: dict[str, Any] = {}
        for answered in self.responses:
            key = name = answered.id or answered.name
            number = 1
            while key in found:
                number += 1
                key = f"{name}#{number}"
            found[key] = answered.response
        return found

    @property
    def results(self) -> list[FunctionResponse]:
        """What functions answered last: the responses that this request brings."""
        return _responses(self.contents[-1:])

    @property
    def told(self) -> str:
        """All text of the current turn: system, prompt, what functions answered."""
        turn = current_turn(self.contents)
        asked = _texts([content for content in turn if content.get("role") != "model"])
        answered = [shown_response(r.response) for r in _responses(turn)]
        return "\n".join(part for part in (self.system, *asked, *answered) if part)

    @property
    def answer_parts(self) -> list[Mapping[str, Any]]:
        """All parts of the answer's first candidate, of all chunks of a stream."""
        said = (_at(p, "candidates", 0, "content", "parts") for p in self._payloads)
        lists = (parts for parts in said if isinstance(parts, list))
        return [p for parts in lists for p in parts if isinstance(p, Mapping)]

    @property
    def answer(self) -> str:
        """The text of the answer, its calls, or the message of the error."""
        calls = filter(None, map(_call, self.answer_parts))
        texts = [str(part.get("text", "")) for part in self.answer_parts]
        called = [f"{c['name']}({json.dumps(c.get('args', {}))})" for c in calls]
        errors = (_at(self.response, *path, "message") for path in _ERRORS)
        return "".join(texts) + " ".join(called) or str(next(filter(None, errors), ""))

    @property
    def usage(self) -> Mapping[str, Any]:
        """The answer's usageMetadata, of a stream the last; empty if there is none."""
        counted = (_at(p, "usageMetadata") for p in reversed(self._payloads))
        return next((usage for usage in counted if isinstance(usage, Mapping)), {})

    @property
    def _payloads(self) -> list[Any]:
        """The Gemini responses in the answer: enveloped, plain, or many."""
        enveloped = _at(self.response, "result")
        told = enveloped if isinstance(enveloped, Mapping) else self.response
        return told if isinstance(told, list) else [told]

    @property
    def cached(self) -> bool:
        """Whether the answer came from the gateway's cache."""
        return self.response_headers.get("cf-aig-cache-status") == "HIT"

    @property
    def cost(self) -> float | None:
        """What the answer costs in dollars; None for a model without a price."""
        if self.cached:
            return 0.0
        if self.price is None or not self.usage:
            return None
        count = {k: v for k, v in self.usage.items() if isinstance(v, int)}
        cached = count.get("cachedContentTokenCount", 0)
        said = count.get("candidatesTokenCount", 0) + count.get("thoughtsTokenCount", 0)
        fresh = count.get("promptTokenCount", 0) - cached
        fresh += count.get("toolUsePromptTokenCount", 0)
        tokens = (fresh, cached, said)
        priced = zip(tokens, self.price, strict=True)
        return sum(number * dollars for number, dollars in priced) / 1_000_000

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The request as messages that LangChain's `convert_to_messages` reads."""
        told = [{"role": "system", "content": self.system}] if self.system else []
        return [*told, *_messages(self.contents)]

    @property
    def story(self) -> str:
        """Several lines for a report: the whole turn, the answer, and why."""
        lines = _cut(self.told, _TOLD).splitlines()
        return "\n".join([str(self), *(f"    | {line}" for line in lines)])

    def __str__(self) -> str:
        """One line for a log."""
        about = f" {self.model}" if self.model else ""
        ended = "" if self.ended in ("", "complete") else f", {self.ended}"
        why = f" ({'; '.join(self.notes)})" if self.notes else ""
        return (
            f"#{self.number} {self.method} {self.path}{about}{_quoted(self.text)} -> "
            f"{self.status}{_quoted(self.answer)}{ended} in "
            f"{self.seconds * 1000:.0f} ms{why}"
        )


# Where an error has its message, in any of the shapes.
_ERRORS = (("error",), ("error", 0), ("errors", 0))


def shown_response(response: Any) -> str:
    """A function's response as text: its one value, or its JSON."""
    if isinstance(response, dict) and len(response) == 1:
        response = next(iter(response.values()))
    if isinstance(response, str):
        return response
    return json.dumps(response, ensure_ascii=False)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _quoted(text: str) -> str:
    return f" {json.dumps(_cut(text, _SHOWN), ensure_ascii=False)}" if text else ""


def _at(value: Any, *path: str | int) -> Any:
    """What stands at a path of an answer; None where the answer is of another shape."""
    try:
        return reduce(operator.getitem, path, value)
    except (KeyError, IndexError, TypeError):
        return None


def _is_users(content: Mapping[str, Any]) -> bool:
    return bool(content.get("role", "user") == "user")


def _parts(contents: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [part for content in contents for part in content.get("parts") or ()]


def _texts(contents: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(part["text"]) for part in _parts(contents) if part.get("text")]


def _call(part: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return part["functionCall"] if _at(part, "functionCall", "name") else None


def _responses(contents: Iterable[Mapping[str, Any]]) -> list[FunctionResponse]:
    sent = (part.get("functionResponse") for part in _parts(contents))
    return [
        FunctionResponse(r.get("id"), str(r.get("name", "")), r.get("response"))
        for r in filter(None, sent)
    ]


def _messages(contents: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The contents as messages; calls without an id are numbered, in order."""
    numbers = count(1)
    waiting: dict[str, list[str]] = {}
    for content in contents:
        calls = [_tool_call(part, numbers) for part in _parts([content]) if _call(part)]
        for told in calls:
            waiting.setdefault(told["name"], []).append(told["id"])
        for answered in _responses([content]):
            yield _tool_message(answered, waiting.get(answered.name, []))
        said = {"content": _content(content)} | ({"tool_calls": calls} if calls else {})
        if any(said.values()):
            role = "assistant" if content.get("role") == "model" else "user"
            yield {"role": role, **said}


def _tool_message(answered: FunctionResponse, waiting: list[str]) -> dict[str, Any]:
    id_ = answered.id or next(iter(waiting), answered.name)
    if id_ in waiting:
        waiting.remove(id_)
    said = {"content": shown_response(answered.response), "tool_call_id": id_}
    return {"role": "tool", "name": answered.name, **said}


def _tool_call(part: Mapping[str, Any], numbers: Iterator[int]) -> dict[str, Any]:
    called, number = part["functionCall"], next(numbers)
    told = {"name": called["name"], "args": called.get("args") or {}}
    return {"type": "tool_call", "id": called.get("id") or f"call_{number}", **told}


def _content(content: Mapping[str, Any]) -> Any:
    """Text alone as text, anything else as blocks."""
    blocks = [block for part in _parts([content]) if (block := _block(part))]
    if all(block["type"] == "text" for block in blocks):
        return "".join(block["text"] for block in blocks)
    return blocks


def _block(part: Mapping[str, Any]) -> dict[str, Any] | None:
    if isinstance(part.get("text"), str):
        kind = "reasoning" if part.get("thought") else "text"
        return {"type": kind, kind: part["text"]}
    media = part.get("inlineData") or part.get("fileData")
    if not media:
        return None
    mime_type = str(media.get("mimeType", ""))
    kind = mime_type.partition("/")[0]
    place = "base64" if "data" in media else "url"
    return {
        "type": kind if kind in ("image", "audio", "video") else "file",
        "mime_type": mime_type,
        place: media.get("data") or media.get("fileUri") or "",
    }

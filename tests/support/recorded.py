"""The recorded exchanges, and an independent reading of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from google.genai import types

from tests.support.models import Json
from tests.support.published import problems

TESTS = Path(__file__).parents[1]
FOLDERS = (TESTS.parents[1] / "shared" / "corpus", TESTS / "recorded")
"""Where exchanges are read from: those beside this repository, and those in it."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """One exchange."""

    name: str
    data: Mapping[str, Any]

    def __getattr__(self, key: str) -> Any:
        return self.data[key]

    @property
    def is_answer(self) -> bool:
        """Whether Google answered, not refused."""
        return bool(self.data["status"] == 200)

    @property
    def payloads(self) -> list[Json]:
        """The answer, or the events of the stream."""
        said = self.data["response"]
        return said if isinstance(said, list) else [said]

    @property
    def candidates(self) -> list[Json]:
        """The first candidate of every payload that has one."""
        found = [(payload.get("candidates") or [None])[0] for payload in self.payloads]
        return [candidate for candidate in found if candidate]

    @property
    def parts(self) -> list[Json]:
        """The parts of the first candidates, in order."""
        contents = [candidate.get("content") or {} for candidate in self.candidates]
        return [part for content in contents for part in content.get("parts") or ()]

    @property
    def calls(self) -> list[Json]:
        """The function calls that are whole, not pieces of one."""
        found = [part["functionCall"] for part in self.parts if "functionCall" in part]
        return [call for call in found if call.get("name")]

    @property
    def is_partial(self) -> bool:
        """Whether calls came in pieces."""
        return "partial_args" in self.data["tags"]

    def last(self, key: str) -> Any:
        """What the payloads last said under a key."""
        said = [payload[key] for payload in self.payloads if payload.get(key)]
        return said[-1] if said else None

    def last_note(self, key: str) -> Any:
        """What the candidates last said under a key."""
        said = [c[key] for c in self.candidates if c.get(key) is not None]
        return said[-1] if said else None

    def response(self) -> httpx.Response:
        """The answer as it came."""
        if not self.data["stream"] or not self.is_answer:
            return httpx.Response(self.data["status"], json=self.data["response"])
        raw: str = self.data["response_raw"] or "".join(
            f"data: {json.dumps(event)}\r\n\r\n" for event in self.payloads
        )
        kind = (
            "text/event-stream" if raw.lstrip().startswith("d") else "application/json"
        )
        return httpx.Response(200, content=raw.encode(), headers={"content-type": kind})


@cache
def recordings() -> tuple[Recorded, ...]:
    """Every exchange, in the order of its number."""
    found = {path.stem: path for folder in FOLDERS for path in folder.glob("*.json")}
    return tuple(
        Recorded(name, json.loads(path.read_text("utf-8")))
        for name, path in sorted(found.items())
    )


def answers() -> list[Recorded]:
    """The exchanges that Google answered."""
    return [recorded for recorded in recordings() if recorded.is_answer]


def refusals() -> list[Recorded]:
    """The exchanges that Google refused."""
    return [recorded for recorded in recordings() if not recorded.is_answer]


def sequels() -> list[tuple[Recorded, Recorded]]:
    """Exchanges with the request by which a working client went on from them."""
    found = {(r.cassette, r.seq): r for r in recordings()}
    pairs = [
        (recorded, found[recorded.cassette, recorded.seq + 1])
        for recorded in answers()
        if (recorded.cassette, (recorded.seq or 0) + 1) in found and recorded.seq
    ]
    return [(first, second) for first, second in pairs if _goes_on(first, second)]


def _goes_on(first: Recorded, second: Recorded) -> bool:
    before, after = first.request["contents"], second.request["contents"]
    return len(after) > len(before) and bool(after[: len(before)] == before)


def conversations() -> list[Recorded]:
    """The exchanges whose request is a conversation of several turns."""
    return [r for r in recordings() if len((r.request or {}).get("contents", ())) > 1]


# ---- requests


def _as_on_vertex(content: Json) -> Json:
    known = [p for p in content["parts"] if not {"toolCall", "toolResponse"} & set(p)]
    return {**content, "parts": known}


def check_request(body: Json) -> None:
    """Fail unless Google's schema and Google's own client know this request."""
    # Google's own tools show their calls on the Gemini API; Vertex has no such parts.
    body = {
        **body,
        "contents": [_as_on_vertex(content) for content in body["contents"]],
    }
    assert problems("GenerateContentRequest", body) == []
    for content in body["contents"]:
        types.Content.model_validate(content)
    for tool in body.get("tools", ()):
        types.Tool.model_validate(tool)
    if "generationConfig" in body:
        types.GenerationConfig.model_validate(body["generationConfig"])
    if "systemInstruction" in body:
        types.Content.model_validate(body["systemInstruction"])
    if "toolConfig" in body:
        types.ToolConfig.model_validate(body["toolConfig"])
    for setting in body.get("safetySettings", ()):
        types.SafetySetting.model_validate(setting)


def joined(parts: list[Json]) -> list[Json]:
    """Pieces of one text as one part; framing left out."""
    made: list[Json] = []
    for part in parts:
        kinds = ({"text"}, {"text", "thought"})
        if made and set(part) == set(made[-1]) and set(part) in kinds:
            made[-1] = {**part, "text": made[-1]["text"] + part["text"]}
        elif part:
            made.append(dict(part))
    return [part for part in made if part != {"text": ""}]


def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(word.capitalize() for word in rest)


_OPEN = {"args", "response"}
"""Keys of Google's whose values are the application's own."""
_DUMMIES = (
    "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
    "skip_thought_signature_validator",
)


def in_camel_case(value: Any) -> Any:
    """Google's keys as JSON has them, where a client wrote Python's."""
    if isinstance(value, list):
        return [in_camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        _camel(key): item if _camel(key) in _OPEN else in_camel_case(item)
        for key, item in value.items()
    }


def normal_part(part: Json) -> Json:
    """A part as both clients would write it."""
    made: Json = in_camel_case(part)
    if made.get("thought") is False:
        del made["thought"]
    if signature := made.pop("thoughtSignature", None):
        standard = signature.replace("-", "+").replace("_", "/").rstrip("=")
        if signature not in _DUMMIES:
            made["thoughtSignature"] = standard
    for key in ("functionCall", "functionResponse"):
        if isinstance(made.get(key), dict):
            # Ids that a client invents differ, and so may what is not said.
            kept = {k: v for k, v in made[key].items() if k != "id" and v != {}}
            made[key] = kept
    if "inlineData" in made:
        data = made["inlineData"]["data"]
        made["inlineData"]["data"] = data.replace("-", "+").replace("_", "/")
    return made


def normal_contents(contents: list[Json]) -> list[tuple[str, list[Json]]]:
    """Contents with turns of the same role put together, as Google reads them."""
    made: list[tuple[str, list[Json]]] = []
    for content in contents:
        role = content.get("role") or "user"
        parts = [normal_part(part) for part in content["parts"]]
        if made and made[-1][0] == role:
            made[-1][1].extend(parts)
        else:
            made.append((role, parts))
    return [(role, list(_present(parts))) for role, parts in made]


def _present(parts: list[Json]) -> Iterator[Json]:
    for part in parts:
        if part not in ({}, {"text": ""}):
            yield part

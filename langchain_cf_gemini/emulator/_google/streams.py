"""Streams: one response cut into chunks as Vertex cuts them.

Recorded: CRLF line ends; counts only in the last chunk, `{"trafficType"}` before it;
parallel calls as chunks of their own; at the end of a Gemini 3 stream an empty text
that carries the signature and the finishReason.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

_WORDS = re.compile(r"\S+\s*|\s+")
_CLOSED: dict[str, Any] = {"functionCall": {}}
_END_OF_CANDIDATE = ("content", "index")


def chunks_from_response(
    response: Mapping[str, Any],
    *,
    partial_args: bool = False,
    finish_each_part: bool = False,
    cuts: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Iterator[dict[str, Any]]:
    """The chunks of a stream that ends as `response` says.

    Args:
        response: A whole GenerateContentResponse.
        partial_args: Stream arguments piece by piece (streamFunctionCallArguments).
        finish_each_part: Repeat the finishReason after each part.
        cuts: The pieces of a text, by the text; others are cut into words.
    """
    candidates = response.get("candidates")
    if not isinstance(candidates, list) or not all(map(_is_sayable, candidates)):
        yield dict(response)
        return
    frame = _frame(response)
    for candidate in candidates:
        for parts, ends in _spoken(candidate, cuts, partial_args=partial_args):
            said = {"content": {"role": "model", "parts": parts}, **_index(candidate)}
            if ends and finish_each_part:
                said["finishReason"] = candidate.get("finishReason")
            yield {"candidates": [said], **frame}
    endings = [
        _ending(candidate, partial_args=partial_args) for candidate in candidates
    ]
    yield {**response, "candidates": endings}


def _is_sayable(candidate: Any) -> bool:
    if not isinstance(candidate, dict) or not isinstance(
        candidate.get("content"), dict
    ):
        return False
    parts = candidate["content"].get("parts")
    return isinstance(parts, list) and all(isinstance(part, dict) for part in parts)


def _frame(response: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("modelVersion", "createTime", "responseId", "gatewayMetadata")
    traffic = {"trafficType": "ON_DEMAND"}
    return {"usageMetadata": traffic, **{k: response[k] for k in kept if k in response}}


def _index(candidate: Mapping[str, Any]) -> dict[str, Any]:
    return {"index": candidate["index"]} if "index" in candidate else {}


def _spoken(
    candidate: Mapping[str, Any],
    cuts: Mapping[str, Sequence[str]],
    *,
    partial_args: bool,
) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """Each chunk's parts, and whether they end one part of the response."""
    parts = candidate["content"]["parts"]
    for number, part in enumerate(parts, 1):
        pieces = list(_pieces(part, cuts, partial_args=partial_args))
        if number == len(parts) and pieces and pieces[-1] == _CLOSED:
            pieces.pop()  # the stream's last chunk closes its last call
        for position, piece in enumerate(pieces, 1):
            yield [piece], position == len(pieces)


def _pieces(
    part: Mapping[str, Any], cuts: Mapping[str, Sequence[str]], *, partial_args: bool
) -> Iterator[dict[str, Any]]:
    if isinstance(part.get("text"), str):
        rest = {k: v for k, v in part.items() if k not in ("text", "thoughtSignature")}
        for words in cuts.get(part["text"]) or _WORDS.findall(part["text"]):
            yield {"text": words, **rest}
    elif partial_args and "functionCall" in part:
        yield from _partial_call(part)
    else:
        yield dict(part)


def _ending(candidate: Mapping[str, Any], *, partial_args: bool) -> dict[str, Any]:
    last = candidate["content"]["parts"][-1:]
    closes = partial_args and any(p.get("functionCall", {}).get("args") for p in last)
    signatures = [
        part["thoughtSignature"]
        for part in candidate["content"]["parts"]
        if "text" in part and "thoughtSignature" in part
    ]
    signed = {"thoughtSignature": signatures[-1]} if signatures else {}
    rest = {k: v for k, v in candidate.items() if k not in _END_OF_CANDIDATE}
    content = {
        "role": "model",
        "parts": [_CLOSED if closes else {"text": "", **signed}],
    }
    return {"content": content, **rest, **_index(candidate)}


def _partial_call(part: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A call as Vertex streams it: its name, its arguments by JSON path, its end."""
    call = part["functionCall"]
    opening = {key: call[key] for key in ("id", "name") if key in call}
    rest = {k: v for k, v in part.items() if k != "functionCall"}
    args = list(_leaves("$", call.get("args") or {}))
    if not args:
        yield {"functionCall": opening, **rest}
        return
    yield {"functionCall": {**opening, "willContinue": True}, **rest}
    for path, value in args:
        for piece in _partial_args(path, value):
            yield {"functionCall": {"partialArgs": [piece], "willContinue": True}}
    yield _CLOSED


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(f"{path}[{index}]", item)
    else:
        yield path, value


def _partial_args(path: str, value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, str):
        for words in _WORDS.findall(value):
            yield {"jsonPath": path, "stringValue": words, "willContinue": True}
        yield {"jsonPath": path, "stringValue": ""}
    elif isinstance(value, bool):
        yield {"jsonPath": path, "boolValue": value}
    elif value is None:
        yield {"jsonPath": path, "nullValue": None}
    else:
        yield {"jsonPath": path, "numberValue": value}


def response_from_chunks(chunks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The whole response that a stream adds up to, by its first candidate."""
    parts: list[dict[str, Any]] = []
    candidate: dict[str, Any] = {}
    for chunk in chunks:
        for said in (chunk.get("candidates") or ())[:1]:
            candidate |= said
            for part in (said.get("content") or {}).get("parts") or ():
                _join(parts, part)
    whole = {key: value for chunk in chunks for key, value in chunk.items()}
    if candidate:
        content = {"role": "model", "parts": parts}
        whole["candidates"] = [{**candidate, "content": content}]
    return whole


def _join(parts: list[dict[str, Any]], part: Mapping[str, Any]) -> None:
    """Add a part, or its text to the text before it."""
    last = parts[-1] if parts else {}
    if "text" in part and "text" in last and part.get("thought") == last.get("thought"):
        parts[-1] = {**last, **part, "text": last["text"] + part["text"]}
    elif part.get("text") != "" or "thoughtSignature" in part:
        parts.append(dict(part))


def sse_frame(chunk: Mapping[str, Any]) -> bytes:
    """One server-sent event."""
    text = json.dumps(chunk, ensure_ascii=False)
    return b"data: " + text.encode(errors="backslashreplace") + b"\r\n\r\n"


def array_frames(chunks: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """The JSON array that a stream is without `alt=sse`, piece by piece."""
    for position, chunk in enumerate(chunks):
        opening = b"[" if position == 0 else b",\r\n"
        text = json.dumps(chunk, ensure_ascii=False, indent=1)
        yield opening + text.encode(errors="backslashreplace")
    yield b"]" if chunks else b"[]"

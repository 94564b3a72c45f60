"""Streams: one response cut into chunks as Vertex cuts them.

Recorded: CRLF line ends; counts only in the last chunk, `{"trafficType"}` before it;
parallel calls as chunks of their own; at the end of a Gemini 3 stream an empty text
that carries the signature and the finishReason.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

_WORDS = re.compile(r"\S+\s*|\s+")
_CLOSED: dict[str, Any] = {"functionCall": {}}
_IN_EVERY_CHUNK = ("modelVersion", "createTime", "responseId", "gatewayMetadata")
_VALUES = {bool: "boolValue", type(None): "nullValue"}


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
    frame = {"usageMetadata": {"trafficType": "ON_DEMAND"}}
    frame |= {key: response[key] for key in _IN_EVERY_CHUNK if key in response}
    for candidate in candidates:
        index = {key: candidate[key] for key in ("index",) if key in candidate}
        reason = {"finishReason": candidate.get("finishReason")}
        for piece, ends in _spoken(candidate, cuts, partial_args=partial_args):
            said = {"content": {"role": "model", "parts": [piece]}, **index}
            ended = reason if ends and finish_each_part else {}
            yield {"candidates": [{**said, **ended}], **frame}
    endings = [_ending(each, partial_args=partial_args) for each in candidates]
    yield {**response, "candidates": endings}


def _spoken(
    candidate: Mapping[str, Any],
    cuts: Mapping[str, Sequence[str]],
    *,
    partial_args: bool,
) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each chunk's part, and whether it ends one part of the response."""
    parts = candidate["content"]["parts"]
    for number, part in enumerate(parts, 1):
        pieces = list(pieces_of(part, cuts, partial_args=partial_args))
        if number == len(parts) and pieces[-1:] == [_CLOSED]:
            pieces.pop()  # the stream's last chunk closes its last call
        yield from ((piece, piece is pieces[-1]) for piece in pieces)


def _is_sayable(candidate: Any) -> bool:
    try:
        return all(isinstance(part, dict) for part in candidate["content"]["parts"])
    except (KeyError, TypeError):
        return False


def pieces_of(
    part: Mapping[str, Any],
    cuts: Mapping[str, Sequence[str]] = MappingProxyType({}),
    *,
    partial_args: bool = False,
) -> Iterator[dict[str, Any]]:
    """A part as a stream sends it: texts in words, others whole or in pieces."""
    if isinstance(part.get("text"), str):
        rest = {k: v for k, v in part.items() if k not in ("text", "thoughtSignature")}
        for words in cuts.get(part["text"]) or _WORDS.findall(part["text"]):
            yield {"text": words, **rest}
    elif partial_args and "functionCall" in part:
        yield from _partial_call(part)
    else:
        yield dict(part)


def _ending(candidate: Mapping[str, Any], *, partial_args: bool) -> dict[str, Any]:
    parts = candidate["content"]["parts"]
    called = parts[-1].get("functionCall") if parts else None
    last: dict[str, Any] = {"text": ""}
    for part in parts:
        if "text" in part and "thoughtSignature" in part:
            last["thoughtSignature"] = part["thoughtSignature"]
    if partial_args and called and called.get("args"):
        last = _CLOSED
    return {**candidate, "content": {"role": "model", "parts": [last]}}


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
    else:
        yield {"jsonPath": path, _VALUES.get(type(value), "numberValue"): value}


def response_from_chunks(chunks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The whole response that a stream adds up to, by its first candidate."""
    said = [each for chunk in chunks for each in (chunk.get("candidates") or ())[:1]]
    whole = _latest(chunks)
    if said:
        contents = [each.get("content") or {} for each in said]
        parts = joined(part for each in contents for part in each.get("parts") or ())
        content = {"role": "model", "parts": parts}
        whole["candidates"] = [{**_latest(said), "content": content}]
    return whole


def _latest(told: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for each in told for key, value in each.items()}


def joined(pieces: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pieces as parts again: a text with the text before it."""
    parts: list[dict[str, Any]] = []
    for piece in pieces:
        last = parts[-1] if parts else {}
        is_text = "text" in piece and "text" in last
        if is_text and piece.get("thought") == last.get("thought"):
            parts[-1] = {**last, **piece, "text": last["text"] + piece["text"]}
        elif piece.get("text") != "" or "thoughtSignature" in piece:
            parts.append(dict(piece))
    return parts


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

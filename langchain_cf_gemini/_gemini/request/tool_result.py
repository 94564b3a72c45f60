"""A tool's result as Gemini's `functionResponse`.

`response` is a protobuf Struct: its numbers are doubles, its keys are unordered, and
Google reads `output`, `error` and `$ref` in it as words of its own. A text that says
the same in a Struct goes as an object, every other one as text.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from langchain_core.messages import ToolMessage

from langchain_cf_gemini._gemini.function_calls import (
    MAX_DEPTH,
    MAX_WHOLE,
    json_from_args,
)
from langchain_cf_gemini._gemini.json_values import with_sound_texts
from langchain_cf_gemini._gemini.request.media import (
    Media,
    is_media,
    parts_from_media,
    said_in,
)
from langchain_cf_gemini._gemini.vocabulary import Json

# Gemini 3 takes these inside a function response: pydantic-ai's profile of Google's
# documentation. Other media go beside it.
_IN_RESPONSE = frozenset(
    {"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"}
)
_OFFICE = "application/vnd."
# What a part inside a response may say: FunctionResponsePart of Google's discovery
# document. A resolution or a section of a film is asked for beside the response.
_PART_OF_RESPONSE = frozenset({"inlineData", "fileData"})
_RESERVED = frozenset({"output", "error"})
_SAID_WHOLE = frozenset({"resource", "search_result"})
"""Texts with a source, of MCP and Anthropic: a result holds them as they are."""
_SHORT = 10_000  # characters of a result that is remembered
_FAILED = "The tool failed. Its media are in the next parts."


def response_part(call: Json, response: Json) -> Json:
    """Return the `functionResponse` part that answers a call."""
    wire: Json = {"name": call["name"], "response": response}
    if "id" in call:
        wire["id"] = call["id"]
    return {"functionResponse": wire}


def function_response(
    call: Json, message: ToolMessage, media: Media, beside: list[Json]
) -> Json:
    """Return the `functionResponse` part of a tool's result.

    Args:
        call: The call that it answers, as it goes on the wire.
        message: The result: text, JSON, or content blocks.
        media: How media is to be sent.
        beside: Takes the media that cannot stand inside the response.
    """
    content = message.content
    if isinstance(content, str):
        return response_part(call, _response([_said(content)], message.status, ()))
    values: list[Any] = []
    shown: list[Json] = []
    moved = len(beside)
    for block in content:
        for part in _pieces(block, media):
            if "text" in part or "value" in part:
                values.append(part.get("value", part.get("text")))
            elif media.per_part and _fits_inside(part):
                shown.append(part)
                _move_if_it_must(part, shown, beside, media)
            else:
                beside.append(part)
    has_media = [*shown, *beside[moved:]]
    made = response_part(call, _response(values, message.status, has_media))
    if shown:
        made["functionResponse"]["parts"] = shown
    return made


def _pieces(block: Any, media: Media) -> list[Json]:
    """Return the pieces of a result: `text`, `value` for JSON, or parts of media."""
    if said := said_in(block):
        return said if isinstance(block, str) else [{"value": _said(said[0]["text"])}]
    is_own = block.get("type") is None and not _PART_OF_RESPONSE.isdisjoint(block)
    if is_own and not is_media(block):
        media.is_inline = True
        return [{k: v for k, v in block.items() if v is not None}]
    has_blob = "blob" in block.get("resource", ())
    if is_media(block) and (has_blob or block.get("type") not in _SAID_WHOLE):
        return parts_from_media(block, media)
    return [{"value": _said(json_from_args(with_sound_texts(block)))}]


def _fits_inside(part: Json) -> bool:
    blob = part.get("inlineData") or part.get("fileData") or {}
    mime = str(blob.get("mimeType") or "")
    fits = mime in _IN_RESPONSE or mime.startswith(_OFFICE)
    return fits and part.keys() <= _PART_OF_RESPONSE


def _move_if_it_must(
    part: Json, shown: list[Json], beside: list[Json], media: Media
) -> None:
    """Move what turns out to be of another type once it was fetched."""

    def moved() -> None:
        if not _fits_inside(part):
            shown[:] = [each for each in shown if each is not part]
            beside.append(part)

    for download in media.downloads[-1:]:
        if download.part is part:
            download.moved = moved


def _response(values: Sequence[Any], status: str, has_media: Sequence[Json]) -> Json:
    value = values[0] if len(values) == 1 else list(values)
    if status == "error":
        return {"error": _FAILED if has_media and not values else value}
    if value == []:
        return {}
    if isinstance(value, dict) and not _speaks_for_google(value):
        return value
    return {"output": value}


def _speaks_for_google(value: Json) -> bool:
    """Tell whether Google would take one key of a result for all of it.

    The only key is all of it: `{"output": ...}` means the same to both.
    """
    alone = len(value) == 1 and value.get("error", "") is not None
    return not alone and not _RESERVED.isdisjoint(value)


def _said(text: str) -> Any:
    """Return the object that a text is, if a Struct says exactly the same."""
    if not text.startswith("{"):
        return text
    return _object_in(text) if len(text) <= _SHORT else _object_in.__wrapped__(text)


# A history is sent at every turn, and a hook for each number takes its time.
@lru_cache(maxsize=512)
def _object_in(text: str) -> Any:
    try:
        found = json.loads(
            text,
            parse_int=_whole,
            parse_float=_decimal,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
        if "\\ud" in text.lower():
            json_from_args(found)  # half of a surrogate pair is no UTF-8
    except (ValueError, RecursionError):
        return text
    is_deep = text.count("{") + text.count("[") > MAX_DEPTH
    if _speaks_for_google(found) or (is_deep and _depth(found) > MAX_DEPTH):
        return text
    return found


def _whole(digits: str) -> int:
    number = int(digits)
    if abs(number) > MAX_WHOLE or digits == "-0":
        raise ValueError(digits)
    return number


def _decimal(digits: str) -> float:
    number = float(digits)
    if repr(number) != digits.lower():  # 3.10 is 3.1 in a Struct, 1e400 is none
        raise ValueError(digits)
    return number


def _no_number(word: str) -> Any:
    raise ValueError(word)


def _object(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs) or "$ref" in found:
        raise ValueError("keys that a Struct cannot hold")
    return found


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0

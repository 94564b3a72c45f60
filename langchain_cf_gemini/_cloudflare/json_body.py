"""A request's body as JSON, its media untouched."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from langchain_cf_gemini.exceptions import UnsupportedContentError

# Less than this, to_json escapes in a tenth of a millisecond.
_LONG = 1 << 17
_ESCAPED = ('"', "\\", *map(chr, range(32)))


def json_from_body(
    body: Mapping[str, Any], *, has_media: bool = False
) -> tuple[bytes, ...]:
    """The body as JSON, or an error that says what JSON cannot carry.

    Args:
        body: What to send.
        has_media: Whether to look for long base64 texts, which become pieces of their
            own. to_json would look at each character, grow its buffer and copy it: so
            a call with a 5 MB image takes half of the CPU, two thirds of the memory.

    Returns:
        JSON in pieces, one where there are no such texts.
    """
    held: list[str] = []
    try:
        # A fifth of json.dumps' time: 224 against 1,037 microseconds for 100 kB.
        data = to_json(_set_aside(body, held) if has_media else body)
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise UnsupportedContentError(
            f"The request can't be written as JSON: {error}."
        ) from None
    # to_json writes them as bare words, which also occur in texts.
    if (b"NaN" in data or b"Infinity" in data) and _has_non_finite(body):
        raise UnsupportedContentError(
            "The request contains NaN or an infinite number, which JSON can't hold. "
            "Remove it from the arguments or the history."
        )
    return _put_back(data, held) if held else (data,)


def _set_aside(value: Any, held: list[str]) -> Any:
    """A copy with a mark in place of each long text that JSON would not escape."""
    if isinstance(value, dict):
        return {key: _set_aside(item, held) for key, item in value.items()}
    if type(value) is list:
        return [_set_aside(item, held) for item in value]
    if type(value) is str and len(value) > _LONG and _is_plain(value):
        held.append(value)
        return _mark()
    return value


@cache
def _mark() -> str:
    # Not at import: a Worker has no random numbers before its first request.
    return f"media {secrets.token_hex(16)}"


def _is_plain(text: str) -> bool:
    # One search for each costs a sixth of one regular expression for all.
    return text.isascii() and not any(character in text for character in _ESCAPED)


def _put_back(data: bytes, held: list[str]) -> tuple[bytes, ...]:
    first, *rest = data.split(_mark().encode())
    pieces = [first]
    for text, after in zip(held, rest, strict=True):
        pieces += (text.encode(), after)
    return tuple(pieces)


def _has_non_finite(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(_has_non_finite(item) for item in value.values())
    return isinstance(value, (list, tuple)) and any(map(_has_non_finite, value))

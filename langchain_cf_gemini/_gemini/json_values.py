"""JSON that every place a message goes to can hold.

Python's reader takes more than JSON is: lone surrogates, NaN, numbers and depths
without end. A checkpoint, a pickle, a trace or the next request does not, and the
conversation would be stuck for ever. What enters is made sound once, before anything is
counted or signed.
"""

from collections.abc import Callable
from math import isfinite
from typing import Any, TypeGuard

MOST_DEEP = 90
"""Levels of nesting: protobuf's parsers read 100 of a request, and a call's arguments
begin at the seventh."""

TOO_DEEP = "(nested too deep)"
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_LEAST, _MOST = -(2**63), 2**63 - 1


def is_number(value: Any) -> TypeGuard[int | float]:
    """Tell whether a value is a number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def sound_text(text: str) -> str:
    """Return text that is valid Unicode: half characters become U+FFFD, pairs one."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def without_half(text: str) -> tuple[str, str]:
    """Cut off half a character at a text's end, whose other half may come next."""
    # Only those beyond the first 65,536 come as two.
    half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
    return text.removesuffix(half), half


def with_sound_texts(value: Any) -> Any:
    """Return the same JSON with valid Unicode in every text; numbers stay."""
    if isinstance(value, str):
        return sound_text(value)
    if isinstance(value, dict):
        # A key may be a number where no JSON was read.
        return {with_sound_texts(k): with_sound_texts(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_sound_texts(v) for v in value]
    return value


def sound(
    value: Any,
    depth: int = MOST_DEEP,
    named: Callable[[str], str] = sound_text,
) -> Any:
    """Return the same JSON in a form that everything can hold.

    Numbers beyond 64 bits become text, those that are none become `NaN` and `Infinity`,
    as protobuf's JSON writes both.

    Args:
        value: JSON.
        depth: How many levels of it are kept.
        named: Writes the names of its objects.
    """
    if isinstance(value, str):
        return sound_text(value)
    # A tuple, because a union would be made anew for each of many thousand values.
    if not isinstance(value, (dict, list)):
        return value if _unsound_number(value) is None else number_as_text(value)
    if not depth:
        return TOO_DEEP
    if isinstance(value, dict):
        return {named(k): sound(v, depth - 1, named) for k, v in value.items()}
    return [sound(v, depth - 1, named) for v in value]


def _unsound_number(value: Any) -> str | None:
    if isinstance(value, float) and not isfinite(value):
        return "a number that JSON cannot say"
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        return "a whole number beyond 64 bits"
    return None


def number_as_text(value: float) -> str:
    """Write a number as text, as protobuf's JSON does where JSON has no word for it."""
    try:
        return _NOT_FINITE.get(repr(value)) or str(value)
    except ValueError:  # Python writes at most 4,300 digits
        return "Infinity" if value > 0 else "-Infinity"


def unsound_from(value: Any, depth: int = MOST_DEEP) -> str | None:
    """Tell what in some JSON could not be kept as it is, text aside; None if nothing.

    A half character is replaced and nothing is lost by it. A number that had to become
    text is another value, and a call must not run with it.
    """
    if isinstance(value, (dict, list)):
        if not depth:
            return f"values nested more than {MOST_DEEP} deep"
        inner = value.values() if isinstance(value, dict) else value
        found = (unsound_from(item, depth - 1) for item in inner)
        return next((why for why in found if why), None)
    return _unsound_number(value)

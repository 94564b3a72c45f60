"""Values that are checked against their own annotations."""

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY
from functools import cache
from typing import Any, ClassVar, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

# Classes whose attributes are arguments of the user's.
_UNSEEN = ("Settings", "Match", "Place")
_WORDS = {
    "Input should be": "must be",
    "Value error, ": "",
    "'str' instances are not allowed as a Sequence value": "must be a list",
    "'bytes' instances are not allowed as a Sequence value": "must be a list",
    "a valid string": "a string",
    "a valid number": "a number",
    "a valid integer": "a whole number",
    "a valid boolean": "True or False",
    "a valid dictionary": "a dict",
    "a valid list": "a list",
    "a valid tuple": "a pair",
    "Field required": "must be a pair",
    "a valid set": "a set",
    "a valid frozenset": "a set",
    "a valid pattern": "a compiled pattern",
    "String should match pattern": "must match the pattern",
    "callable": "a function",
    "an instance of Sequence": "a list",
    "an instance of Mapping": "a dict",
}

_LENGTH = re.compile(r"Tuple should have .*?, not \d+")


def check(kind: type, values: Mapping[str, Any]) -> None:
    """Refuse values that are not of the types which a class declares for them.

    Raises:
        ValueError: If one is not; it says which, and what it must be.
    """
    try:
        _model(kind)(**values)
    except ValidationError as wrong:
        found = wrong.errors()
        at = found[0]["loc"]
        name = str(at[0])
        place, value, depth = name, values[name], 1
        key = at[1] if at[1:] and "[key]" not in at else None
        if isinstance(value, Mapping) and key in value:
            place, value, depth = f"{name}[{key!r}]", value[key], 2
        # A value that may be of several types has an error for each of them.
        said = [each["msg"] for each in found if each["loc"][:depth] == at[:depth]]
        holder = "" if kind.__name__ in _UNSEEN else f"{kind.__name__}."
        raise ValueError(
            f"{holder}{place} {_in_words(said)}, not {value!r:.200}."
        ) from None


def _in_words(said: list[str]) -> str:
    """Return pydantic's findings as one sentence says them: `must be a or b`."""
    text = _LENGTH.sub("must be a pair", "; ".join(dict.fromkeys(said)))
    for tag, word in _WORDS.items():
        text = text.replace(tag, word)
    first, *others = text.split("; ")
    others = [other.removeprefix("must be ") for other in others]
    return " or ".join([first[:1].lower() + first[1:], *others])


@cache
def _model(kind: type) -> type[BaseModel]:
    hints = get_type_hints(kind, include_extras=True).items()
    declared: dict[str, Any] = {
        name: (hint, None)
        for name, hint in hints
        if hint not in (Any, KW_ONLY) and get_origin(hint) is not ClassVar
    }
    strict = ConfigDict(strict=True)
    return create_model(kind.__name__, __config__=strict, **declared)

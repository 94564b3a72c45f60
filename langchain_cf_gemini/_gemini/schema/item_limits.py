"""What Google counts of a request's schemas and refuses without a word.

A schema whose `maxItems` sum to more than about 960 is a bare 400, "Request contains an
invalid argument." (googleapis/python-genai#2170, vercel/ai#21192).
"""

import logging
from collections.abc import Iterator
from typing import Any, Final, cast

from langchain_cf_gemini._gemini.schema.json_schema import subschemas
from langchain_cf_gemini._gemini.vocabulary import Json

_logger = logging.getLogger("langchain_cf_gemini")

_MOST: Final = 960
_KEY: Final = "maxItems"
# Values, in which the word would mean something else.
_VALUES: Final = frozenset({"default", "enum", "const", "example", "examples"})


def within_item_limits(schema: Json) -> Json:
    """Leave the highest `maxItems` out of a schema that holds too many.

    Returns:
        The schema itself if it is within Google's bounds. What comes back is still
        checked by the caller's own.
    """
    limited = sorted(_limited(schema), key=lambda each: each[_KEY], reverse=True)
    excess = sum(each[_KEY] for each in limited) - _MOST
    dropped = []
    while excess > 0:
        dropped.append(limited.pop(0))
        excess -= dropped[-1][_KEY]
    if dropped:
        _logger.warning(
            "left out of a schema: maxItems of %s, because Google refuses schemas "
            "whose maxItems sum to more than %d",
            ", ".join(str(each[_KEY]) for each in dropped),
            _MOST,
        )
    ids = {id(each) for each in dropped}
    return cast("Json", _without(schema, ids)) if dropped else schema


def _limited(schema: Any) -> Iterator[Json]:
    """Return every schema inside one that has a `maxItems`."""
    if isinstance(schema, dict):
        if type(schema.get(_KEY)) is int:
            yield schema
        for each in subschemas(schema, definitions=True):
            yield from _limited(each)


def _without(schema: Any, dropped: set[int]) -> Any:
    if isinstance(schema, list):
        return [_without(each, dropped) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value if key in _VALUES else _without(value, dropped)
        for key, value in schema.items()
        if key != _KEY or id(schema) not in dropped
    }

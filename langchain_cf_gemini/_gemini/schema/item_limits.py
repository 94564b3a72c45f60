"""What Google counts of a request's schemas and refuses without a word.

A schema whose `maxItems` sum to more than about 960 is a bare 400, "Request contains an
invalid argument." (googleapis/python-genai#2170, vercel/ai#21192).
"""

import logging
from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import from_json, to_json

from langchain_cf_gemini._gemini.schema.json_schema import subschemas
from langchain_cf_gemini._gemini.vocabulary import Json

_logger = logging.getLogger("langchain_cf_gemini")

_MOST: Final = 960
_KEY: Final = "maxItems"


def within_item_limits(schema: Json) -> Json:
    """Leave the highest `maxItems` out of a schema that holds too many.

    Returns:
        The schema itself if it is within Google's bounds. What comes back is still
        checked by the caller's own.
    """
    excess = sum(each[_KEY] for each in _limited(schema)) - _MOST
    if excess <= 0:
        return schema
    schema = from_json(to_json(schema, inf_nan_mode="constants"))
    dropped: list[int] = []
    for each in sorted(_limited(schema), key=lambda each: each[_KEY], reverse=True):
        if excess > 0:
            dropped.append(each.pop(_KEY))
            excess -= dropped[-1]
    _logger.warning(
        "left out of a schema: maxItems of %s, because Google refuses schemas whose "
        "maxItems sum to more than %d",
        ", ".join(map(str, dropped)),
        _MOST,
    )
    return schema


def _limited(schema: Any) -> Iterator[Json]:
    """Return every schema inside one that has a `maxItems`."""
    if isinstance(schema, dict):
        if type(schema.get(_KEY)) is int:
            yield schema
        for each in subschemas(schema, definitions=True):
            yield from _limited(each)

"""snake_case names in camelCase, as Cloudflare's pages and Google's answers write them.

The server reads both (protobuf's JSON form); one form makes bodies comparable.
"""

from collections.abc import Mapping
from typing import Any

from langchain_cf_gemini._gemini.vocabulary import Json


def camel_name(name: str) -> str:
    """Write a snake_case name in camelCase; camelCase stays as it is."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def camel_keys(value: Mapping[str, Any]) -> Json:
    """Return an object with camelCase keys, its values untouched."""
    return {camel_name(key): each for key, each in value.items()}


def camel_case(value: Any) -> Any:
    """Return the same JSON with camelCase keys all the way down."""
    if isinstance(value, Mapping):
        return {camel_name(k): camel_case(v) for k, v in value.items()}
    if isinstance(value, list):
        return [camel_case(v) for v in value]
    return value

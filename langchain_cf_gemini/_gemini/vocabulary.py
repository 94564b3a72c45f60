"""Gemini's wire vocabulary: its ids, its JSON, and how its names are written.

Google's servers read camelCase and snake_case alike (protobuf's JSON form). What is
sent is camelCase, as on Cloudflare's pages, so that bodies can be compared; what a
message says of its answer is snake_case, as LangChain writes it.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

PROVIDER = "cloudflare_gemini"
"""The one provider id: `model_provider` of messages and `ls_provider` of traces."""

Json = dict[str, Any]
"""A JSON object whose keys Google owns."""

DUMMY_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""Base64 of `skip_thought_signature_validator`, Google's word for calls that the model
did not make (https://ai.google.dev/gemini-api/docs/thought-signatures). Recorded with
status 200 on the Gemini API; on Vertex documented, not recorded."""

# Their keys are the caller's own: arguments, headers, notes, schemas.
_OPEN_OBJECTS = frozenset(
    {"args", "customConfigs", "headers", "partMetadata"}
    | {"responseSchema", "responseJsonSchema"}
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def plain_json(value: Any) -> Any:
    """Return objects of google-genai, wherever they stand, as plain JSON.

    Everything else is returned as it is.
    """
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, dict):
        return {key: plain_json(each) for key, each in value.items()}
    return [plain_json(v) for v in value] if isinstance(value, list) else value


def camel_name(name: str) -> str:
    """Write a snake_case name in camelCase; camelCase stays as it is."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def camel_keys(value: Mapping[str, Any]) -> Json:
    """Return an object with camelCase keys, its values untouched."""
    return {camel_name(key): each for key, each in value.items()}


def camel_case(value: Any) -> Any:
    """Return JSON with camelCase keys, but for the caller's own, without nulls.

    A null is not given: google-genai's objects dump every field of either backend,
    and bytes as they are.
    """
    if isinstance(value, Mapping):
        return {
            key: each if key in _OPEN_OBJECTS else camel_case(each)
            for key, each in camel_keys(value).items()
            if each is not None
        }
    if isinstance(value, list):
        return [camel_case(v) for v in value]
    return b64encode(value).decode() if isinstance(value, bytes) else value


@lru_cache(maxsize=1024)
def snake_name(key: str) -> str:
    """Write a camelCase name in snake_case; snake_case stays as it is."""
    return _HUMP.sub("_", key).lower()

"""`response_format` in any form to Gemini's `generationConfig`."""

from collections.abc import Mapping
from typing import Any

from langchain_cf_gemini._gemini.schema.item_limits import within_item_limits
from langchain_cf_gemini._gemini.schema.json_schema import json_schema_from
from langchain_cf_gemini._gemini.schema.openapi import (
    Dialect,
    is_openapi_schema,
    openapi_schema_from,
)
from langchain_cf_gemini._gemini.tools.functions import SCHEMA_KEYS
from langchain_cf_gemini._gemini.vocabulary import Json, camel_keys
from langchain_cf_gemini.exceptions import UnsupportedContentError

JSON = "application/json"
_TYPES = {"text": "text/plain", "json_object": JSON}
_WIRE = frozenset({"responseMimeType", "responseSchema", "responseJsonSchema"})


def generation_config_from_response_format(
    response_format: Any, *, dialect: Dialect = "json"
) -> Json:
    """Convert what the answer should be to fields of Gemini's `generationConfig`.

    OpenAI's `name` has no counterpart, and its `strict` none that is missing: Gemini
    always holds the answer to a schema. Enums are asked for as JSON, too, and not as
    `text/x.enum`, so that every schema is read back in one way.

    Args:
        response_format: OpenAI's dicts (`json_schema`, `json_object`, `text`), any
            type that has a JSON Schema, a JSON Schema dict, a schema in Google's
            capitals, or `generationConfig` fields (they stay as they are).
        dialect: "json" sends `responseJsonSchema`, "openapi" the older
            `responseSchema`.

    Returns:
        The fields, empty for None.

    Raises:
        UnsupportedContentError: If there is no schema in it, or none that can be said
            in the dialect.
    """
    if response_format is None:
        return {}
    if isinstance(response_format, Mapping):
        kind = response_format.get("type")
        if isinstance(kind, str) and kind in _TYPES:
            return {"responseMimeType": _TYPES[kind]}
        if (own := camel_keys(response_format)).keys() & _WIRE:
            return own
    return _config_from_schema(response_format, dialect)


def _described(named: Any) -> Json:
    schema = named.get("schema") if isinstance(named, Mapping) else None
    if not isinstance(schema, Mapping):
        raise UnsupportedContentError(
            "response_format of type json_schema holds no schema"
        )
    if (text := named.get("description")) and "description" not in schema:
        return {**schema, "description": text}
    return dict(schema)


def _config_from_schema(schema: Any, dialect: Dialect) -> Json:
    schema = schema_from_dict_form(schema)
    if is_openapi_schema(schema):
        return {"responseMimeType": JSON, "responseSchema": within_item_limits(schema)}
    at = "responseJsonSchema" if dialect == "json" else "responseSchema"
    found = json_schema_from(schema, at=at)
    if dialect == "openapi":
        found = openapi_schema_from(found, at=at)
    return {"responseMimeType": JSON, at: within_item_limits(found)}


def schema_from_dict_form(schema: Any) -> Any:
    """Read what other providers wrap around a JSON Schema.

    Args:
        schema: Any schema, a function of OpenAI's or Anthropic's make, or OpenAI's
            `json_schema` dict.

    Returns:
        The JSON Schema inside of such a dict, everything else as it is.
    """
    if not isinstance(schema, Mapping):
        return schema
    if schema.get("type") == "json_schema":
        return _described(schema.get("json_schema", schema))
    body = schema.get("function", schema)
    key = next((key for key in SCHEMA_KEYS if key in body and "name" in body), None)
    if key is None:
        return schema
    text = {"description": body["description"]} if body.get("description") else {}
    return {"title": body["name"], **text, **body[key]}

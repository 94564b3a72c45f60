"""Older drafts' keywords, OpenAPI's and Google's capitals in JSON Schema 2020-12."""

from collections.abc import Callable, Mapping
from typing import Any

Schema = dict[str, Any]

_NOTES = frozenset({"title", "description", "default", "examples", "deprecated"})
_MAY_BE_NULL = frozenset({"default", "const", "example", "type"})


def modern_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Say older drafts' keywords and `const` in the words that Google reads.

    A keyword that is null is one that its writer left out: Go, C# and pydantic dump
    all fields that an object has.
    """
    if None in schema.values():
        given = schema.items()
        schema = {k: v for k, v in given if v is not None or k in _MAY_BE_NULL}
    for keyword, rewrite in _REWRITES.items():
        if keyword in schema:
            schema = rewrite(dict(schema))
    return schema


def _lower_case(schema: Schema) -> Schema:
    """Google's OpenAPI subset, and what was copied out of it, has types in capitals."""
    said = schema["type"]
    lower = [str(kind).lower() for kind in (said if isinstance(said, list) else [said])]
    schema["type"] = lower if isinstance(said, list) else lower[0]
    return schema


def _null_as_type(schema: Schema) -> Schema:
    """OpenAPI 3.0 has a keyword where JSON Schema has a type."""
    if schema.pop("nullable") is not True:
        return schema
    notes = {key: schema.pop(key) for key in [*schema] if key in _NOTES}
    if not schema:
        return notes
    if schema.keys() == {"type"}:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return {"type": list(dict.fromkeys([*kinds, "null"])), **notes}
    variants = schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]
    return {"anyOf": [*variants, {"type": "null"}], **notes}


def _const_as_enum(schema: Schema) -> Schema:
    """Google reads `enum` of strings and numbers, and does not name `const`."""
    value = schema["const"]
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return schema
    if "enum" in schema and value not in schema["enum"]:
        return schema
    del schema["const"]
    return {**schema, "enum": [value]}


def _tuple_as_prefix(schema: Schema) -> Schema:
    """Draft 7 writes tuples as a list under `items`."""
    if not isinstance(schema["items"], list):
        return schema
    rest = schema.pop("additionalItems", None)
    schema["prefixItems"] = schema.pop("items")
    return schema if rest is None else {**schema, "items": rest}


def _exclusive_as_number(bound: str, exclusive: str) -> Callable[[Schema], Schema]:
    def rewrite(schema: Schema) -> Schema:
        """Draft 4 writes `minimum` with a boolean beside it."""
        flag = schema[exclusive]
        if not isinstance(flag, bool):
            return schema
        del schema[exclusive]
        if flag and bound in schema:
            schema[exclusive] = schema.pop(bound)
        return schema

    return rewrite


def _dependencies_apart(schema: Schema) -> Schema:
    """Draft 7 has one keyword where there are two now."""
    both = schema.pop("dependencies")
    apart: dict[str, Schema] = {"dependentRequired": {}, "dependentSchemas": {}}
    for name, value in both.items():
        key = "dependentRequired" if isinstance(value, list) else "dependentSchemas"
        apart[key][name] = value
    return {**{key: value for key, value in apart.items() if value}, **schema}


def _without_mapping(schema: Schema) -> Schema:
    """The mapping points into definitions that are gone; the variants' tags remain."""
    value = schema["discriminator"]
    if isinstance(value, Mapping):
        schema["discriminator"] = {k: v for k, v in value.items() if k != "mapping"}
    return schema


_REWRITES: dict[str, Callable[[Schema], Schema]] = {
    "type": _lower_case,
    "const": _const_as_enum,
    "nullable": _null_as_type,
    "items": _tuple_as_prefix,
    "exclusiveMinimum": _exclusive_as_number("minimum", "exclusiveMinimum"),
    "exclusiveMaximum": _exclusive_as_number("maximum", "exclusiveMaximum"),
    "dependencies": _dependencies_apart,
    "discriminator": _without_mapping,
}

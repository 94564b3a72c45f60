"""Which JSON types a schema admits, and whether two schemas can share a value."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

KINDS = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_PYTHON_TYPES: tuple[tuple[str, type | tuple[type, ...]], ...] = (
    ("null", type(None)),
    ("boolean", bool),
    ("string", str),
    ("integer", int),
    ("number", float),
    ("array", (list, tuple)),
)


def type_from_value(value: Any) -> str:
    """Name the JSON type of a value.

    Args:
        value: Anything `json.loads` returns.

    Returns:
        One of KINDS; a whole float counts as a number.
    """
    for kind, types in _PYTHON_TYPES:
        if isinstance(value, types):
            return kind
    return "object"


def kinds_of_schema(schema: Any) -> frozenset[str]:
    """Tell which JSON types a schema admits.

    Args:
        schema: A schema, or a boolean one.

    Returns:
        The types its own keywords and variants leave, all of them if none speaks of it.
    """
    if not isinstance(schema, Mapping):
        return KINDS
    declared = schema.get("type", ())
    kinds = frozenset([declared] if isinstance(declared, str) else declared) or KINDS
    if "number" in kinds:
        kinds |= {"integer"}
    if "const" in schema or "enum" in schema:
        kinds &= frozenset(
            map(type_from_value, schema.get("enum", [schema.get("const")]))
        )
    variants = schema.get("anyOf") or schema.get("oneOf") or ()
    admitted: frozenset[str] = frozenset().union(*map(kinds_of_schema, variants))
    return kinds & admitted if admitted else kinds


def fits(value: Any, schema: Any) -> bool:
    """Tell whether a value is of a type that the schema admits."""
    return type_from_value(value) in kinds_of_schema(schema)


def all_exclusive(schemas: list[Any]) -> bool:
    """Tell whether `oneOf` these is the same as `anyOf`: no value fits two.

    Args:
        schemas: The variants.

    Returns:
        True if each pair differs in type, in listed values, or in the listed values
        of a property that both require (the tag of a discriminated union).
    """
    return all(_exclusive(*pair) for pair in combinations(schemas, 2))


def _exclusive(first: Any, second: Any) -> bool:
    shared = kinds_of_schema(first) & kinds_of_schema(second)
    if not shared or _disjoint(first, second):
        return True
    return shared == {"object"} and any(
        _disjoint(first["properties"].get(tag), second["properties"].get(tag))
        for tag in _tags(first) & _tags(second)
    )


def _tags(schema: Any) -> frozenset[str]:
    if not isinstance(schema, Mapping):
        return frozenset()
    properties = schema.get("properties", {})
    return frozenset(name for name in schema.get("required", ()) if name in properties)


def _disjoint(first: Any, second: Any) -> bool:
    """Tell whether both list their values, and none in common."""
    listed = [s["enum"] for s in (first, second) if isinstance(s, dict) and "enum" in s]
    return len(listed) == 2 and not any(value in listed[1] for value in listed[0])

"""JSON Schema to the subset of OpenAPI 3.0 that `parameters` and `responseSchema` take.

The keywords are those of `Schema` in Google's discovery document for Vertex AI v1beta1
(revision 20261106). What it cannot say is refused, with the path of the keyword, never
weakened: `schema_dialect="json"` has no such limits. Left out are only notes that do
not change which values are valid (`$comment`, `readOnly`, the name of the
discriminator, all examples but the first).
"""

from collections.abc import Callable
from math import floor
from typing import Any, Literal, NoReturn

from langchain_cf_gemini._gemini.schema.conjunction import Schema, conjunction
from langchain_cf_gemini._gemini.schema.json_schema import json_schema_from, subschemas
from langchain_cf_gemini._gemini.schema.json_types import (
    all_exclusive,
    fits,
    kinds_of_schema,
    type_from_value,
)
from langchain_cf_gemini._gemini.vocabulary import camel_keys
from langchain_cf_gemini.exceptions import UnsupportedContentError

Dialect = Literal["json", "openapi"]
"""How schemas are said: JSON Schema whole, or Google's subset of OpenAPI 3.0."""

_ABOUT = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset(
        {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"}
    ),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "object": frozenset(
        {"properties", "required", "additionalProperties"}
        | {"minProperties", "maxProperties", "propertyOrdering"}
    ),
}
_ABOUT["integer"] = _ABOUT["number"]
_ABOUT_ONE_TYPE = frozenset().union(*_ABOUT.values())
_DESCRIBING = frozenset({"title", "description", "default", "example", "examples"})
_KEPT = (
    _ABOUT_ONE_TYPE
    - {"exclusiveMinimum", "exclusiveMaximum", "prefixItems", "items"}
    - {"properties", "additionalProperties", "required"}
) | {"title", "description", "default", "example", "nullable"}
_GOOGLES = (
    _KEPT
    | {"type", "enum", "items", "properties", "required", "anyOf"}
    | {*("additionalProperties", "ref", "defs")}
)
_NOTES = frozenset(
    {"$id", "$comment", "deprecated", "readOnly", "writeOnly", "discriminator"}
    | {"contentEncoding", "contentMediaType"}
)


def openapi_schema_from(json_schema: Schema, *, at: str = "schema") -> Schema:
    """Say a JSON Schema in Google's OpenAPI subset.

    Args:
        json_schema: A JSON Schema, or one already in the subset (it stays as it is).
        at: Where the schema stands in the request, for errors.

    Returns:
        A `Schema` as Vertex AI publishes it, types in capitals.

    Raises:
        UnsupportedContentError: If a keyword cannot be said; the message names its
            path, like `parameters.properties.pet.oneOf`.
    """
    if is_openapi_schema(json_schema):
        return json_schema
    return _converted(json_schema_from(json_schema, at=at), at)


def is_openapi_schema(schema: Any) -> bool:
    """Tell whether a schema is in Google's subset: its types are in capitals.

    Some write JSON Schema's keywords in such a schema, which Google refuses there.
    """
    kind = schema.get("type") if isinstance(schema, dict) else None
    return isinstance(kind, str) and kind.isupper() and _is_googles(schema)


def _is_googles(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    given = {k: value for k, value in camel_keys(schema).items() if value is not None}
    if isinstance(given.get("additionalProperties"), bool):
        del given["additionalProperties"]
    listed = given.get("enum", [])
    return (
        given.keys() <= _GOOGLES
        and isinstance(listed, list)
        and all(isinstance(word, str) for word in (given.get("type", ""), *listed))
        and all(map(_is_googles, subschemas(given)))
    )


def _refuse(at: str, what: str) -> NoReturn:
    msg = f"{at}: Google's OpenAPI subset doesn't support {what}. "
    raise UnsupportedContentError(msg + 'Use schema_dialect="json".')


def _converted(schema: Any, at: str) -> Schema:
    if not isinstance(schema, dict):
        return {} if schema is True else _refuse(at, "a schema that nothing fits")
    if "anyOf" in schema or "oneOf" in schema:
        return _union(schema, at)
    if "const" in schema:
        rest = {key: value for key, value in schema.items() if key != "const"}
        return _converted({"enum": [schema["const"]], **rest}, at)
    kinds = _listed_kinds(schema)
    if len(kinds) > 1:
        return _union(_split(schema, kinds), at)
    return _plain({**schema, "type": kinds[0]} if kinds else schema, at)


def _listed_kinds(schema: Schema) -> list[str]:
    """The types that need a variant each; none if the schema does not name any."""
    if "enum" in schema:
        kinds = dict.fromkeys(map(type_from_value, schema["enum"]))
        found = [kind for kind in kinds if kind in kinds_of_schema(schema)]
        return found or ["nothing"]
    if kind := schema.get("type"):
        return [kind] if isinstance(kind, str) else list(kind)
    named = ("object", "array", "string", "number")
    found = [kind for kind in named if schema.keys() & _ABOUT[kind] - {"format"}]
    return found or ["string"] * ("format" in schema)


def _split(schema: Schema, kinds: list[str]) -> Schema:
    """Write several types as `anyOf`: each with its values and the keywords about it.

    Keywords about another type say nothing, and go where the variant is written.
    """
    shared = {key: value for key, value in schema.items() if key in _DESCRIBING}
    rest = {k: v for k, v in schema.items() if k not in {"type", "enum", *shared}}
    listed = schema.get("enum", ())
    values = {kind: [v for v in listed if type_from_value(v) == kind] for kind in kinds}
    variants = [
        {"type": kind, **rest, **({"enum": values[kind]} if listed else {})}
        for kind in kinds
    ]
    return {**shared, "anyOf": variants}


def _union(schema: Schema, at: str) -> Schema:
    """Write a union alone: older Vertex refuses keywords beside `anyOf`.

    What stands beside it moves into every variant. A null variant becomes `nullable`
    where one other variant is left, and stays a variant otherwise.
    """
    key = "anyOf" if "anyOf" in schema else "oneOf"
    _check_variants(schema[key], f"{at}.{key}")
    beside = {name: value for name, value in schema.items() if name != key}
    places = [f"{at}.{key}[{i}]" for i in range(len(schema[key]))]
    others = [
        _converted(_joined(variant, beside, place), place)
        for variant, place in zip(schema[key], places, strict=True)
        if not _is_null(variant)
    ]
    null = len(others) < len(places) and "null" in kinds_of_schema(beside)
    if null and not others:
        return _converted(_joined({"type": "null"}, beside, at), at)
    if len(others) == 1 and "anyOf" not in others[0]:
        return {**others[0], **(_nullable(beside) if null else {})}
    return {"anyOf": others + [{"type": "NULL"}] * null}


def _is_null(variant: Any) -> bool:
    known = _ABOUT_ONE_TYPE | _DESCRIBING | {"type", "enum", "const"}
    return kinds_of_schema(variant) == {"null"} and variant.keys() <= known


def _check_variants(variants: list[Any], at: str) -> None:
    if False in variants:
        _refuse(f"{at}[{variants.index(False)}]", "a schema that nothing fits")
    if at.endswith("oneOf") and not all_exclusive(variants):
        _refuse(at, "variants that may overlap (anyOf, if either will do)")


def _nullable(beside: Schema) -> Schema:
    unset = {"default": None} if beside.get("default", ...) is None else {}
    return {"nullable": True, **unset}


def _joined(variant: Any, beside: Schema, at: str) -> Schema:
    """One variant of a union with what stands beside the union."""
    inner = variant if isinstance(variant, dict) else {}
    outer = dict(beside)
    texts = [text for each in (beside, inner) if (text := each.get("description"))]
    if texts:
        outer["description"] = "\n".join(texts)
    if "title" in inner:
        outer.pop("title", None)  # the variant's own name
    if "default" in outer and not fits(outer["default"], inner):
        del outer["default"]
    if (joined := conjunction(outer, inner)) is None:
        _refuse(at, f"a union with {', '.join(sorted(beside))} beside it")
    return joined


def _naming_what_is_required(schema: Schema) -> Schema:
    """Google refuses a required name without its property; others are of the rest."""
    properties = dict(schema.get("properties", {}))
    for name in schema["required"]:
        properties.setdefault(name, schema.get("additionalProperties", True))
    return {**schema, "properties": properties}


def _plain(schema: Schema, at: str) -> Schema:
    if "required" in schema:
        schema = _naming_what_is_required(schema)
    vacuous = _ABOUT_ONE_TYPE - _ABOUT.get(schema.get("type", ""), frozenset())
    meant = {k: v for k, v in schema.items() if k not in vacuous | _NOTES}
    found = {key: value for key, value in meant.items() if key in _KEPT}
    for key, value in meant.items():
        if writer := _WRITERS.get(key):
            found |= writer(value, schema, f"{at}.{key}")
        elif key not in _KEPT and not key.startswith("x-"):
            _refuse(f"{at}.{key}", f"{key} = {value!r:.60}")
    if found.get("type") == "ARRAY":
        # A missing `items` is a 400 on the Gemini API, an empty one admits anything.
        found.setdefault("items", {})
    return found


def _enum(value: Any, schema: Schema, at: str) -> Schema:
    """`enum` is `string[]`; for integers Google documents format enum beside it."""
    listed = [each for each in value if type_from_value(each) == schema.get("type")]
    if "" in listed:  # "enum[0]: cannot be empty"
        _refuse(at, "an empty string among the listed values")
    if schema.get("type") == "string":
        return {"enum": listed}
    if schema.get("type") == "integer":
        return {"enum": [str(each) for each in listed], "format": "enum"}
    if schema.get("type") == "null" or set(map(repr, listed)) == {"True", "False"}:
        return {}
    return _refuse(at, f"listed values {value!r:.60}")


def _properties(value: Any, _schema: Schema, at: str) -> Schema:
    written = {name: _converted(each, f"{at}.{name}") for name, each in value.items()}
    return {"properties": written} if written else {}


def _additional_properties(value: Any, _schema: Schema, at: str) -> Schema:
    if value is True or value == {}:
        return {}
    written = False if value is False else _converted(value, at)
    return {"additionalProperties": written}


def _items(value: Any, schema: Schema, at: str) -> Schema:
    if "prefixItems" in schema:
        return {}
    return {"maxItems": 0} if value is False else {"items": _converted(value, at)}


def _prefix_items(value: Any, schema: Schema, at: str) -> Schema:
    """A tuple can be said if all its places, and what may follow, are alike."""
    most = min(schema.get("maxItems", len(value) + 1), len(value) + 1)
    closed = most <= len(value) or schema.get("items") is False
    rest = [] if closed else [schema.get("items", True)]
    if any(each != value[0] for each in [*value, *rest]):
        _refuse(at, "a tuple whose places differ or whose end is open")
    limit = {"maxItems": min(most, len(value))} if closed else {}
    return {"items": _converted(value[0], f"{at}[0]"), **limit}


def _exclusive(bound: str, step: int) -> Callable[[Any, Schema, str], Schema]:
    def write(value: Any, schema: Schema, at: str) -> Schema:
        if schema.get("type") != "integer":
            _refuse(at, f"an exclusive bound ({value}) of a number")
        nearest = floor(value) + 1 if step > 0 else -floor(-value) - 1
        given = schema.get(bound, nearest)
        return {bound: max(given, nearest) if step > 0 else min(given, nearest)}

    return write


def _multiple_of(value: Any, schema: Schema, at: str) -> Schema:
    if schema.get("type") == "integer" and value == 1:
        return {}
    return _refuse(at, f"multiples of {value}")


def _recursion(_value: Any, _schema: Schema, at: str) -> Schema:
    return _refuse(at, "a schema that contains itself")


_WRITERS: dict[str, Callable[[Any, Schema, str], Schema]] = {
    "type": lambda kind, _schema, _at: {"type": str(kind).upper()},
    "required": lambda names, _schema, _at: {"required": [*names]} if names else {},
    "enum": _enum,
    "properties": _properties,
    "additionalProperties": _additional_properties,
    "items": _items,
    "prefixItems": _prefix_items,
    "exclusiveMinimum": _exclusive("minimum", 1),
    "exclusiveMaximum": _exclusive("maximum", -1),
    "multipleOf": _multiple_of,
    "uniqueItems": lambda unique, _schema, at: (
        _refuse(at, "items that must differ") if unique else {}
    ),
    "examples": lambda all_, _schema, _at: {"example": all_[0]} if all_ else {},
    "$ref": _recursion,
    "$defs": _recursion,
}

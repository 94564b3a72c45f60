"""JSON Schema in Google's OpenAPI subset: the same values, or an error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from langchain_cf_gemini.exceptions import UnsupportedContentError
from tests.support.gemini import json_schema_from, openapi_schema_from
from tests.support.published import problems
from tests.support.schemas import VALUES, Pet
from tests.support.tables import rows

Json = dict[str, Any]

_STRING: Json = {"type": "string"}
_TAGGED = [
    {"type": "object", "properties": {"k": {"const": tag}}, "required": ["k"]}
    for tag in ("a", "b")
]

_SAYS = {"type": "STRING"}
_PAIR = {"type": "array", "prefixItems": [_STRING, _STRING]}
_TEXTS = {"type": "ARRAY", "items": _SAYS}
SAID: dict[str, tuple[Json, Json]] = {
    "type": (_STRING, {"type": "STRING"}),
    "nullable": ({"type": ["string", "null"], "minLength": 2, "description": "d"},
                 {**_SAYS, "nullable": True, "minLength": 2, "description": "d"}),
    "optional": ({"anyOf": [_STRING, {"type": "null"}], "default": None, "title": "T"},
                 {"type": "STRING", "nullable": True, "default": None, "title": "T"}),
    "a default with its variant": (
        {"anyOf": [_STRING, {"type": "integer"}], "default": 3},
        {"anyOf": [_SAYS, {"type": "INTEGER", "default": 3}]}),
    "notes beside a union": (
        {"anyOf": [{**_STRING, "description": "text"}, {"type": "null"},
                   {"type": "integer"}], "description": "either"},
        {"anyOf": [{"type": "STRING", "description": "either\ntext"},
                   {"type": "INTEGER", "description": "either"}, {"type": "NULL"}]}),
    "several types": ({"type": ["string", "integer"], "minimum": 2, "maxLength": 3},
                      {"anyOf": [{"type": "STRING", "maxLength": 3},
                                 {"type": "INTEGER", "minimum": 2}]}),
    "no type, words about two": ({"minLength": 1, "minimum": 3},
                                 {"anyOf": [{"type": "STRING", "minLength": 1},
                                            {"type": "NUMBER", "minimum": 3}]}),
    "no type, a format": ({"format": "date"}, {"type": "STRING", "format": "date"}),
    "titles of variants": ({"anyOf": [{**_STRING, "title": "Name"},
                                      {"type": "integer"}], "title": "Id"},
                           {"anyOf": [{"type": "STRING", "title": "Name"},
                                      {"type": "INTEGER", "title": "Id"}]}),
    "string const": ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
    "int enum": ({"type": "integer", "enum": [1, 2]},
                 {"type": "INTEGER", "format": "enum", "enum": ["1", "2"]}),
    "mixed enum": ({"enum": ["a", 1, None]},
                   {"anyOf": [{"type": "STRING", "enum": ["a"]},
                              {"type": "INTEGER", "format": "enum", "enum": ["1"]},
                              {"type": "NULL"}]}),
    "null": ({"const": None}, {"type": "NULL"}),
    "both booleans": ({"enum": [True, False]}, {"type": "BOOLEAN"}),
    "tagged union": ({"oneOf": _TAGGED, "discriminator": {"propertyName": "k"}},
                     {"anyOf": [{"type": "OBJECT",
                                 "properties": {"k": {"type": "STRING", "enum": [tag]}},
                                 "required": ["k"]} for tag in ("a", "b")]}),
    "values of one type": (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "OBJECT", "additionalProperties": {"type": "INTEGER"}}),
    "closed object": (
        {"type": "object", "properties": {}, "additionalProperties": False},
        {"type": "OBJECT", "additionalProperties": False}),
    "object by its properties": ({"properties": {"a": _STRING}, "required": []},
                                 {"type": "OBJECT", "properties": {"a": _SAYS}}),
    "pair of a kind": ({**_PAIR, "minItems": 2, "maxItems": 2},
                       {**_TEXTS, "minItems": 2, "maxItems": 2}),
    "closed pair of a kind": ({**_PAIR, "items": False}, {**_TEXTS, "maxItems": 2}),
    "pair that goes on as it began": ({**_PAIR, "items": _STRING}, _TEXTS),
    "bounds within the exclusive ones": (
        {"type": "integer", "minimum": 5, "exclusiveMinimum": 0,
         "maximum": 6, "exclusiveMaximum": 9},
        {"type": "INTEGER", "minimum": 5, "maximum": 6}),
    "list of anything": ({"type": "array"}, {"type": "ARRAY", "items": {}}),
    "empty list": ({"type": "array", "items": False, "uniqueItems": False},
                   {"type": "ARRAY", "items": {}, "maxItems": 0}),
    "exclusive bounds of integers": ({"type": "integer", "exclusiveMinimum": 0,
                                      "minimum": -3, "exclusiveMaximum": 7.5},
                                     {"type": "INTEGER", "minimum": 1, "maximum": 7}),
    "whole multiples": ({"type": "integer", "multipleOf": 1}, {"type": "INTEGER"}),
    "keywords of other types": ({**_STRING, "minimum": 3}, {"type": "STRING"}),
    "one example": ({**_STRING, "examples": ["a", "b"], "x-note": 1, "$comment": "c"},
                    {"type": "STRING", "example": "a"}),
    "format": ({**_STRING, "format": "date"}, {"type": "STRING", "format": "date"}),
    "own words": ({"type": "object", "nullable": True, "propertyOrdering": ["a"]},
                  {"type": "OBJECT", "nullable": True, "propertyOrdering": ["a"]}),
    "reference": ({"items": {"$ref": "#/$defs/A"}, "type": "array",
                   "$defs": {"A": _STRING}}, _TEXTS),
    "anything": ({"title": "A"}, {"title": "A"}),
    "a property that takes all": (
        {"type": "object", "properties": {"x": True}, "additionalProperties": {}},
        {"type": "OBJECT", "properties": {"x": {}}}),
    "a union that may be null": (
        {"anyOf": [{"type": ["string", "integer"]}, {"type": "null"}]},
        {"anyOf": [{"anyOf": [_SAYS, {"type": "INTEGER"}]}, {"type": "NULL"}]}),
    "a union with anything": ({"anyOf": [True, {"type": "null"}]}, {"nullable": True}),
    "a union of null alone": ({"anyOf": [{"type": "null"}]}, {"type": "NULL"}),
    "null that the union's type forbids": (
        {"type": "string", "anyOf": [{"type": "null"}, {"minLength": 1}]},
        {"type": "STRING", "minLength": 1}),
}  # fmt: skip

REFUSED: dict[str, tuple[Json, str]] = {
    "a value that is empty": ({"type": "string", "enum": ["", "a"]}, "enum"),
    "oneOf": ({"oneOf": [_STRING, {"type": ["string", "null"]}]}, "oneOf"),
    "oneOf with anything": ({"oneOf": [True, {"type": "object"}]}, "oneOf"),
    "oneOf with anything else": ({"oneOf": [{"type": "object"}, True]}, "oneOf"),
    "oneOf with a tag of any kind": (
        {"oneOf": [{"type": "object", "properties": {"k": kind},
                    "required": ["k"]} for kind in (True, _STRING)]},
        "oneOf"),
    "a property that takes nothing": ({"type": "object", "properties": {"y": False}},
                                      r"properties\.y"),
    "allOf": ({"minimum": 3, "type": "number", "allOf": [{"minimum": 5}]}, "allOf"),
    "not": ({"not": _STRING}, "not"),
    "if": ({"type": "string", "if": {"minLength": 1}}, "if"),
    "tuple": ({"type": "array", "prefixItems": [_STRING, {"type": "integer"}]},
              "prefixItems"),
    "open tuple": ({"type": "array", "prefixItems": [_STRING],
                    "items": {"type": "integer"}}, "prefixItems"),
    "tuple with one more of anything": (
        {"type": "array", "prefixItems": [_STRING, _STRING], "maxItems": 3},
        "prefixItems"),
    "set": ({"type": "array", "uniqueItems": True}, "uniqueItems"),
    "exclusive bound": ({"type": "number", "exclusiveMinimum": 0}, "exclusiveMinimum"),
    "multiples": ({"type": "integer", "multipleOf": 5}, "multipleOf"),
    "pattern of names": ({"type": "object", "patternProperties": {"^a": _STRING}},
                         "patternProperties"),
    "true": ({"const": True}, "enum"),
    "listed objects": ({"enum": [{"a": 1}]}, "enum"),
    "nothing fits": ({"type": "array", "items": {"anyOf": [False]}},
                     r"items\.anyOf\[0\]"),
    "recursion": (
        {"type": "object", "properties": {"next": {"$ref": "#/properties/x"}}},
        r"properties\.next\.\$ref"),
    "keywords that a union and its variant both have": (
        {"minimum": 1, "anyOf": [{"type": "integer", "minimum": 3}, _STRING]},
        r"anyOf\[0\]"),
}  # fmt: skip


@rows("before after", SAID)
def test_says(before: Json, after: Json) -> None:
    assert openapi_schema_from(before) == after
    assert problems("Schema", after) == []


@pytest.mark.parametrize("case", [name for name in SAID if "type" in SAID[name][1]])
def test_leaves_its_own_result_alone(case: str) -> None:
    after = SAID[case][1]
    assert openapi_schema_from(after) == after


@rows("schema path", REFUSED)
def test_refuses_with_the_path(schema: Json, path: str) -> None:
    root = {"type": "object", "properties": {"x": schema}}
    said = rf"^parameters\.properties\.x\.{path}: "
    with pytest.raises(UnsupportedContentError, match=said) as caught:
        openapi_schema_from(root, at="parameters")
    assert 'schema_dialect="json"' in str(caught.value)


def test_a_discriminated_union_of_classes_is_said() -> None:
    written = openapi_schema_from(json_schema_from(Pet))
    assert [each["title"] for each in written["anyOf"]] == ["Cat", "Dog"]
    assert problems("Schema", written) == []


# ---- arbitrary schemas


def json_schema_from_openapi(schema: Json) -> Json:
    """Read Google's subset back, as Google documents it."""
    read = json_schema_from_openapi
    schema = dict(schema)
    nullable = schema.pop("nullable", False)
    if schema.get("type") == "INTEGER" and "enum" in schema:
        schema["enum"] = [int(each) for each in schema["enum"]]
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = read(schema[key])
    if inner := schema.get("properties"):
        schema["properties"] = {name: read(each) for name, each in inner.items()}
    if "anyOf" in schema:
        schema["anyOf"] = [read(each) for each in schema["anyOf"]]
    if "type" in schema:
        schema["type"] = schema["type"].lower()
    return {"anyOf": [schema, {"type": "null"}]} if nullable else schema


_LEAVES: st.SearchStrategy[Any] = st.sampled_from(
    [
        {},
        {"type": "string", "minLength": 1},
        {"type": "integer", "minimum": 0},
        {"type": "integer", "exclusiveMaximum": 2},
        {"type": "number", "maximum": 1},
        {"type": ["integer", "null"], "maximum": 1},
        {"type": ["string", "integer"], "enum": ["a", 1, None]},
        {"type": "null"},
        {"type": "boolean"},
        {"const": 1},
        {"const": "a"},
        {"const": True},
        {"enum": ["a", "b", None]},
        {"enum": [1, 2]},
        {"type": "array", "maxItems": 1},
    ]
)


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    names = st.sampled_from("abc")
    notes = st.sampled_from([{}, {"description": "d"}, {"default": 1}, {"title": "t"}])
    return (
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(names, inner)},
            optional={
                "required": st.lists(names, unique=True, max_size=1),
                "additionalProperties": st.booleans() | inner,
            },
        )
        | st.builds(lambda item: {"type": "array", "items": item}, inner)
        | st.builds(lambda s: {**_PAIR, "prefixItems": [s, s], "items": False}, inner)
        | st.builds(
            lambda key, s, note: {key: s, **note},
            st.sampled_from(["anyOf", "oneOf", "allOf"]),
            several,
            notes,
        )
    )


@given(
    schema=st.recursive(_LEAVES, _deeper, max_leaves=6),
    values=st.lists(VALUES, min_size=4, max_size=8),
)
def test_any_schema_keeps_its_meaning_or_is_refused(
    schema: Json, values: list[Any]
) -> None:
    try:
        written = openapi_schema_from(schema)
    except UnsupportedContentError:
        return
    assert problems("Schema", written) == []
    before = Draft202012Validator(schema)
    after = Draft202012Validator(json_schema_from_openapi(written))
    for value in values:
        assert before.is_valid(value) == after.is_valid(value)

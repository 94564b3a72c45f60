"""Values filled from a schema and a prompt fit the schema."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.support.emulated import instance_from_schema

INTEGER, NUMBER, STRING = ({"type": it} for it in ("integer", "number", "string"))


def objects(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


WEATHER = objects({"city": STRING, "unit": {"enum": ["C", "F"]}}, "city")
FILLED: list[tuple[Any, str, Any]] = [
    (INTEGER, "take 3 of 10", 3),
    ({"type": "INTEGER"}, "gemini3 costs 2.5", 2),
    (NUMBER, "gemini3 costs 2.5", 2.5),
    ({"type": "integer", "minimum": 5, "maximum": 8}, "take 10", 8),
    ({"type": "integer", "exclusiveMinimum": 5}, "", 6),
    ({"type": "number", "exclusiveMaximum": 0}, "", -0.5),
    ({"type": "boolean"}, "", True),
    ({"type": "null"}, "", None),
    ({"const": "x"}, "", "x"),
    ({"enum": ["red", "blue"]}, "the blue one", "blue"),
    ({"enum": ["red", "blue"]}, "", "red"),
    ({"enum": [1, 2]}, "number 2", 2),
    ({"type": ["null", "string"]}, "say 'hi'", "hi"),
    ({"anyOf": [{"type": "null"}, INTEGER]}, "7", 7),
    ({"oneOf": [INTEGER, STRING]}, "7", 7),
    ({"anyOf": [{"type": "null"}]}, "", None),
    ({"allOf": [objects({"a": INTEGER}), objects({"b": {"const": 1}})]}, "4",
     {"a": 4, "b": 1}),
    ({"$ref": "#/$defs/A", "$defs": {"A": {"const": 3}}}, "", 3),
    ({"ref": "A", "defs": {"A": {"type": "INTEGER"}}}, "9", 9),
    ({"$ref": "#/$defs/none"}, "", "value (emulated)"),
    ({"type": "array", "items": INTEGER}, "sum 1, 2 and 3", [1, 2, 3]),
    ({"type": "array", "items": STRING, "minItems": 2}, "", ["value (emulated)"] * 2),
    ({"type": "array"}, "", []),
    ({"type": "array", "minItems": 1}, "", ["value (emulated)"]),
    ({"prefixItems": [INTEGER, {"const": "x"}]}, "5", [5, "x"]),
    ({"prefixItems": [{"const": 1}], "items": False}, "", [1]),
    (objects({}), "", {}),
    ({}, "", "value (emulated)"),
    (True, "", "value (emulated)"),
    ({"type": "string", "format": "email"}, "write to a.b@c.de", "a.b@c.de"),
    ({"type": "string", "format": "email"}, "", "user@example.com"),
    ({"type": "string", "format": "date"}, "on 2026-03-01 please", "2026-03-01"),
    ({"type": "string", "minLength": 20}, "", "value (emulated)...."),
    ({"type": "string", "maxLength": 3}, "", "val"),
    (WEATHER, "weather in Lima", {"city": "Lima"}),
    (WEATHER, "weather in Lima in F", {"city": "Lima", "unit": "F"}),
    (objects({"city": STRING, "days": INTEGER}, "city"),
     "weather in Lima for the next 3 days", {"city": "Lima", "days": 3}),
    (objects({"a": STRING, "b": STRING}, "a", "b"), "from 'Lima' to 'Rome'",
     {"a": "Lima", "b": "Rome"}),
    (objects({"name": STRING}, "name"), "my name is Ada.", {"name": "Ada"}),
    (objects({"user_email": STRING}, "user_email"), "x", {}),
    (objects({"a": STRING}, "a", "other"), "", {}),
    (objects({"on": False, "off": False}, "on"), "", {"on": "on (emulated)"}),
    ({"properties": {"a": {"const": 1}}}, "", {"a": 1}),
    ({"items": {"const": 1}}, "", [1]),
    ({"type": "string", "pattern": "("}, "say 'hi'", "hi"),
    (objects({"name": STRING, "title": STRING}, "name"), "name: Ada, title: Ada",
     {"name": "Ada", "title": "Ada"}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "prompt", "expected"), FILLED)
def test_filled_from_the_prompt(schema: Any, prompt: str, expected: Any) -> None:
    value = instance_from_schema(schema, prompt)
    if expected == {}:
        assert set(value) == set(schema["required"])
    else:
        assert value == expected
        assert type(value) is type(expected)


def test_references_in_a_circle_end() -> None:
    circle = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert instance_from_schema(circle, "") == "value (emulated)"


def test_a_recursive_schema_ends() -> None:
    children = {"type": "array", "items": {"$ref": "#/$defs/node"}}
    node = objects({"name": STRING, "children": children}, "name", "children")
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node}}
    Draft202012Validator(schema).validate(instance_from_schema(schema, ""))


LEAVES = st.one_of(
    st.builds(lambda: STRING),
    st.builds(lambda n: {"type": "string", "maxLength": n}, st.integers(0, 30)),
    st.builds(lambda n: {"type": "string", "minLength": n}, st.integers(0, 30)),
    st.builds(lambda n: {"type": "integer", "minimum": n}, st.integers(-50, 50)),
    st.builds(lambda n: {"type": "number", "exclusiveMaximum": n}, st.integers(-9, 9)),
    st.builds(lambda e: {"enum": e}, st.lists(st.text(), min_size=1)),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": ["string", "null"]}),
)


def nested(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.text(min_size=1), children, max_size=3)
    return st.one_of(
        st.builds(lambda p: objects(p, *p), properties),
        st.builds(lambda p: objects(p), properties),
        st.builds(
            lambda c, n: {"type": "array", "items": c, "minItems": n},
            children,
            st.integers(0, 3),
        ),
        st.builds(lambda c: {"anyOf": [{"type": "null"}, c]}, children),
    )


@given(
    st.recursive(LEAVES, nested, max_leaves=8),
    st.one_of(st.text(), st.just("Add 3 and 4.5 for 'Ada' in New York, NY, á '你好'")),
)
def test_every_value_fits_its_schema(schema: Any, prompt: str) -> None:
    Draft202012Validator(schema).validate(instance_from_schema(schema, prompt))


MENTIONED: list[tuple[str, str, str | None]] = [
    ("What is the weather in San Francisco, CA?", "location", "San Francisco, CA"),
    ("What's the 'big' deal, isn't it?", "name", "big"),
    ("I live in Paris", "city", "Paris"),
    ("What is it? The answer.", "city", None),
    ("Say “hello there”", "phrase", "hello there"),
    ("called 「山田」", "name", "山田"),
    ("see https://a.b/c now", "page_url", "https://a.b/c"),
    ("see nothing", "page_url", None),
    ("What now?", "query", "What now?"),
    ("", "query", None),
]


@pytest.mark.parametrize(("prompt", "name", "expected"), MENTIONED)
def test_mentions(prompt: str, name: str, expected: str | None) -> None:
    value = instance_from_schema(objects({name: STRING}, name), prompt)[name]
    invented = (f"{name.replace('_', ' ')} (emulated)",)
    assert (value,) == ((expected,) if expected else invented)


def test_numbers_that_are_part_of_words_do_not_count() -> None:
    numbers = {"type": "array", "items": NUMBER}
    assert instance_from_schema(numbers, "gpt4 v1.2.3 costs -5 or 1.5") == [-5, 1.5]


NONSENSE: list[Any] = [
    {"type": "array", "items": {}, "minItems": 10**400},
    {"type": "array", "items": {"$ref": "#"}, "minItems": 90},
    {"type": "object", "properties": [], "required": 1},
    {"enum": 1}, {"anyOf": 5}, {"allOf": [1]}, {"type": {}}, {"minLength": "x"},
]  # fmt: skip


@pytest.mark.parametrize("schema", NONSENSE, ids=range(len(NONSENSE)))
def test_a_schema_that_is_none(schema: Any) -> None:
    instance_from_schema(schema, "")

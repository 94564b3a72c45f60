"""Types to JSON Schema: the same values are valid before and after."""

import dataclasses
import typing
from copy import deepcopy
from datetime import date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from langchain_cf_gemini.exceptions import UnsupportedContentError
from tests.support.gemini import json_schema_from
from tests.support.schemas import (
    CASES,
    VALUES,
    Documented,
    Everything,
    Json,
    Line,
    Node,
    Point,
    places,
)
from tests.support.tables import rows


@rows("form right wrong", CASES)
def test_accepts_what_the_type_accepts(
    form: Any, right: list[Any], wrong: list[Any]
) -> None:
    schema = json_schema_from(form)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert [value for value in right if not validator.is_valid(value)] == []
    assert [value for value in wrong if validator.is_valid(value)] == []


@pytest.mark.parametrize("case", [case for case in CASES if "recursive" not in case])
def test_stands_alone(case: str) -> None:
    schema = json_schema_from(CASES[case][0])
    if "old typed dict" not in case:
        assert not any("$ref" in place or "$defs" in place for place in places(schema))
    assert json_schema_from(schema) == schema


class Lone(TypedDict):
    a: Annotated[str, "What it is."]
    b: Annotated[int, Field(ge=1)]
    c: Annotated[int, 5]
    d: Annotated[str, "x", "Another."]


class Map(BaseModel):
    center: Point


class Own(BaseModel):
    @classmethod
    def model_json_schema(cls) -> Json:  # type: ignore[override]
        return {"type": "string"}


class Closed(typing.TypedDict):  # the older one, which is rebuilt before Python 3.12
    """Nothing else."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]
    a: int


@dataclasses.dataclass
class Silent:
    a: int


_COLOR = {"enum": ["red", "blue"], "title": "Color", "type": "string"}
_POINT: Json = {
    "x": {"description": "From the left.", "title": "X", "type": "integer"},
    "y": {"default": 0, "description": "From the top.", "title": "Y",
          "type": "integer"},
    "label": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None,
              "description": "What it is called.", "title": "Label"},
}  # fmt: skip
# A type, a place in its schema, and what stands there.
SAYS: dict[str, tuple[Any, str, Any]] = {
    "a date": (date, "", {"type": "string", "format": "date"}),
    "a time": (datetime, "", {"type": "string", "format": "date-time"}),
    "a UUID": (UUID, "", {"type": "string", "format": "uuid"}),
    "a truth": (bool, "", {"type": "boolean"}),
    "anything": (Any, "", {}),
    "a field's notes": (Everything, "properties.color",
                        {**_COLOR, "default": "red", "description": "Which one"}),
    "a default of none": (Everything, "properties.maybe.default", None),
    "a discriminator": (Everything, "properties.pet.discriminator.propertyName",
                        "kind"),
    "a variant's description": (
        Everything, "properties.pet.oneOf.0.properties.lives.description",
        "How many are left"),
    "a variant's default": (Everything,
                            "properties.pet.oneOf.0.properties.lives.default", 9),
    "an older typed dict's docstring": (Closed, "description", "Nothing else."),
    "a typed dict's own configuration": (Closed, "additionalProperties", False),
    "a typed dict's docstring": (Point, "description", "A point."),
    "what a typed dict requires": (Point, "required", ["x"]),
    "notes as LangChain documents them": (Point, "properties", _POINT),
    "notes inside of a model": (Map, "properties.center.properties", _POINT),
    "what is required inside of a model": (Map, "properties.center.required", ["x"]),
    "a lone text describes": (Lone, "properties.a.description", "What it is."),
    "a bound": (Lone, "properties.b.minimum", 1),
    "a lone number is a default": (Lone, "properties.c.default", 5),
    "a text before another is one, too": (
        Lone, "properties.d",
        {"type": "string", "title": "D", "default": "x", "description": "Another."}),
    "what has no default": (Lone, "required", ["a", "b"]),
    "a summary of two parts": (Documented, "description", "Summary.\n\nMore of it."),
    "an argument of two lines": (Documented, "properties.first.description",
                                 "One line and: another."),
    "an argument of one line": (Documented, "properties.second.description", "Short."),
    "no argument": (Documented, "properties.third",
                    {"title": "Third", "type": "integer"}),
    "a schema of its own": (Own, "", {"type": "string"}),
    "a dataclass's docstring": (Line, "description", "From here to there."),
    "a dataclass without one": (
        Silent, "", {"type": "object", "title": "Silent", "required": ["a"],
                     "properties": {"a": {"title": "A", "type": "integer"}}}),
}  # fmt: skip


@rows("form path said", SAYS)
def test_says_what_the_type_says(form: Any, path: str, said: Any) -> None:
    found: Any = json_schema_from(form)
    for step in filter(None, path.split(".")):
        found = found[int(step) if step.isdigit() else step]
    assert found == said


@pytest.mark.parametrize("form", [Everything, Line, Node])
def test_what_one_caller_changes_reaches_no_other(form: type) -> None:
    first = json_schema_from(form)
    whole = deepcopy(first)
    for place in list(places(first)):
        place.setdefault("properties", {})["mine"] = {"type": "string"}
        place.setdefault("required", []).append("mine")
    assert json_schema_from(form) == whole


def test_a_callers_own_schema_stays_whole() -> None:
    listed = {"enum": ["x"], "default": ["y"]}
    own: Json = {"type": "object", "properties": {"a": listed}, "required": ["a"]}
    before = deepcopy(own)
    made = json_schema_from(own)
    made["required"].append("b")
    made["properties"]["a"]["enum"].append("z")
    made["properties"]["a"]["default"].append("z")
    assert own == before


def test_a_class_that_changed_is_read_anew() -> None:
    class Part(BaseModel):
        """A part."""

        n: int

    assert json_schema_from(Part)["properties"]["n"]["type"] == "integer"
    Part.__annotations__["n"] = str
    Part.model_fields["n"].annotation = str
    Part.model_rebuild(force=True)
    assert json_schema_from(Part)["properties"]["n"]["type"] == "string"
    Part.__doc__ = "Another part."
    assert json_schema_from(Part)["description"] == "Another part."
    Part.__name__ = "Piece"
    assert json_schema_from(Part)["title"] == "Piece"


def test_a_class_that_says_another_thing_each_time() -> None:
    class Menu(BaseModel):
        dish: str
        today: ClassVar[list[str]] = ["soup"]

        @classmethod
        def model_json_schema(cls, *args: Any, **kwargs: Any) -> Json:
            made = super().model_json_schema(*args, **kwargs)
            made["properties"]["dish"]["enum"] = list(cls.today)
            return made

    assert json_schema_from(Menu)["properties"]["dish"]["enum"] == ["soup"]
    Menu.today.append("stew")
    assert json_schema_from(Menu)["properties"]["dish"]["enum"] == ["soup", "stew"]


class Tree(BaseModel):
    value: int
    kids: list["Tree"]


class Chain(BaseModel):
    value: int
    other: "Chain"


class Bush(BaseModel):
    label: str = ""
    value: int
    kids: list["Bush"]


@pytest.mark.parametrize("form", [Tree, Chain, Bush])
def test_recursion_in_required_properties(form: type) -> None:
    """Google takes it in optional ones, so the property that recurs becomes one."""
    schema = json_schema_from(form)
    Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["value"]
    leaf: Json = {"value": 1}
    for whole in ({"value": 1, "kids": [leaf]}, {"value": 1, "other": leaf}):
        Draft202012Validator(schema).validate(whole)
    for place in places(schema):
        for name in place.get("required", ()):
            assert "$ref" not in str(place["properties"][name])


_TEXT: Json = {"type": "string"}
_REQUIRED = {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
_NAMES_OF_WORDS = {"properties": {"nullable": _TEXT, "type": _TEXT}}
WORDS: dict[str, tuple[Json, Json]] = {
    "nullable": ({**_TEXT, "nullable": True}, {"type": ["string", "null"]}),
    "not nullable": ({**_TEXT, "nullable": False}, _TEXT),
    "nullable list": ({"type": ["string", "integer"], "nullable": True},
                      {"type": ["string", "integer", "null"]}),
    "nullable words": ({**_TEXT, "enum": ["a"], "nullable": True},
                       {"anyOf": [{**_TEXT, "enum": ["a"]}, {"type": "null"}]}),
    "nullable union": ({"anyOf": [_TEXT, {"type": "integer"}], "nullable": True},
                       {"anyOf": [_TEXT, {"type": "integer"}, {"type": "null"}]}),
    "nullable union of one length": (
        {"anyOf": [_TEXT, {"type": "integer"}], "minLength": 1, "nullable": True},
        {"anyOf": [{"anyOf": [_TEXT, {"type": "integer"}], "minLength": 1},
                   {"type": "null"}]}),
    "nullable reference": ({"$ref": "#/$defs/X", "nullable": True, "description": "d"},
                           {"anyOf": [_TEXT, {"type": "null"}], "description": "d"}),
    "nullable parts": (
        {"allOf": [{"$ref": "#/$defs/X"}], "nullable": True, "title": "T"},
        {"anyOf": [_TEXT, {"type": "null"}], "title": "T"}),
    "nullable anything": ({"nullable": True, "title": "T"}, {"title": "T"}),
    "capitals": ({"type": "STRING"}, _TEXT),
    "capitals in a list": ({"type": ["STRING", "NULL"]}, {"type": ["string", "null"]}),
    "capitals in a union": ({"anyOf": [{"type": "INTEGER"}, {"type": "boolean"}]},
                            {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}),
    "a reference of names": ({"propertyNames": {"$ref": "#/$defs/X"}},
                             {"propertyNames": _TEXT}),
    "a reference of what depends": ({"dependentSchemas": {"b": {"$ref": "#/$defs/X"}}},
                                    {"dependentSchemas": {"b": _TEXT}}),
    "a reference into a list": ({"$ref": "#/$defs/Either/anyOf/1"},
                                {"type": "boolean"}),
    "an inclusive bound": ({"type": "integer", "minimum": 3, "exclusiveMinimum": False},
                           {"type": "integer", "minimum": 3}),
    # Google does not read what stands beside a reference.
    "recursion beside variants": ({"$ref": "#", **_REQUIRED},
                                  {"allOf": [{"$ref": "#/$defs/Root"}], **_REQUIRED}),
    "recursion beside notes": ({"$ref": "#", "description": "The next"},
                               {"anyOf": [{"$ref": "#/$defs/Root"}],
                                "description": "The next"}),
    "recursion in parts": ({"minProperties": 1, "allOf": [{"$ref": "#"}]},
                           {"minProperties": 1, "allOf": [{"$ref": "#/$defs/Root"}]}),
    "percents": ({"$ref": "#/$defs/Box%3Cint%3E"}, {"type": "number"}),
    "an anchor": ({"$ref": "#here"}, {"type": "boolean"}),
    "an id": ({"$ref": "other.json"}, {"$id": "other.json", "type": "array"}),
    "properties of such names": (_NAMES_OF_WORDS, _NAMES_OF_WORDS),
}  # fmt: skip


@rows("said meant", WORDS)
def test_words_of_other_dialects(said: Json, meant: Json) -> None:
    document = {
        "type": "object",
        "properties": {"a": said},
        "$defs": {
            "X": _TEXT,
            "Either": {"anyOf": [_TEXT, {"type": "boolean"}]},
            "Box<int>": {"type": "number"},
            "Anchored": {"$anchor": "here", "type": "boolean"},
            "Named": {"$id": "other.json", "type": "array"},
        },
    }
    assert json_schema_from(document)["properties"]["a"] == meant


def test_recursion_stays_behind_references_without_siblings() -> None:
    schema = json_schema_from(Node)
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    for place in places(schema):
        if "$ref" in place:
            assert place.keys() == {"$ref"}
    assert json_schema_from(schema) == schema


def test_mutual_recursion_keeps_one_reference_per_cycle() -> None:
    definitions = {
        "A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}},
        "B": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}},
    }
    schema = json_schema_from({"$ref": "#/$defs/A", "$defs": definitions})
    assert list(schema["$defs"]) == ["A"]
    inner = schema["properties"]["b"]["properties"]["a"]
    assert inner == {"$ref": "#/$defs/A"}


def test_many_types_that_all_contain_each_other_stay_small() -> None:
    names = [f"T{i}" for i in range(12)]
    properties = {name: {"$ref": f"#/$defs/{name}"} for name in names}
    definitions = {
        name: {"type": "object", "properties": dict(properties)} for name in names
    }
    schema = json_schema_from({"$ref": "#/$defs/T0", "$defs": definitions})
    assert len(list(places(schema))) < 2_000


def test_two_recurring_definitions_of_one_name_stay_apart() -> None:
    document: Json = {"type": "object", "properties": {}}
    for key, where in (("a", "$defs"), ("b", "definitions")):
        named = {"$ref": f"#/{where}/N"}
        document["properties"][key] = named
        document[where] = {"N": {"type": "object", "properties": {key: named}}}
    schema = json_schema_from(document)
    assert schema["$defs"].keys() == {"N", "N_2"}
    assert "b" in schema["$defs"]["N_2"]["properties"]


class Plain:
    """Nothing pydantic knows."""


REFUSED: dict[str, tuple[Any, str]] = {
    "recursion outside of properties": (
        {"type": "array", "items": {"$ref": "#"}},
        r"schema\.items\.\$ref: # is recursive.* in optional properties"),
    "definitions that are none": ({"$ref": "#x", "$defs": ["x"]}, "#x doesn't exist"),
    "a text": ('{"type": "object"}', "Pass a Pydantic class"),
    "a type that is none": ({"type": {"a": 1}}, "type must be one of"),
    "a type of no JSON": (
        {"properties": {"a": {"items": {"type": "str"}}}},
        r"schema\.properties\.a\.items\.type must be one of array.*not 'str'"),
    "a text for a schema": ({"type": "object", "properties": {"a": "string"}},
                            r"schema\.properties\.a must be a schema, not 'string'"),
    "a property that says it is required": (
        {"properties": {"a": {"type": "string", "required": True}}},
        r"schema\.properties\.a\.required must be a list of names, not True"),
    "a list for properties": (
        {"type": "object", "properties": []},
        r"schema\.properties must be a dict of schemas, not \[\]"),
    "no type": ({"properties": {"a": {"type": None}}}, "type must be one of"),
    "a reference to nothing": (
        {"properties": {"a": {"$ref": "#/$defs/A"}}},
        r"schema\.properties\.a\.\$ref: #/\$defs/A doesn't exist"),
    "a reference elsewhere": (
        {"items": {"$ref": "https://example.com/a.json"}},
        r"schema\.items\.\$ref: https://example.com/a.json doesn't exist"),
    "a dynamic reference": ({"$dynamicRef": "#a"}, r"schema\.\$dynamicRef"),
    "nothing": (None, "Schema from None"),
    "a number": (5, "Schema from 5"),
    "a function type": (typing.Callable[[int], int], "Can't build a JSON Schema"),
    "a plain class": (Plain, "Can't build a JSON Schema"),
}  # fmt: skip


@rows("form message", REFUSED)
def test_refuses_with_the_path(form: Any, message: str) -> None:
    with pytest.raises(UnsupportedContentError, match=message):
        json_schema_from(form)


def test_refuses_to_grow_without_bound() -> None:
    definitions: Json = {"L0": {"type": "string"}}
    for level in range(1, 40):
        twice = {"$ref": f"#/$defs/L{level - 1}"}
        definitions[f"L{level}"] = {"properties": {"a": twice, "b": twice}}
    with pytest.raises(UnsupportedContentError, match="subschemas"):
        json_schema_from({"$ref": "#/$defs/L39", "$defs": definitions})


_KEYWORDS: Json = {
    "type": "object",
    "properties": dict.fromkeys(["$ref", "const", "items", "$defs"], _TEXT),
    "required": ["$ref"],
}
_VALUES: Json = {"default": {"$ref": "#/nowhere"}, "enum": [{"const": 1}]}
_VALUES |= {"x": {"$ref": 1}}
OLDER: dict[str, tuple[Json, Json]] = {
    "keywords that are null": (
        {"type": "string", "description": None, "items": None, "anyOf": None,
         "nullable": None, "required": None, "dependencies": None, "default": None},
        {"type": "string", "default": None}),
    "draft 7 tuple": ({"items": [{"type": "integer"}], "additionalItems": False},
                      {"items": False, "prefixItems": [{"type": "integer"}]}),
    "draft 4 bound": ({"minimum": 3, "exclusiveMinimum": True,
                       "exclusiveMaximum": False}, {"exclusiveMinimum": 3}),
    "draft 4 bound of nothing": ({"exclusiveMinimum": True}, {}),
    "const beside another enum": ({"const": 1, "enum": [2]}, {"const": 1, "enum": [2]}),
    "const beside its enum": ({"const": 2, "enum": [1, 2]}, {"enum": [2]}),
    "const that is no text or number": ({"const": True}, {"const": True}),
    "discriminator by name": ({"discriminator": "k"}, {"discriminator": "k"}),
    "draft 7 dependencies": ({"dependencies": {"a": ["b"], "c": {"minProperties": 2}}},
                             {"dependentRequired": {"a": ["b"]},
                              "dependentSchemas": {"c": {"minProperties": 2}}}),
    "definitions": ({"$schema": "http://json-schema.org/draft-07/schema#",
                     "items": {"$ref": "#/definitions/A~1B"},
                     "definitions": {"A/B": _TEXT}}, {"items": _TEXT}),
    "a reference into properties": (
        {"properties": {"a": _TEXT, "b": {"$ref": "#/properties/a"}}},
        {"properties": {"a": _TEXT, "b": _TEXT}}),
    "a reference by the document's own id": (
        {"$id": "x.json", "items": {"$ref": "x.json#/$defs/A"}, "$defs": {"A": {}}},
        {"$id": "x.json", "items": {}}),
    "names that are keywords": (_KEYWORDS, _KEYWORDS),
    "values that look like schemas": (_VALUES, _VALUES),
}  # fmt: skip


@rows("before after", OLDER)
def test_reads_older_drafts(before: Json, after: Json) -> None:
    assert json_schema_from(before) == after


MERGED: dict[str, tuple[Json, Json]] = {
    "notes win": (
        {"$ref": "#/$defs/A", "description": "here", "default": 3},
        {"type": "integer", "minimum": 1, "description": "here", "default": 3}),
    "other keywords join": (
        {"$ref": "#/$defs/A", "maximum": 5},
        {"type": "integer", "minimum": 1, "description": "A", "maximum": 5}),
    "a conflict stays apart": ({"$ref": "#/$defs/A", "minimum": 3},
                               {"minimum": 3,
                                "allOf": [{"type": "integer", "minimum": 1,
                                           "description": "A"}]}),
    "allOf of one": ({"allOf": [{"$ref": "#/$defs/A"}], "description": "here"},
                     {"type": "integer", "minimum": 1, "description": "here"}),
    "allOf of a type and a bound": ({"allOf": [{"type": "integer"}, {"minimum": 3}]},
                                    {"type": "integer", "minimum": 3}),
    "allOf of objects": (
        {"allOf": [{"type": "object", "properties": {"a": {}}, "required": ["a"]},
                   {"type": "object", "properties": {"b": {}}, "required": ["b"]}]},
        {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b", "a"]}),
    "allOf of anything and a bound": ({"allOf": [{}, True, {"minimum": 3}]},
                                      {"minimum": 3}),
    "allOf within allOf": ({"pattern": "a",
                            "allOf": [{"minLength": 1, "allOf": [{"minLength": 3}]},
                                      {"maxLength": 9, "allOf": [{"maxLength": 8}]},
                                      {"minLength": 2, "allOf": [{"minLength": 4}]}]},
                           {"pattern": "a", "minLength": 1, "maxLength": 9,
                            "allOf": [{"minLength": 3}, {"maxLength": 8},
                                      {"minLength": 2, "allOf": [{"minLength": 4}]}]}),
    "allOf around a closed object stays": (
        {"properties": {"b": {}}, "allOf": [{"additionalProperties": False}]},
        {"properties": {"b": {}}, "allOf": [{"additionalProperties": False}]}),
    "equal closings join": ({"properties": {"a": {}},
                             "allOf": [{"properties": {"a": {}}, "minProperties": 1}]},
                            {"properties": {"a": {}}, "minProperties": 1}),
    "equal groups join": (
        {"additionalProperties": False, "allOf": [{"additionalProperties": False}]},
        {"additionalProperties": False}),
    "notes join anything": ({"title": "x", "allOf": [{"unevaluatedProperties": False}]},
                            {"title": "x", "unevaluatedProperties": False}),
    "what was not evaluated stays apart": (
        {"minProperties": 1, "allOf": [{"unevaluatedProperties": False}, True]},
        {"minProperties": 1, "allOf": [{"unevaluatedProperties": False}]}),
    **{f"{name} of the place wins": (
           {name: "outer", "allOf": [{name: "inner", "minLength": 1}]},
           {name: "outer", "minLength": 1})
       for name in ("title", "description", "default", "examples", "example",
                    "deprecated", "readOnly", "writeOnly", "$comment", "$id",
                    "discriminator")},
    "nothing fits": ({"$ref": "#/$defs/F", "title": "x"},
                     {"title": "x", "allOf": [False]}),
    "a schema that takes all": ({"$ref": "#/$defs/T", "title": "x"}, {"title": "x"}),
}  # fmt: skip


_DEFINITIONS = {
    "A": {"type": "integer", "minimum": 1, "description": "A"},
    "T": True,
    "F": False,
}


@rows("before after", MERGED)
def test_merges_where_that_says_the_same(before: Json, after: Json) -> None:
    document = {"items": before, "$defs": _DEFINITIONS}
    assert json_schema_from(document) == {"items": after}


READ_TOGETHER: list[tuple[Json, Json]] = [
    ({"additionalProperties": False}, {"properties": {"a": {}}}),
    ({"additionalProperties": False}, {"patternProperties": {"a": {}}}),
    ({"additionalProperties": False}, {"propertyOrdering": ["a"]}),
    ({"items": False}, {"prefixItems": [{}]}),
    ({"contains": {"type": "string"}}, {"items": {}}),
    ({"contains": {"type": "string"}}, {"minContains": 2}),
    ({"contains": {"type": "string"}}, {"maxContains": 2}),
    ({"if": {"minLength": 1}}, {"then": {"maxLength": 2}}),
    ({"if": {"minLength": 1}}, {"else": {"maxLength": 2}}),
]


@pytest.mark.parametrize("pair", READ_TOGETHER, ids=str)
def test_keywords_that_read_each_other_stay_apart(pair: tuple[Json, Json]) -> None:
    for one, other in (pair, pair[::-1]):
        apart = {**one, "allOf": [other]}
        assert json_schema_from(apart) == apart


# ---- arbitrary schemas

_LEAVES: st.SearchStrategy[Any] = st.sampled_from(
    [
        {},
        True,
        {"type": "string", "minLength": 1},
        {"type": "integer", "minimum": 0},
        {"type": "integer", "exclusiveMaximum": 2},
        {"type": ["integer", "null"]},
        {"type": "null"},
        {"type": "boolean"},
        {"const": 1},
        {"const": "a", "description": "tag"},
        {"const": None},
        {"enum": ["a", 1, None]},
        {"not": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "array", "uniqueItems": True},
    ]
)
_NAMES = st.sampled_from("abc")


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    references = st.builds(
        lambda name, notes: {"$ref": f"#/$defs/{name}", **notes},
        st.sampled_from("ABC"),
        st.sampled_from([{}, {"title": "t"}, {"minProperties": 1}, {"maxItems": 2}]),
    )
    below = inner | references
    return st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(_NAMES, below)},
        optional={
            "required": st.lists(_NAMES, unique=True, max_size=1),
            "additionalProperties": st.booleans() | inner,
            "default": st.just({"a": 1}),
        },
    )


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return (
        _objects(inner)
        | st.builds(lambda item: {"type": "array", "items": item}, inner)
        | st.builds(
            lambda items, rest: {"type": "array", "prefixItems": items, "items": rest},
            several,
            inner | st.just(False),
        )
        | st.builds(
            lambda key, s: {key: s}, st.sampled_from(["anyOf", "oneOf"]), several
        )
        | st.builds(
            lambda s, note: {"allOf": s, **note},
            several,
            _LEAVES.filter(bool).filter(lambda x: x is not True),
        )
    )


SCHEMAS = st.recursive(_LEAVES, _deeper, max_leaves=8)
DOCUMENTS = st.builds(
    lambda root, a, b, c: {**root, "$defs": {"A": a, "B": b, "C": c}},
    _objects(SCHEMAS),
    *([SCHEMAS] * 3),
)


@given(document=DOCUMENTS, values=st.lists(VALUES, min_size=4, max_size=8))
def test_any_schema_keeps_its_meaning(document: Json, values: list[Any]) -> None:
    try:
        converted = json_schema_from(document)
    except UnsupportedContentError as error:
        assume("contains itself" not in str(error))
        raise
    again = json_schema_from(converted)
    before, *after = map(Draft202012Validator, (document, converted, again))
    for value in values:
        valid = before.is_valid(value)
        assert [each.is_valid(value) for each in after] == [valid, valid]
    # Of definitions that name each other, another one may be written out next time.
    assert again == converted or "$defs" in converted

"""Types to JSON Schema: the same values are valid before and after."""

import dataclasses
import typing
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from pydantic import BaseModel, Field, TypeAdapter
from typing_extensions import TypedDict

from langchain_cf_gemini.exceptions import UnsupportedContentError
from tests.support.gemini import json_schema_from
from tests.support.schemas import (
    CASES,
    EVERYTHING,
    VALUES,
    Documented,
    Everything,
    Json,
    Line,
    Node,
    Old,
    Point,
    places,
)


@pytest.mark.parametrize("case", CASES)
def test_accepts_what_the_type_accepts(case: str) -> None:
    form, right, wrong = CASES[case]
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


def test_keeps_notes() -> None:
    properties = json_schema_from(Everything)["properties"]
    assert properties["color"] == {
        "default": "red",
        "description": "Which one",
        "enum": ["red", "blue"],
        "title": "Color",
        "type": "string",
    }
    assert properties["maybe"]["default"] is None
    assert properties["pet"]["discriminator"] == {"propertyName": "kind"}
    lives = properties["pet"]["oneOf"][0]["properties"]["lives"]
    assert lives["description"] == "How many are left"
    assert lives["default"] == 9


@pytest.mark.parametrize(
    ("form", "fragment"),
    [
        (date, {"type": "string", "format": "date"}),
        (datetime, {"type": "string", "format": "date-time"}),
        (UUID, {"type": "string", "format": "uuid"}),
        (bool, {"type": "boolean"}),
        (Any, {}),
    ],
)
def test_reads_any_form_of_type(form: Any, fragment: Json) -> None:
    assert json_schema_from(form).items() >= fragment.items()


def test_decimal_is_a_number_or_text() -> None:
    validator = Draft202012Validator(json_schema_from(Decimal))
    assert validator.is_valid("1.5")
    assert validator.is_valid(1.5)
    assert not validator.is_valid([])


def test_typed_dict_notes_are_read_as_langchain_documents_them() -> None:
    schema = json_schema_from(Point)
    assert schema["description"] == "A point."
    assert schema["required"] == ["x"]
    assert schema["properties"] == {
        "x": {"description": "From the left.", "title": "X", "type": "integer"},
        "y": {
            "default": 0,
            "description": "From the top.",
            "title": "Y",
            "type": "integer",
        },
        "label": {
            "anyOf": [{"type": "string"}, {"type": "null"}],
            "default": None,
            "description": "What it is called.",
            "title": "Label",
        },
    }


def test_a_lone_text_in_a_typed_dict_describes() -> None:
    class Lone(TypedDict):
        a: Annotated[str, "What it is."]
        b: Annotated[int, Field(ge=1)]
        c: Annotated[int, 5]

    schema = json_schema_from(Lone)
    assert schema["properties"]["a"]["description"] == "What it is."
    assert schema["properties"]["b"]["minimum"] == 1
    assert schema["properties"]["c"]["default"] == 5
    assert schema["required"] == ["a", "b"]


def test_docstring_arguments_may_go_over_several_lines() -> None:
    schema = json_schema_from(Documented)
    assert schema["description"] == "Summary.\n\nMore of it."
    assert {name: s.get("description") for name, s in schema["properties"].items()} == {
        "first": "One line and: another.",
        "second": "Short.",
        "third": None,
    }


def test_notes_of_typed_dicts_survive_inside_of_models() -> None:
    class Map(BaseModel):
        center: Point

    center = json_schema_from(Map)["properties"]["center"]
    assert center["properties"]["y"]["description"] == "From the top."
    assert center["required"] == ["x"]


def test_a_model_may_write_its_own_schema() -> None:
    class Own(BaseModel):
        @classmethod
        def model_json_schema(cls) -> Json:  # type: ignore[override]
            return {"type": "string"}

    assert json_schema_from(Own) == {"type": "string"}


def test_dataclass_docstring_describes() -> None:
    @dataclasses.dataclass
    class Silent:
        a: int

    assert json_schema_from(Line)["description"] == "From here to there."
    assert "description" not in json_schema_from(Silent)


@pytest.mark.parametrize("form", [Everything, Line, Node])
def test_what_one_caller_changes_reaches_no_other(form: type) -> None:
    first = json_schema_from(form)
    whole = deepcopy(first)
    for place in list(places(first)):
        place.setdefault("properties", {})["mine"] = {"type": "string"}
        place.setdefault("required", []).append("mine")
    assert json_schema_from(form) == whole


def test_a_callers_own_schema_stays_whole() -> None:
    own: Json = {
        "type": "object",
        "properties": {"a": {"enum": ["x"], "default": ["y"]}},
        "required": ["a"],
    }
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
    Part.__doc__ = "Another part."
    Part.__name__ = "Piece"
    Part.__annotations__["n"] = str
    Part.model_fields["n"].annotation = str
    Part.model_rebuild(force=True)
    made = json_schema_from(Part)
    assert made["properties"]["n"]["type"] == "string"
    assert made["title"] == "Piece"


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


@pytest.mark.parametrize("form", [Tree, Chain])
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


_ONE_REF: Json = {"type": "object", "properties": {"a": {"$ref": "#/$defs/X"}}}
WORDS: dict[str, tuple[Json, Json]] = {
    "nullable": ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    "not nullable": ({"type": "string", "nullable": False}, {"type": "string"}),
    "nullable list": ({"type": ["string", "integer"], "nullable": True},
                      {"type": ["string", "integer", "null"]}),
    "nullable words": (
        {"type": "string", "enum": ["a"], "nullable": True},
        {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]}),
    "nullable union": (
        {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
        {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}),
    "nullable reference": (
        {"$ref": "#/$defs/X", "nullable": True, "description": "d"},
        {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"}),
    "nullable parts": (
        {"allOf": [{"$ref": "#/$defs/X"}], "nullable": True, "title": "T"},
        {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "T"}),
    "nullable anything": ({"nullable": True, "title": "T"}, {"title": "T"}),
    "capitals": ({"type": "STRING"}, {"type": "string"}),
    "capitals in a list": ({"type": ["STRING", "NULL"]}, {"type": ["string", "null"]}),
    "capitals in a union": ({"anyOf": [{"type": "INTEGER"}, {"type": "boolean"}]},
                            {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}),
    "a reference of names": ({"propertyNames": {"$ref": "#/$defs/X"}},
                             {"propertyNames": {"type": "string"}}),
    "a reference of what depends": ({"dependentSchemas": {"b": {"$ref": "#/$defs/X"}}},
                                    {"dependentSchemas": {"b": {"type": "string"}}}),
    "a reference into a list": ({"$ref": "#/$defs/Either/anyOf/1"},
                                {"type": "boolean"}),
    "an inclusive bound": ({"type": "integer", "minimum": 3, "exclusiveMinimum": False},
                           {"type": "integer", "minimum": 3}),
    "recursion beside variants": (
        {"$ref": "#", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"allOf": [{"$ref": "#/$defs/Root"}],
         "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
    "percents": ({"$ref": "#/$defs/Box%3Cint%3E"}, {"type": "number"}),
    "an anchor": ({"$ref": "#here"}, {"type": "boolean"}),
    "an id": ({"$ref": "other.json"}, {"$id": "other.json", "type": "array"}),
    "properties of such names": (
        {"properties": {"nullable": {"type": "string"}, "type": {"type": "string"}}},
        {"properties": {"nullable": {"type": "string"}, "type": {"type": "string"}}}),
}  # fmt: skip


@pytest.mark.parametrize(("said", "meant"), WORDS.values(), ids=WORDS.keys())
def test_words_of_other_dialects(said: Json, meant: Json) -> None:
    document = {
        "type": "object",
        "properties": {"a": said},
        "$defs": {
            "X": {"type": "string"},
            "Either": {"anyOf": [{"type": "string"}, {"type": "boolean"}]},
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


def test_a_reference_with_siblings_moves_into_any_of() -> None:
    schema = {
        "type": "object",
        "properties": {"next": {"$ref": "#", "description": "The one after"}},
    }
    assert json_schema_from(schema)["properties"]["next"] == {
        "anyOf": [{"$ref": "#/$defs/Root"}],
        "description": "The one after",
    }


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
    def recurring(pointer: str, key: str) -> Json:
        return {"type": "object", "properties": {key: {"$ref": pointer}}}

    schema = json_schema_from(
        {
            "type": "object",
            "properties": {
                "x": {"$ref": "#/$defs/N"},
                "y": {"$ref": "#/definitions/N"},
            },
            "$defs": {"N": recurring("#/$defs/N", "a")},
            "definitions": {"N": recurring("#/definitions/N", "b")},
        }
    )
    assert schema["$defs"].keys() == {"N", "N_2"}
    assert "b" in schema["$defs"]["N_2"]["properties"]


class Plain:
    """Nothing pydantic knows."""


def test_what_stands_beside_recursion_in_all_of_stays_beside_it() -> None:
    """Google does not read what stands beside a reference."""
    held = {"minProperties": 1, "allOf": [{"$ref": "#"}]}
    schema = json_schema_from({"type": "object", "properties": {"next": held}})
    made = schema["properties"]["next"]
    assert made == {"minProperties": 1, "allOf": [{"$ref": "#/$defs/Root"}]}


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


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_with_the_path(case: str) -> None:
    form, message = REFUSED[case]
    with pytest.raises(UnsupportedContentError, match=message):
        json_schema_from(form)


def test_refuses_to_grow_without_bound() -> None:
    definitions: Json = {"L0": {"type": "string"}}
    for level in range(1, 40):
        twice = {"$ref": f"#/$defs/L{level - 1}"}
        definitions[f"L{level}"] = {"properties": {"a": twice, "b": twice}}
    with pytest.raises(UnsupportedContentError, match="subschemas"):
        json_schema_from({"$ref": "#/$defs/L39", "$defs": definitions})


OLDER: dict[str, tuple[Json, Json]] = {
    "keywords that are null": (
        {"type": "string", "description": None, "items": None, "anyOf": None,
         "nullable": None, "required": None, "dependencies": None, "default": None},
        {"type": "string", "default": None}),
    "draft 7 tuple": ({"items": [{"type": "integer"}], "additionalItems": False},
                      {"items": False, "prefixItems": [{"type": "integer"}]}),
    "draft 4 bound": ({"minimum": 3, "exclusiveMinimum": True,
                       "exclusiveMaximum": False}, {"exclusiveMinimum": 3}),
    "const beside another enum": ({"const": 1, "enum": [2]}, {"const": 1, "enum": [2]}),
    "const beside its enum": ({"const": 2, "enum": [1, 2]}, {"enum": [2]}),
    "const that is no text or number": ({"const": True}, {"const": True}),
    "discriminator by name": ({"discriminator": "k"}, {"discriminator": "k"}),
    "draft 7 dependencies": ({"dependencies": {"a": ["b"], "c": {"minProperties": 2}}},
                             {"dependentRequired": {"a": ["b"]},
                              "dependentSchemas": {"c": {"minProperties": 2}}}),
    "definitions": ({"$schema": "http://json-schema.org/draft-07/schema#",
                     "items": {"$ref": "#/definitions/A~1B"},
                     "definitions": {"A/B": {"type": "string"}}},
                    {"items": {"type": "string"}}),
    "a reference into properties": (
        {"properties": {"a": {"type": "string"}, "b": {"$ref": "#/properties/a"}}},
        {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}}),
    "a reference by the document's own id": (
        {"$id": "x.json", "items": {"$ref": "x.json#/$defs/A"}, "$defs": {"A": {}}},
        {"$id": "x.json", "items": {}}),
}  # fmt: skip


@pytest.mark.parametrize("case", OLDER)
def test_reads_older_drafts(case: str) -> None:
    before, after = OLDER[case]
    assert json_schema_from(before) == after


def test_names_that_are_keywords_are_names() -> None:
    properties = {
        name: {"type": "string"} for name in ("$ref", "const", "items", "$defs")
    }
    schema = {"type": "object", "properties": properties, "required": ["$ref"]}
    assert json_schema_from(schema) == schema


def test_values_that_look_like_schemas_are_values() -> None:
    schema = {
        "default": {"$ref": "#/nowhere"},
        "enum": [{"const": 1}],
        "x": {"$ref": 1},
    }
    assert json_schema_from(schema) == schema


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
    "allOf of objects": (
        {"allOf": [{"type": "object", "properties": {"a": {}}, "required": ["a"]},
                   {"type": "object", "properties": {"b": {}}, "required": ["b"]}]},
        {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b", "a"]}),
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
    "nothing fits": ({"$ref": "#/$defs/F", "title": "x"},
                     {"title": "x", "allOf": [False]}),
    "a schema that takes all": ({"$ref": "#/$defs/T", "title": "x"}, {"title": "x"}),
}  # fmt: skip


@pytest.mark.parametrize("case", MERGED)
def test_merges_where_that_says_the_same(case: str) -> None:
    before, after = MERGED[case]
    definitions = {
        "A": {"type": "integer", "minimum": 1, "description": "A"},
        "T": True,
        "F": False,
    }
    assert json_schema_from({"items": before, "$defs": definitions}) == {"items": after}


def test_pydantic_1_and_its_schema_mean_the_same() -> None:
    before = Draft7Validator(Old.schema())
    after = Draft202012Validator(json_schema_from(Old.schema()))
    _, right, wrong = CASES["pydantic 1"]
    for value in right + wrong:
        assert before.is_valid(value) == after.is_valid(value)


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


def test_type_adapters_agree_with_the_schema_of_everything() -> None:
    adapter = TypeAdapter(Everything)
    validator = Draft202012Validator(json_schema_from(Everything))
    assert validator.is_valid(EVERYTHING)
    assert adapter.validate_python(EVERYTHING).one == 1

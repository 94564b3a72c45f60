"""The published schema, read as Google's servers read JSON."""

import base64
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.emulated import (
    Refusal,
    bytes_from_base64,
    canonical_body,
    published_schema,
)
from tests.support.judge import (
    HI,
    Judge,
    ask,
    config,
    media,
    message_of,
    response_part,
    user,
)
from tools.vertex_schema import REQUEST, main, schema_from_discovery

FUNCTION = "tools[0].function_declarations[0].parameters"
PART = "contents[0].parts[0]"


def parameters(schema: Any) -> dict[str, Any]:
    declared = {"name": "f", "parameters": schema}
    return ask(tools=[{"functionDeclarations": [declared]}])


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("unknown field", ask(stream=True),
     'Invalid JSON payload received. Unknown name "stream": Cannot find field.'),
    ("unknown field of a part", ask(user({"text": "a", "cache_control": {}})),
     f"Unknown name \"cache_control\" at '{PART}': Cannot find field."),
    ("const", parameters({"type": "OBJECT", "properties": {"a": {"const": 1}}}),
     f"Unknown name \"const\" at '{FUNCTION}.properties[0].value'"),
    ("$ref", parameters({"type": "OBJECT", "$ref": "#/$defs/A"}),
     f"Unknown name \"$ref\" at '{FUNCTION}'"),
    ("two types", parameters({"type": ["string", "null"]}),
     f"Unknown name \"type\" at '{FUNCTION}': Proto field is not repeating, cannot "
     "start list."),
    ("a number as enum value", parameters({"type": "STRING", "enum": [1]}),
     f"Invalid value at '{FUNCTION}.enum[0]' (TYPE_STRING), 1"),
    ("unknown enum", ask(toolConfig={"functionCallingConfig": {"mode": "FORCE"}}),
     "Invalid value at 'tool_config.function_calling_config.mode'"),
    ("text is a number", ask(user({"text": 1})),
     f"Invalid value at '{PART}.text' (TYPE_STRING), 1"),
    ("not base64", ask(user(media("a/b", "§"))),
     f"Invalid value at '{PART}.inline_data.data' (TYPE_BYTES), "
     "Base64 decoding failed"),
    ("a signature that is not base64",
     ask(user({"text": "a", "thoughtSignature": "§"})), "(TYPE_BYTES)"),
    ("bytes are an object",
     ask(user({"inlineData": {"mimeType": "a/b", "data": {}}})), "(TYPE_BYTES)"),
    ("half a token", config(maxOutputTokens=1.5),
     "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), 1.5"),
    ("too large an integer", config(seed=1 << 31), "(TYPE_INT32)"),
    ("an integer that is text", config(seed="x"), "(TYPE_INT32)"),
    ("a number that is a flag", config(temperature=True), "(TYPE_DOUBLE), true"),
    ("a number that is text", config(temperature="hot"),
     "Invalid value at 'generation_config.temperature' (TYPE_DOUBLE), \"hot\""),
    ("a flag that is text", ask(user({"text": "a", "thought": "yes"})), "(TYPE_BOOL)"),
    ("contents are text", {"contents": "Hi"}, "Invalid value at 'contents[0]'"),
    ("a response that is no object", ask(user(response_part("f", "x"))),
     f"Invalid value at '{PART}.function_response.response'"),
    ("a text for a message", ask(generationConfig="x"),
     "(type.googleapis.com/google.cloud.aiplatform.v1beta1.GenerationConfig), \"x\""),
    ("a list for a message", ask(generationConfig=[]),
     "Proto field is not repeating, cannot start list."),
    ("labels that are numbers", ask(labels={"a": 1}), "labels[0].value"),
    ("labels that are text", ask(labels="a"), "protobuf.Struct"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_the_schema_refuses(judge: Judge, body: dict[str, Any], words: str) -> None:
    refused = judge.vertex(body)
    assert refused.status == 400
    assert words in message_of(refused)
    error = json.loads(refused.body)["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert error["details"][0]["fieldViolations"]


def test_all_violations_are_told_at_once(judge: Judge) -> None:
    refused = judge.vertex(ask(one=1, two=2))
    assert message_of(refused).count("Unknown name") == 2


def configured(**settings: Any) -> dict[str, Any]:
    return {"generationConfig": settings}


def parted(part: Any) -> dict[str, Any]:
    return {"contents": [{"parts": [part]}]}


CALLING = {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}
ANYTHING = configured(responseJsonSchema={"any_thing": {"$ref": "#"}})
SNAKES = parted({"functionCall": {"args": {"snake_case": None}}})
CANONICAL: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (parted({"inline_data": {"mime_type": "a/b", "data": "-_"}}),
     parted({"inlineData": {"mimeType": "a/b", "data": "-_"}})),
    ({**HI, "safetySettings": None}, HI),
    ({"contents": {"parts": {"text": "a"}}}, parted({"text": "a"})),
    ({"generation_config": {"thinking_config": {"thinking_level": "low"}}},
     configured(thinkingConfig={"thinkingLevel": "LOW"})),
    (configured(maxOutputTokens="64", seed=2.0, temperature="1"),
     configured(maxOutputTokens=64, seed=2, temperature=1.0)),
    ({"toolConfig": {"functionCallingConfig": {"mode": 2}}}, CALLING),
    ({"tool_config": {"retrieval_config": {"lat_lng": {"latitude": 1}}}},
     {"toolConfig": {"retrievalConfig": {"latLng": {"latitude": 1}}}}),
    (ANYTHING, ANYTHING),
    (SNAKES, SNAKES),
    (parameters({"type": "object", "properties": {"my_name": {"type": "string"}}}),
     parameters({"type": "OBJECT", "properties": {"my_name": {"type": "STRING"}}})),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), CANONICAL)
def test_one_spelling(body: dict[str, Any], expected: dict[str, Any]) -> None:
    assert canonical_body(body) == expected
    assert canonical_body(expected) == expected


def test_fields_of_the_gemini_api_alone() -> None:
    extras: dict[str, Any] = {"GenerateContentRequest": {"store": {"type": "boolean"}}}
    assert canonical_body({"store": True}, extras=extras) == {"store": True}
    with pytest.raises(Refusal, match="store"):
        canonical_body({"store": True})


@pytest.mark.parametrize(
    ("body", "taken_by_vertex"),
    [
        (ask(store=True), False),
        (ask(serviceTier="flex"), False),
        (ask(modelArmorConfig={}), True),
        (ask(tools=[{"enterpriseWebSearch": {}}]), True),
        (config(audioTimestamp=True), True),
        (parameters({"type": "OBJECT", "additionalProperties": False}), True),
    ],
)
def test_backends_differ(
    judge: Judge, body: dict[str, Any], *, taken_by_vertex: bool
) -> None:
    assert (judge.vertex(body).status == 200) is taken_by_vertex
    assert (judge.gemini_api(body).status == 400) is taken_by_vertex


@given(st.binary())
def test_both_alphabets_of_base64(data: bytes) -> None:
    for encoded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
        assert bytes_from_base64(encoded.decode()) == data
        assert bytes_from_base64(encoded.decode().rstrip("=")) == data


def test_the_packaged_schema_is_a_schema_and_names_its_origin() -> None:
    schema = published_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "revision 2026" in schema["$comment"]
    assert "tools/vertex_schema.py" in schema["$comment"]


DOCUMENT: dict[str, Any] = {
    "id": "aiplatform:v1beta1",
    "revision": "20990101",
    "schemas": {
        REQUEST: {
            "type": "object",
            "properties": {
                "size": {"type": "string", "format": "int64", "description": "!"},
                "free": {"type": "any"},
                "other": {"$ref": "Other"},
            },
        },
        "GoogleCloudAiplatformV1beta1GenerateContentResponse": {
            "type": "object",
            "properties": {"many": {"type": "array", "items": {"$ref": "Other"}}},
        },
        "Other": {"type": "object", "additionalProperties": {"type": "string"}},
        "Unreached": {"type": "object"},
    },
}


def test_the_schema_is_built_from_a_discovery_document() -> None:
    built = schema_from_discovery(DOCUMENT)
    assert "20990101" in built["$comment"]
    assert "Unreached" not in built["$defs"]
    assert built["$defs"]["Other"] == {
        "type": "object",
        "additionalProperties": {"type": "string"},
    }
    assert built["$defs"][REQUEST]["properties"] == {
        "free": {},
        "other": {"$ref": "#/$defs/Other"},
        "size": {"type": ["string", "integer"], "format": "int64"},
    }


def test_the_schema_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "discovery.json").write_text(json.dumps(DOCUMENT))
    main(str(tmp_path / "discovery.json"))
    assert json.loads(capsys.readouterr().out) == schema_from_discovery(DOCUMENT)

"""Settings as they go on the wire: of the instance, of a call, bound."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from google.genai import types

from tests.support.models import Cloudflare, Json, body_of, body_of_call
from tests.support.tables import rows

SETTINGS: dict[str, tuple[Json, Json]] = {
    "temperature": ({"temperature": 0}, {"temperature": 0}),
    "temperature 2": ({"temperature": 2.0}, {"temperature": 2.0}),
    "top_p": ({"top_p": 0.9}, {"topP": 0.9}),
    "top_k": ({"top_k": 40}, {"topK": 40}),
    "max_tokens": ({"max_tokens": 10}, {"maxOutputTokens": 10}),
    "max_output_tokens": ({"max_output_tokens": 10}, {"maxOutputTokens": 10}),
    "stop": ({"stop": ["a", "b"]}, {"stopSequences": ["a", "b"]}),
    "stop word": ({"stop": "a"}, {"stopSequences": ["a"]}),
    "stop_sequences": ({"stop_sequences": ["a"]}, {"stopSequences": ["a"]}),
    "no stop": ({"stop": []}, {}),
    "seed": ({"seed": 7}, {"seed": 7}),
    "presence": ({"presence_penalty": 0.5}, {"presencePenalty": 0.5}),
    "frequency": ({"frequency_penalty": -0.5}, {"frequencyPenalty": -0.5}),
    "n": ({"n": 2}, {"candidateCount": 2}),
    "candidate_count": ({"candidate_count": 2}, {"candidateCount": 2}),
    "level": ({"thinking_level": "low"}, {"thinkingConfig": {"thinkingLevel": "LOW"}}),
    "effort": ({"reasoning_effort": "HIGH"},
               {"thinkingConfig": {"thinkingLevel": "HIGH"}}),
    "budget": ({"thinking_budget": -1}, {"thinkingConfig": {"thinkingBudget": -1}}),
    "thoughts": ({"include_thoughts": True},
                 {"thinkingConfig": {"includeThoughts": True}}),
    "thoughts and level": (
        {"include_thoughts": False, "thinking_level": "minimal"},
        {"thinkingConfig": {"includeThoughts": False, "thinkingLevel": "MINIMAL"}}),
    "mime type": ({"response_mime_type": "text/x.enum"},
                  {"responseMimeType": "text/x.enum"}),
    "modalities": ({"response_modalities": ["text", "IMAGE"]},
                   {"responseModalities": ["TEXT", "IMAGE"]}),
    "resolution": ({"media_resolution": "low"},
                   {"mediaResolution": "MEDIA_RESOLUTION_LOW"}),
    "resolution of the wire": ({"media_resolution": "MEDIA_RESOLUTION_HIGH"},
                               {"mediaResolution": "MEDIA_RESOLUTION_HIGH"}),
    "speech": ({"speech_config": {"voice_config": {"prebuilt_voice_config": {}}}},
               {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {}}}}),
    "image": ({"image_config": {"aspect_ratio": "16:9"}},
              {"imageConfig": {"aspectRatio": "16:9"}}),
    "logprobs": ({"logprobs": True}, {"responseLogprobs": True}),
    "no logprobs": ({"logprobs": False}, {"responseLogprobs": False}),
    "logprobs 0": ({"logprobs": 0}, {"responseLogprobs": True, "logprobs": 0}),
    "the largest seed": ({"seed": 2**31 - 1}, {"seed": 2**31 - 1}),
    "the smallest seed": ({"seed": -(2**31)}, {"seed": -(2**31)}),
    "logprobs 3": ({"logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
    "schema": ({"response_schema": {"type": "object", "properties": {"a_b": {}}}},
               {"responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object", "properties": {"a_b": {}}}}),
    "schema in OpenAPI": (
        {"response_schema": {"type": "object"}, "schema_dialect": "openapi"},
        {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}}),
    "tomorrow's": ({"generation_config": {"brand_new": {"some_key": [{"a_b": 1}]}}},
                   {"brandNew": {"someKey": [{"aB": 1}]}}),
    "merged last": ({"temperature": 0.1, "generation_config": {"temperature": 0.9}},
                    {"temperature": 0.9}),
    "own schema untouched": (
        {"generation_config": {"response_json_schema": {"my_key": 1}}},
        {"responseJsonSchema": {"my_key": 1}}),
}  # fmt: skip


@rows("settings config", SETTINGS)
def test_of_the_instance_and_of_a_call(settings: Json, config: Json) -> None:
    assert body_of("hi", **settings).get("generationConfig", {}) == config
    assert body_of_call("hi", **settings).get("generationConfig", {}) == config


class Category(Enum):
    """As in Google's own client."""

    HATE = "HARM_CATEGORY_HATE_SPEECH"


_STRING = types.Schema(type=types.Type.STRING)
_SCHEMA = types.Schema(type=types.Type.OBJECT, properties={"q": _STRING})
_CAPITALS = {"type": "OBJECT", "properties": {"q": {"type": "STRING"}}}
_HARASSMENT = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}
_OFF = types.SafetySetting(category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                           threshold=types.HarmBlockThreshold.OFF)  # fmt: skip
_GERMAN = types.RetrievalConfig(language_code="de")
_BUDGET = types.ThinkingConfig(thinking_budget=5)


def _config(**said: Any) -> Json:
    return {"generationConfig": said}


def _thinks(**said: Any) -> Json:
    return _config(thinkingConfig=said)


# Settings, and the body without its contents. The objects are google-genai's.
BODIES: dict[str, tuple[Json, Json]] = {
    "safety": ({"safety_settings": {"hate_speech": "off", "JAILBREAK": "BLOCK_NONE",
                                    Category.HATE: "OFF"}},
               {"safetySettings": [
                   {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"},
                   {"category": "HARM_CATEGORY_JAILBREAK", "threshold": "BLOCK_NONE"},
                   {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"}]}),
    "safety of the wire": (
        {"safety_settings": [{**_HARASSMENT, "method": "SEVERITY"}]},
        {"safetySettings": [{**_HARASSMENT, "method": "SEVERITY"}]}),
    "safety as an object": ({"safety_settings": [_OFF]},
                            {"safetySettings": [_HARASSMENT]}),
    "cached": ({"cached_content": "c/1"}, {"cachedContent": "c/1"}),
    "labels": ({"labels": {"team": "a_b"}}, {"labels": {"team": "a_b"}}),
    "tool_config": ({"tool_config": {"retrieval_config": {"language_code": "de"}}},
                    {"toolConfig": {"retrievalConfig": {"languageCode": "de"}}}),
    "tool_config as an object": (
        {"tool_config": types.ToolConfig(retrieval_config=_GERMAN)},
        {"toolConfig": {"retrievalConfig": {"languageCode": "de"}}}),
    "speech": ({"speech_config": types.SpeechConfig(language_code="de")},
               _config(speechConfig={"languageCode": "de"})),
    "images": ({"image_config": types.ImageConfig(aspect_ratio="1:1")},
               _config(imageConfig={"aspectRatio": "1:1"})),
    "generation_config": (
        {"generation_config": types.GenerationConfig(thinking_config=_BUDGET)},
        _thinks(thinkingBudget=5)),
    "inside of a dict": ({"generation_config": {"thinking_config": _BUDGET}},
                         _thinks(thinkingBudget=5)),
    "response_schema": ({"response_schema": _SCHEMA},
                        _config(responseMimeType="application/json",
                                responseSchema=_CAPITALS)),
    "level": ({"thinking_level": types.ThinkingLevel.LOW},
              _thinks(thinkingLevel="LOW")),
    "resolution": ({"media_resolution": types.MediaResolution.MEDIA_RESOLUTION_LOW},
                   _config(mediaResolution="MEDIA_RESOLUTION_LOW")),
    "modalities": ({"response_modalities": [types.Modality.TEXT]},
                   _config(responseModalities=["TEXT"])),
}  # fmt: skip


@rows("settings body", BODIES)
def test_bodies(settings: Json, body: Json) -> None:
    for made in (body_of("hi", **settings), body_of_call("hi", **settings)):
        assert {key: made[key] for key in made if key != "contents"} == body


def test_fields_that_are_none_are_not_given() -> None:
    """As in `model_dump()` of google-genai's objects, which hold both backends'."""
    dumped = types.GenerateContentConfig(thinking_config=_BUDGET).model_dump()
    body = body_of(temperature=0.5, generation_config=dumped)
    config = {"temperature": 0.5, "thinkingConfig": {"thinkingBudget": 5}}
    assert body["generationConfig"] == config
    calling = types.FunctionCallingConfig(mode="ANY")  # type: ignore[arg-type]
    body = body_of_call(
        tools=[{"name": "f"}],
        tool_config=types.ToolConfig(function_calling_config=calling).model_dump(),
        safety_settings=[_OFF.model_dump()],
    )
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    (safety,) = body["safetySettings"]
    assert safety.keys() == {"category", "threshold"}


MISPLACED: dict[str, Any] = {
    "system": types.GenerateContentConfig(
        temperature=0, system_instruction="Be brief."
    ),
    "tools": {"temperature": 0, "tools": [{"google_search": {}}]},
    "safety": {"safetySettings": []},
}


@rows("config", MISPLACED)
@pytest.mark.parametrize("asking", [body_of, body_of_call])
def test_what_does_not_belong_into_the_generation_config(
    config: Any, asking: Any
) -> None:
    with pytest.raises(ValueError, match="generation_config can't contain"):
        asking("hi", generation_config=config)


def test_a_calls_model() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(model="gemini-3-flash")
    model.invoke("hi", model="google/gemini-2.5-pro")
    model.invoke("hi", model_name="gemini-3.1-pro", endpoint="gateway")
    run, gateway = cloudflare.requests
    assert '"google/gemini-2.5-pro"' in run.content.decode()
    assert "gemini-3.1-pro-preview:generateContent" in str(gateway.url)

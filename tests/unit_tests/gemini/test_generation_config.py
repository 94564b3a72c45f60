"""Settings as they go on the wire: of the instance, of a call, bound."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from google.genai import types

from tests.support.models import Cloudflare, Json, body_of, body_of_call

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
    "tomorrow's": ({"generation_config": {"brand_new": {"some_key": [{"a_b": 1}]}}},
                   {"brandNew": {"someKey": [{"aB": 1}]}}),
    "merged last": ({"temperature": 0.1, "generation_config": {"temperature": 0.9}},
                    {"temperature": 0.9}),
    "own schema untouched": (
        {"generation_config": {"response_json_schema": {"my_key": 1}}},
        {"responseJsonSchema": {"my_key": 1}}),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "config"), SETTINGS.values(), ids=SETTINGS.keys())
def test_of_the_instance_and_of_a_call(settings: Json, config: Json) -> None:
    assert body_of("hi", **settings).get("generationConfig", {}) == config
    assert body_of_call("hi", **settings).get("generationConfig", {}) == config


class Category(Enum):
    """As in Google's own client."""

    HATE = "HARM_CATEGORY_HATE_SPEECH"


BODIES: dict[str, tuple[Json, str, Any]] = {
    "safety": ({"safety_settings": {"hate_speech": "off", "JAILBREAK": "BLOCK_NONE"}},
               "safetySettings",
               [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"},
                {"category": "HARM_CATEGORY_JAILBREAK", "threshold": "BLOCK_NONE"}]),
    "safety of the wire": (
        {"safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT",
                              "threshold": "OFF", "method": "SEVERITY"}]},
        "safetySettings",
        [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF",
          "method": "SEVERITY"}]),
    "cached": ({"cached_content": "c/1"}, "cachedContent", "c/1"),
    "labels": ({"labels": {"team": "a_b"}}, "labels", {"team": "a_b"}),
    "tool_config": ({"tool_config": {"retrieval_config": {"language_code": "de"}}},
                    "toolConfig", {"retrievalConfig": {"languageCode": "de"}}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "key", "value"), BODIES.values(), ids=BODIES.keys()
)
def test_beside_the_generation_config(settings: Json, key: str, value: Any) -> None:
    assert body_of("hi", **settings)[key] == value
    assert body_of_call("hi", **settings)[key] == value


_SCHEMA = types.Schema(
    type=types.Type.OBJECT, properties={"q": types.Schema(type=types.Type.STRING)}
)
_CAPITALS = {"type": "OBJECT", "properties": {"q": {"type": "STRING"}}}
# What google-genai has for a dict, and what of the body it becomes.
OBJECTS: dict[str, tuple[Json, Json]] = {
    "tool_config": (
        {
            "tool_config": types.ToolConfig(
                retrieval_config=types.RetrievalConfig(language_code="de")
            )
        },
        {"toolConfig": {"retrievalConfig": {"languageCode": "de"}}},
    ),
    "safety_settings": (
        {"safety_settings": [types.SafetySetting(
                                 category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                                 threshold=types.HarmBlockThreshold.OFF)]},
        {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT",
                             "threshold": "OFF"}]}),
    "speech_config": ({"speech_config": types.SpeechConfig(language_code="de")},
                      {"generationConfig": {"speechConfig": {"languageCode": "de"}}}),
    "image_config": ({"image_config": types.ImageConfig(aspect_ratio="1:1")},
                     {"generationConfig": {"imageConfig": {"aspectRatio": "1:1"}}}),
    "generation_config": (
        {
            "generation_config": types.GenerationConfig(
                thinking_config=types.ThinkingConfig(thinking_budget=5)
            )
        },
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": 5}}},
    ),
    "inside of a dict": (
        {
            "generation_config": {
                "thinking_config": types.ThinkingConfig(include_thoughts=True)
            }
        },
        {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}},
    ),
    "response_schema": ({"response_schema": _SCHEMA},
                        {"generationConfig": {"responseMimeType": "application/json",
                                              "responseSchema": _CAPITALS}}),
    "thinking_level": (
        {"thinking_level": types.ThinkingLevel.LOW},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}),
    "media_resolution": (
        {"media_resolution": types.MediaResolution.MEDIA_RESOLUTION_LOW},
        {"generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"}}),
    "response_modalities": ({"response_modalities": [types.Modality.TEXT]},
                            {"generationConfig": {"responseModalities": ["TEXT"]}}),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "body"), OBJECTS.values(), ids=OBJECTS.keys())
def test_objects_of_google_genai(settings: Json, body: Json) -> None:
    for made in (body_of("hi", **settings), body_of_call("hi", **settings)):
        assert {key: made[key] for key in made if key != "contents"} == body


@pytest.mark.parametrize(
    "choice",
    [
        types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY),
        types.ToolConfig(
            function_calling_config=types.FunctionCallingConfig(
                mode=types.FunctionCallingConfigMode.ANY
            )
        ),
    ],
)
def test_choices_of_google_genai(choice: Any) -> None:
    body = body_of_call("hi", tools=[{"name": "f"}], tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}


def test_fields_that_are_none_are_not_given() -> None:
    """As in `model_dump()` of google-genai's objects, which hold both backends'."""
    calling = types.FunctionCallingConfig(mode="ANY")  # type: ignore[arg-type]
    body = body_of(
        temperature=0.5,
        generation_config=types.GenerateContentConfig(
            thinking_config=types.ThinkingConfig(thinking_budget=5)
        ).model_dump(),
    )
    config = {"temperature": 0.5, "thinkingConfig": {"thinkingBudget": 5}}
    assert body["generationConfig"] == config
    body = body_of_call(
        tools=[{"name": "f"}],
        tool_config=types.ToolConfig(function_calling_config=calling).model_dump(),
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                threshold=types.HarmBlockThreshold.OFF,
            ).model_dump()
        ],
    )
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    (safety,) = body["safetySettings"]
    assert safety.keys() == {"category", "threshold"}


@pytest.mark.parametrize(
    "config",
    [
        types.GenerateContentConfig(temperature=0, system_instruction="Be brief."),
        {"temperature": 0, "tools": [{"google_search": {}}]},
        {"safetySettings": []},
    ],
)
def test_what_does_not_belong_into_the_generation_config(config: Any) -> None:
    with pytest.raises(ValueError, match="generation_config can't contain"):
        body_of_call("hi", generation_config=config)
    with pytest.raises(ValueError, match="generation_config can't contain"):
        body_of("hi", generation_config=config)


def test_categories_of_googles_client() -> None:
    settings = {"safety_settings": {Category.HATE: "BLOCK_NONE"}}
    (made,) = body_of_call("hi", **settings)["safetySettings"]
    assert made["category"] == "HARM_CATEGORY_HATE_SPEECH"


@pytest.mark.parametrize(
    ("field", "argument", "config"),
    [
        ({"temperature": 0.1}, {"temperature": 0.9}, {"temperature": 0.9}),
        ({"max_tokens": 1}, {"max_output_tokens": 2}, {"maxOutputTokens": 2}),
        ({"stop": ["a"]}, {"stop": ["b"]}, {"stopSequences": ["b"]}),
        ({"thinking_level": "low"}, {"thinking_budget": 5},
         {"thinkingConfig": {"thinkingBudget": 5}}),
        ({"thinking_budget": 5}, {"thinking_level": "high"},
         {"thinkingConfig": {"thinkingLevel": "HIGH"}}),
        ({"temperature": 0.1}, {"temperature": None}, {"temperature": 0.1}),
        ({"generation_config": {"a": 1}}, {"generation_config": {"b": 2}},
         {"a": 1, "b": 2}),
    ],
)  # fmt: skip
def test_a_call_wins(field: Json, argument: Json, config: Json) -> None:
    cloudflare = Cloudflare()
    cloudflare.model(**field).bind(**argument).invoke("hi")
    assert cloudflare.bodies[0].get("generationConfig", {}) == config


def test_a_calls_model() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(model="gemini-3-flash")
    model.invoke("hi", model="google/gemini-2.5-pro")
    model.invoke("hi", model_name="gemini-3.1-pro", endpoint="gateway")
    run, gateway = cloudflare.requests
    assert '"google/gemini-2.5-pro"' in run.content.decode()
    assert "gemini-3.1-pro-preview:generateContent" in str(gateway.url)


@pytest.mark.parametrize(
    ("model", "google_id"),
    [
        ("gemini-3-flash", "gemini-3-flash-preview"),
        ("google/gemini-3-flash", "gemini-3-flash-preview"),
        ("gemini-3.1-pro", "gemini-3.1-pro-preview"),
        ("gemini-2.5-flash", "gemini-2.5-flash"),
    ],
)
def test_ids_of_the_two_endpoints(model: str, google_id: str) -> None:
    cloudflare = Cloudflare()
    asked = cloudflare.model(model=model)
    asked.invoke("hi", endpoint="gateway")
    asked.invoke("hi", endpoint="run")
    gateway, run = cloudflare.requests
    assert f"/models/{google_id}:generateContent" in str(gateway.url)
    assert f'"google/{model.removeprefix("google/")}"' in run.content.decode()


def test_own_id_for_the_gateway() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(google_model="gemini-3-flash-002", endpoint="gateway")
    model.invoke("hi")
    assert "gemini-3-flash-002:generateContent" in str(cloudflare.requests[0].url)


def test_headers() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(default_headers={"x-team": "a"})
    model.invoke("hi")
    model.invoke("hi", default_headers={"x-team": "b"}, endpoint="gateway")
    first, second = cloudflare.requests
    assert first.headers["x-team"] == "a"
    assert second.headers["x-team"] == "b"
    assert first.headers["authorization"].startswith("Bearer ")
    assert second.headers["cf-aig-authorization"].startswith("Bearer ")
    assert "authorization" not in second.headers

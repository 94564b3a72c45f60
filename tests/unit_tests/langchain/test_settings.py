"""Layers of settings: the model's, what was bound, the call's; the later one wins."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any, get_type_hints

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.load import dumps
from langchain_core.runnables import ConfigurableField
from pydantic import BaseModel, Field, SecretStr, create_model

from langchain_cf_gemini import ChatCloudflareGemini
from tests.support.models import (
    ACCOUNT,
    TOKEN,
    Cloudflare,
    Json,
    Way,
    answer,
    silent,
    text,
)


class Place(BaseModel):
    """A place."""

    name: str


A: Json = {"type": "object", "properties": {"a": {"type": "string"}}}
B: Json = {"type": "object", "properties": {"b": {"type": "string"}}}
AS_A = {"responseMimeType": "application/json", "responseJsonSchema": A}
AS_B = {"responseMimeType": "application/json", "responseJsonSchema": B}
LOW, BUDGET = {"thinkingLevel": "LOW"}, {"thinkingBudget": 5}


def _body(fields: Json, *layers: Json, way: Way | None = None) -> Json:
    """The body of a call whose arguments are the last layer."""
    cloudflare = Cloudflare()
    asked: Any = cloudflare.model(**fields)
    *bound, call = layers
    for layer in bound:
        asked = asked.bind(**layer)
    _ = way(asked, "hi") if way else asked.invoke("hi", **call)
    return cloudflare.bodies[-1]


def _config(*layers: Json, way: Way | None = None) -> Json:
    config: Json = _body(*layers, way=way).get("generationConfig", {})
    return config


# The same, of generation_config alone.
OWN: dict[str, tuple[Json, ...]] = {
    "own words are laid key by key": (
        {"a": 1, "b": 1, "c": 1}, {"b": 2, "c": 2}, {"c": 3}, {"a": 1, "b": 2, "c": 3}),
    "own words in two spellings": ({"top_p": 0.1}, {"topP": 0.2}, {"topP": 0.2}),
    "own words over own objects": (
        {"speech_config": {"a": {"b": 1}}}, {"speechConfig": {"a": {"c": 2}}},
        {"speechConfig": {"a": {"b": 1, "c": 2}}}),
    "schemas are not mixed": ({"responseJsonSchema": A}, {"response_json_schema": B},
                              {"responseJsonSchema": B}),
}  # fmt: skip
# Each later layer over the ones before; what generationConfig then says. Names and
# aliases of one setting are laid over each other in `test_any_layers`.
LAYERS: dict[str, tuple[list[Json], Json]] = {
    "alias over name": ([{}, {"max_tokens": 100}, {"max_output_tokens": 5}],
                        {"maxOutputTokens": 5}),
    "none of a format": ([{"response_schema": A}, {"response_format": None}], AS_A),
    "a rival": ([{"thinking_level": "low"}, {"thinking_budget": 5}],
                {"thinkingConfig": BUDGET}),
    "a schema over a format": ([{}, {"response_format": A}, {"response_schema": B}],
                               AS_B),
    "a format over a schema and its type": (
        [{"response_schema": A, "response_mime_type": "text/x.enum"},
         {"response_format": B}], AS_B),
    "a format over the type beside it": (
        [{}, {"response_format": A, "response_mime_type": "text/plain"}], AS_A),
    "a schema under the type beside it": (
        [{}, {"response_schema": A, "response_mime_type": "text/x.enum"}],
        {**AS_A, "responseMimeType": "text/x.enum"}),
    "a format over a schema in capitals": (
        [{"response_schema": {"type": "OBJECT", "properties": {}}},
         {"response_format": B}], AS_B),
    **{name: ([*[{"generation_config": own} for own in owns]], config)
       for name, (*owns, config) in OWN.items()},
    "own words are objects": (
        [{"thinking_level": "low"},
         {"generation_config": {"thinkingConfig": {"includeThoughts": True}}}],
        {"thinkingConfig": {**LOW, "includeThoughts": True}}),
    "own words and a rival": (
        [{"thinking_level": "low"},
         {"generation_config": {"thinking_config": {"thinking_budget": 5}}}],
        {"thinkingConfig": BUDGET}),
    "a setting over own words": ([{"generation_config": {"temperature": 0.9, "a": 1}},
                                  {"temperature": 0.1}], {"temperature": 0.1, "a": 1}),
    "a setting over a rival in own words": (
        [{"generation_config": {"thinkingConfig": {**BUDGET, "includeThoughts": True}}},
         {"thinking_level": "low"}],
        {"thinkingConfig": {**LOW, "includeThoughts": True}}),
    "a setting over own words that were bound": (
        [{}, {"generation_config": {"max_output_tokens": 9}}, {"max_tokens": 1}],
        {"maxOutputTokens": 1}),
    "own words over a setting": (
        [{"temperature": 0.1}, {"generation_config": {"temperature": 0.9}}],
        {"temperature": 0.9}),
    "a schema over one in own words": (
        [{"generation_config": {"responseSchema": {"type": "STRING"}}},
         {"response_format": A}],
        AS_A),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "config"), LAYERS.values(), ids=LAYERS.keys())
def test_the_later_layer_wins(
    either_way: Way, layers: list[Json], config: Json
) -> None:
    assert _config(*layers) == config
    if "candidateCount" not in config:  # streams have one candidate
        assert _config(*layers, {}, way=either_way) == config


def test_what_was_given_stays_whole() -> None:
    own: Json = {"thinking_config": {"thinking_budget": 5}, "temperature": 0.9}
    cloudflare = Cloudflare()
    bound = cloudflare.model(generation_config=own).bind(generation_config={"a": {}})
    bound.invoke("hi", temperature=0.1, thinking_level="low")
    bound.invoke("hi")
    assert own == {"thinking_config": {"thinking_budget": 5}, "temperature": 0.9}
    config = {"thinkingConfig": {"thinkingBudget": 5}, "temperature": 0.9, "a": {}}
    assert cloudflare.bodies[1]["generationConfig"] == config


LEVELS, COUNTS = st.sampled_from(["low", "medium", "high"]), st.integers(1, 8)
STOPS = st.lists(st.sampled_from("abc"), min_size=1, unique=True)
# By key in generationConfig: the names of a setting or its rivals, and their values.
NAMES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "maxOutputTokens": {"max_tokens": COUNTS, "max_output_tokens": COUNTS},
    "candidateCount": {"n": COUNTS, "candidate_count": COUNTS},
    "stopSequences": {"stop": STOPS, "stop_sequences": STOPS},
    "seed": {"seed": COUNTS},
    "thinkingConfig": {"thinking_level": LEVELS, "reasoning_effort": LEVELS,
                       "thinking_budget": COUNTS},
}  # fmt: skip
ONE = {
    key: st.one_of(*(st.tuples(st.just(n), st.none() | v) for n, v in names.items()))
    for key, names in NAMES.items()
}


@given(st.lists(st.fixed_dictionaries({}, optional=ONE), min_size=2, max_size=5))
def test_any_layers(layers: list[dict[str, tuple[str, Any]]]) -> None:
    said = [each for layer in layers for each in layer.items()]
    wanted = {key: value for key, (_, value) in said if value is not None}
    if thinking := wanted.get("thinkingConfig"):
        level = {"thinkingLevel": str(thinking).upper()}
        is_level = isinstance(thinking, str)
        wanted["thinkingConfig"] = level if is_level else {"thinkingBudget": thinking}
    assert _config(*(dict(layer.values()) for layer in layers)) == wanted


# ---- tools


RETRIEVAL = {"retrieval_config": {"language_code": "de"}}
WIRE = {"retrievalConfig": {"languageCode": "de"}}
ANY = {"functionCallingConfig": {"mode": "ANY"}}
TOOLS: dict[str, tuple[Json, Json, Json, Json]] = {
    "a call's config leaves the choice": ({}, {"tool_choice": "any"},
                                          {"tool_config": RETRIEVAL}, {**WIRE, **ANY}),
    "the model's config leaves the choice": (
        {"tool_config": RETRIEVAL}, {"tool_choice": "any"}, {}, {**WIRE, **ANY}),
    "configs add up": ({"tool_config": {"a": 1, "b": 1}}, {"tool_config": {"b": 2}},
                       {"tool_config": {"c": 3}}, {"a": 1, "b": 2, "c": 3}),
    "a call's choice": ({}, {"tool_choice": "any"}, {"tool_choice": "none"},
                        {"functionCallingConfig": {"mode": "NONE"}}),
    "a call's choice in own words": (
        {}, {"tool_choice": "Place"},
        {"tool_config": {"function_calling_config": {"mode": "NONE"}}},
        {"functionCallingConfig": {"mode": "NONE"}}),
    "a choice over own words": (
        {"tool_config": {"functionCallingConfig": {"mode": "NONE"}}},
        {"tool_choice": "any"}, {}, ANY),
    "a call's choice leaves strict": ({}, {"strict": True}, {"tool_choice": "auto"},
                                      {"functionCallingConfig": {"mode": "VALIDATED"}}),
    "a call may be strict": ({}, {}, {"strict": True},
                             {"functionCallingConfig": {"mode": "VALIDATED"}}),
    "no choice leaves the choice": ({}, {"tool_choice": "any"}, {"tool_choice": None},
                                    ANY),
}  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "bound", "call", "config"), TOOLS.values(), ids=TOOLS.keys()
)
def test_tool_config(fields: Json, bound: Json, call: Json, config: Json) -> None:
    cloudflare = Cloudflare()
    cloudflare.model(**fields).bind_tools([Place], **bound).invoke("hi", **call)
    assert cloudflare.bodies[-1].get("toolConfig", {}) == config


@pytest.mark.parametrize("of_model", ["json", "openapi"])
@pytest.mark.parametrize("of_call", ["json", "openapi", None])
def test_a_calls_dialect_holds_for_bound_tools(of_model: str, of_call: Any) -> None:
    cloudflare = Cloudflare()
    asked = cloudflare.model(schema_dialect=of_model).bind_tools([Place])
    asked.invoke("hi", schema_dialect=of_call)
    [tool] = cloudflare.bodies[-1]["tools"]
    [declaration] = tool["functionDeclarations"]
    is_openapi = (of_call or of_model) == "openapi"
    assert ("parameters" in declaration) == is_openapi
    assert ("parametersJsonSchema" in declaration) != is_openapi


def test_what_the_dialect_cannot_say_fails_when_it_is_bound() -> None:
    odd = {"name": "f", "parameters": {"type": "object", "properties": {"a-b": {}}}}
    with pytest.raises(ValueError, match="a-b"):
        silent(schema_dialect="openapi").bind_tools([odd])
    with pytest.raises(ValueError, match="a-b"):
        silent().bind_tools([odd], schema_dialect="openapi")


def test_each_function_is_bound_by_its_name() -> None:
    """As agents read the tools of a bound model that they are given."""
    other = {"name": "other", "description": "Another."}
    bound: Any = silent().bind_tools([Place, other, "google_search"])
    place, second, search = bound.kwargs["tools"]
    assert (place["name"], second["name"]) == ("Place", "other")
    assert search == {"googleSearch": {}}
    given: Any = silent().bind(tools=[{"name": "other"}])
    assert given.kwargs["tools"] == [{"name": "other"}]


# ---- other settings that add up


def test_headers_labels_and_gateways_add_up() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(
        default_headers={"X-Team": "a", "x-user": "b"},
        gateway={"id": "mine", "metadata": {"a": 1}},
        labels={"a": "1", "b": "1"},
    )
    bound = model.bind(
        default_headers={"x-team": "c"},
        gateway={"metadata": {"b": 2}, "cache_ttl": 60},
        labels={"b": "2"},
    )
    bound.invoke("hi", default_headers={"x-d": "d"}, gateway={"cache_ttl": 120})
    assert cloudflare.bodies[0]["labels"] == {"a": "1", "b": "2"}
    wanted = {
        "x-team": "c", "x-user": "b", "x-d": "d", "cf-aig-gateway-id": "mine",
        "cf-aig-cache-ttl": "120", "cf-aig-metadata": '{"a":1,"b":2}',
    }  # fmt: skip
    assert wanted.items() <= dict(cloudflare.requests[0].headers).items()


def _collected(asynchronous: Callable[..., Any]) -> Callable[..., Any]:
    async def collect(asked: Any, **call: Any) -> None:
        [each async for each in asynchronous(asked, **call)]

    return lambda asked, **call: asyncio.run(collect(asked, **call))


OTHER_WAYS: dict[str, Callable[..., Any]] = {
    "batch": lambda asked, **call: asked.batch(["hi"], **call),
    "abatch": lambda asked, **call: asyncio.run(asked.abatch(["hi"], **call)),
    "stream": lambda asked, **call: list(asked.stream("hi", **call)),
    "astream": _collected(lambda asked, **call: asked.astream("hi", **call)),
    "astream_events": _collected(
        lambda asked, **call: asked.astream_events("hi", version="v2", **call)),
    "stream_events": lambda asked, **call: list(
        asked.stream_events("hi", version="v3", **call)),
    "batch_as_completed": lambda asked, **call: list(
        asked.batch_as_completed(["hi"], **call)),
    "transform": lambda asked, **call: list(asked.transform(iter(["hi"]), **call)),
    "with_config": lambda asked, **call: asked.with_config(tags=["a"]).invoke(
        "hi", **call),
    "bind": lambda asked, **call: asked.bind(**call).invoke("hi"),
}  # fmt: skip


@pytest.mark.parametrize("endpoint", ["auto", "run"])
@pytest.mark.parametrize("ask", OTHER_WAYS.values(), ids=OTHER_WAYS.keys())
def test_every_way_of_asking_lays_a_call_over_what_is_bound(
    ask: Callable[..., Any], endpoint: str
) -> None:
    cloudflare = Cloudflare()
    bound = cloudflare.model(endpoint=endpoint).bind(
        max_output_tokens=5,
        generation_config={"top_k": 3},
        thinking_budget=7,
        temperature=0.1,
    )
    call: Json = {"max_tokens": 9, "temperature": None, "thinking_level": "low"}
    ask(bound, **call, generation_config={"seed": 1})
    (body,) = cloudflare.bodies
    assert body["generationConfig"] == {
        "maxOutputTokens": 9, "topK": 3, "seed": 1, "temperature": 0.1,
        "thinkingConfig": LOW,
    }  # fmt: skip


def test_a_call_keeps_all_else_of_what_is_bound() -> None:
    seen: list[Any] = []
    bound: Any = Cloudflare().model().bind(temperature=0.1).with_config(tags=["a"])
    heard = bound.with_listeners(on_start=lambda run: seen.append(run.tags))
    heard.invoke("hi", max_tokens=5)
    heard.bind(max_tokens=5).invoke("hi")
    assert seen == [["a"], ["a"]]
    typed = bound.with_types(input_type=int, output_type=float).bind(max_tokens=5)
    assert (typed.InputType, typed.OutputType) == (int, float)


def test_configurable_fields_keep_bindings_and_secrets() -> None:
    cloudflare = Cloudflare()
    chosen: Any = cloudflare.model(default_headers={"x-a": TOKEN}).configurable_fields(
        model=ConfigurableField(id="model"), temperature=ConfigurableField(id="warmth")
    )
    config = {"model": "gemini-2.5-flash", "warmth": 0.3}
    asked = chosen.bind(max_tokens=5).with_config(configurable=config)
    asked.invoke("hi", max_output_tokens=7)
    sent = cloudflare.requests[0]
    assert json.loads(sent.content)["model"] == "google/gemini-2.5-flash"
    assert sent.headers["x-a"] == TOKEN
    said = {"temperature": 0.3, "maxOutputTokens": 7}
    assert cloudflare.bodies[0]["generationConfig"] == said
    chosen.invoke("hi")
    assert "generationConfig" not in cloudflare.bodies[1]


_MODELS: dict[str, Callable[[ChatCloudflareGemini], Any]] = {
    "model": lambda model: model,
    "bound": lambda model: model.bind(max_tokens=5),
    "tools": lambda model: model.bind_tools([Place]),
}


@pytest.mark.parametrize("of", _MODELS.values(), ids=_MODELS.keys())
def test_fallbacks_pass_on_what_is_asked_of_a_model(of: Any) -> None:
    """LangChain reads a method's types to find out whether it returns a runnable."""
    first = Cloudflare(httpx.Response(400, text="no"))
    second = Cloudflare(answer(text('{"name": "Lima"}')))
    asked = of(first.model()).with_fallbacks([of(second.model())])
    assert asked.with_structured_output(Place).invoke("where?") == Place(name="Lima")
    assert asked.bind_tools([Place]).bind(temperature=0.1).invoke("hi").text
    for cloudflare in (first, second):
        assert cloudflare.bodies[1]["tools"]
        assert cloudflare.bodies[1]["generationConfig"]["temperature"] == 0.1


@pytest.mark.parametrize("cls", [ChatCloudflareGemini, type(silent().bind())])
def test_types_of_public_methods_can_be_read(cls: type) -> None:
    own = {
        name: method
        for name, method in vars(cls).items()
        if inspect.isfunction(method)
        and method.__module__.startswith("langchain_cf_gemini")
        and not hasattr(method, "__wrapped__")
    }
    for name, method in own.items():
        if not name.startswith("_") or name == "__init__":
            assert get_type_hints(method)
    assert {"bind", "bind_tools", "with_structured_output"} <= own.keys()


# ---- the constructor


TWICE: list[Json] = [
    {"max_tokens": 1, "max_output_tokens": 2},
    {"stop": ["a"], "stop_sequences": ["b"]},
    {"n": 1, "candidate_count": 2},
    {"thinking_level": "low", "reasoning_effort": "high"},
    {"timeout": 1, "request_timeout": 2},
    {"model_name": "gemini-2.5-flash"},
    {"api_token": "one", "api_key": "another"},
]


@pytest.mark.parametrize("settings", TWICE, ids=lambda s: next(reversed(s)))
def test_two_names_with_two_values_are_refused(settings: Json) -> None:
    with pytest.raises(TypeError, match="one argument") as caught:
        silent(**settings)
    for name in settings:
        assert repr(name) in str(caught.value)
    assert "another" not in str(caught.value)


def test_two_names_with_one_value_are_not() -> None:
    model = silent(max_tokens=5, max_output_tokens=5, stop=None, stop_sequences=["a"])
    assert (model.max_tokens, model.stop) == (5, ["a"])
    model = silent(api_key="one", api_token=SecretStr("one"))
    assert model.api_token == SecretStr("one")


def test_defaults_of_subclasses_are_read_as_arguments_are() -> None:
    class Mine(ChatCloudflareGemini):
        model: str = "gemini-2.5-flash"
        account_id: str | None = ACCOUNT
        max_tokens: int | None = 100
        api_token: Any = TOKEN
        gateway: Any = "mine"
        default_headers: Any = Field(default={"x-mine": TOKEN})
        own: str = Field(default="", alias="theirs")

    cloudflare = Cloudflare()
    client = httpx.Client(transport=httpx.MockTransport(cloudflare))
    model = Mine(http_client=client)
    assert repr(model).startswith("Mine(model='gemini-2.5-flash', endpoint='auto'")
    assert TOKEN not in f"{model!r} {dumps(model)}"
    assert model.max_tokens == 100
    model.invoke("hi")
    wanted = {"authorization": f"Bearer {TOKEN}", "cf-aig-gateway-id": "mine",
              "x-mine": TOKEN}  # fmt: skip
    assert wanted.items() <= dict(cloudflare.requests[0].headers).items()
    # And arguments keep all their names.
    given: Json = {"model_name": "gemini-3-flash", "max_output_tokens": 5,
                   "api_key": "given", "theirs": "x"}  # fmt: skip
    model = Mine(**given)
    assert (model.model, model.max_tokens, model.own) == ("gemini-3-flash", 5, "x")
    assert model.api_token == SecretStr("given")
    misspelt: Json = {"max_token": 5}
    with pytest.raises(TypeError, match="did you mean 'max_tokens'"):
        Mine(**misspelt)


@pytest.mark.parametrize("of_its_own", ["alias", "validation_alias"])
@pytest.mark.parametrize("name", ["theirs", "model", "model_name"])
def test_a_field_with_a_name_of_its_own_keeps_the_others(
    of_its_own: str, name: str
) -> None:
    named: Json = {of_its_own: "theirs"}
    field: Any = Field("gemini-3-flash", **named)
    made: Any = create_model("Mine", __base__=ChatCloudflareGemini, model=(str, field))
    model = made(**{name: "gemini-3.1-pro"}, account_id=ACCOUNT, api_token=TOKEN)
    assert model.model == "gemini-3.1-pro"


def test_the_profile_follows_the_model() -> None:
    model = silent()
    model.model_name = "gemini-2.5-flash"  # type: ignore[misc]
    assert model.profile is not None
    assert model.profile["name"] == "Gemini 2.5 Flash"


def test_subclasses_may_take_more() -> None:
    class Open(ChatCloudflareGemini, extra="allow"):
        pass

    given: Json = {"account_id": ACCOUNT, "api_token": "t", "team": "x"}
    model = Open(model="gemini-3-flash", **given)
    assert model.model_extra == {"team": "x"}


def test_what_was_bound_stays_with_tools_and_schemas() -> None:
    cloudflare = Cloudflare(answer(text('{"name": "Lima"}')))
    bound: Any = cloudflare.model().bind(temperature=0.1, max_tokens=5)
    bound.bind_tools([Place], tool_choice="any").invoke("hi", max_output_tokens=7)
    made = bound.with_structured_output(Place).invoke("hi")
    assert made == Place(name="Lima")
    for body, tokens in zip(cloudflare.bodies, (7, 5), strict=True):
        assert body["generationConfig"]["temperature"] == 0.1
        assert body["generationConfig"]["maxOutputTokens"] == tokens
    assert cloudflare.bodies[0]["toolConfig"] == ANY

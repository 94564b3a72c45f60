"""Layers of settings: the model's, what was bound, the call's; the later one wins."""

from __future__ import annotations

import asyncio
import inspect
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


def _schema(name: str) -> Json:
    return {"type": "object", "properties": {name: {"type": "string"}}}


def _config(*layers: Json) -> Json:
    """The generationConfig of a call whose arguments are the last layer."""
    config: Json = _body(*layers).get("generationConfig", {})
    return config


def _body(fields: Json, *layers: Json) -> Json:
    cloudflare = Cloudflare()
    asked: Any = cloudflare.model(**fields)
    for layer in layers[:-1]:
        asked = asked.bind(**layer)
    asked.invoke("hi", **(layers[-1] if layers else {}))
    return cloudflare.bodies[-1]


LOW, BUDGET = {"thinkingLevel": "LOW"}, {"thinkingBudget": 5}
LAYERS: dict[str, tuple[list[Json], Json]] = {
    "alias over name": ([{}, {"max_tokens": 100}, {"max_output_tokens": 5}],
                        {"maxOutputTokens": 5}),
    "name over alias": ([{}, {"max_output_tokens": 100}, {"max_tokens": 5}],
                        {"maxOutputTokens": 5}),
    "alias over a field": ([{"max_tokens": 9}, {"max_output_tokens": 5}],
                           {"maxOutputTokens": 5}),
    "name over alias over name": ([{}, {"max_tokens": 1}, {"max_output_tokens": 2},
                                   {"max_tokens": 3}], {"maxOutputTokens": 3}),
    "effort over level": ([{}, {"thinking_level": "high"}, {"reasoning_effort": "low"}],
                          {"thinkingConfig": LOW}),
    "level over effort": ([{}, {"reasoning_effort": "high"}, {"thinking_level": "low"}],
                          {"thinkingConfig": LOW}),
    "stop_sequences over stop": ([{"stop": ["a"]}, {"stop": ["b"]},
                                  {"stop_sequences": ["c"]}], {"stopSequences": ["c"]}),
    "stop over stop_sequences": ([{"stop": ["a"]}, {"stop_sequences": ["b"]},
                                  {"stop": ["c"]}], {"stopSequences": ["c"]}),
    "candidate_count over n": ([{"n": 2}, {"n": 3}, {"candidate_count": 4}],
                               {"candidateCount": 4}),
    "n over candidate_count": ([{}, {"candidate_count": 3}, {"n": 4}],
                               {"candidateCount": 4}),
    "none over a field": ([{"temperature": 0.1}, {"temperature": None}],
                          {"temperature": 0.1}),
    "none over what was bound": ([{"temperature": 0.1}, {"temperature": 0.2},
                                  {"temperature": None}], {"temperature": 0.2}),
    "none under an alias": ([{"max_tokens": 1}, {"max_output_tokens": 2},
                             {"max_tokens": None}], {"maxOutputTokens": 2}),
    "none of a rival": ([{"thinking_level": "low"}, {"thinking_budget": None}],
                        {"thinkingConfig": LOW}),
    "none of a format": (
        [{"response_schema": _schema("a")}, {"response_format": None}],
        {"responseMimeType": "application/json", "responseJsonSchema": _schema("a")}),
    "a rival": ([{"thinking_level": "low"}, {"thinking_budget": 5}],
                {"thinkingConfig": BUDGET}),
    "a rival of what was bound": ([{}, {"thinking_level": "low"},
                                   {"thinking_budget": 5}], {"thinkingConfig": BUDGET}),
    "a rival in other words": ([{}, {"thinking_budget": 5},
                                {"reasoning_effort": "low"}], {"thinkingConfig": LOW}),
    "a schema over a format": (
        [{}, {"response_format": _schema("a")}, {"response_schema": _schema("b")}],
        {"responseMimeType": "application/json", "responseJsonSchema": _schema("b")}),
    "a format over a schema and its type": (
        [{"response_schema": _schema("a"), "response_mime_type": "text/x.enum"},
         {"response_format": _schema("b")}],
        {"responseMimeType": "application/json", "responseJsonSchema": _schema("b")}),
    "a format over the type beside it": (
        [{}, {"response_format": _schema("a"), "response_mime_type": "text/plain"}],
        {"responseMimeType": "application/json", "responseJsonSchema": _schema("a")}),
    "a schema under the type beside it": (
        [{}, {"response_schema": _schema("a"), "response_mime_type": "text/x.enum"}],
        {"responseMimeType": "text/x.enum", "responseJsonSchema": _schema("a")}),
    "a format over a schema in capitals": (
        [{"response_schema": {"type": "OBJECT", "properties": {}}},
         {"response_format": _schema("b")}],
        {"responseMimeType": "application/json", "responseJsonSchema": _schema("b")}),
    "own words are laid key by key": ([{"generation_config": {"a": 1, "b": 1, "c": 1}},
                                       {"generation_config": {"b": 2, "c": 2}},
                                       {"generation_config": {"c": 3}}],
                                      {"a": 1, "b": 2, "c": 3}),
    "own words in two spellings": (
        [{"generation_config": {"top_p": 0.1}}, {"generation_config": {"topP": 0.2}}],
        {"topP": 0.2}),
    "own words are objects": (
        [{"thinking_level": "low"},
         {"generation_config": {"thinkingConfig": {"includeThoughts": True}}}],
        {"thinkingConfig": {**LOW, "includeThoughts": True}}),
    "own words over own objects": (
        [{"generation_config": {"speech_config": {"a": {"b": 1}}}},
         {"generation_config": {"speechConfig": {"a": {"c": 2}}}}],
        {"speechConfig": {"a": {"b": 1, "c": 2}}}),
    "own words and a rival": (
        [{"thinking_level": "low"},
         {"generation_config": {"thinking_config": {"thinking_budget": 5}}}],
        {"thinkingConfig": BUDGET}),
    "a setting over own words": ([{"generation_config": {"temperature": 0.9, "a": 1}},
                                  {"temperature": 0.1}], {"temperature": 0.1, "a": 1}),
    "a setting over a rival in own words": (
        [{"generation_config": {"thinkingConfig": {"thinkingBudget": 5}}},
         {"thinking_level": "low"}],
        {"thinkingConfig": LOW}),
    "a setting over own words that were bound": (
        [{}, {"generation_config": {"max_output_tokens": 9}}, {"max_tokens": 1}],
        {"maxOutputTokens": 1}),
    "own words over a setting": (
        [{"temperature": 0.1}, {"generation_config": {"temperature": 0.9}}],
        {"temperature": 0.9}),
    "schemas are not mixed": (
        [{"generation_config": {"responseJsonSchema": _schema("a")}},
         {"generation_config": {"response_json_schema": _schema("b")}}],
        {"responseJsonSchema": _schema("b")}),
    "a schema over one in own words": (
        [{"generation_config": {"responseSchema": {"type": "STRING"}}},
         {"response_format": _schema("a")}],
        {"responseMimeType": "application/json", "responseJsonSchema": _schema("a")}),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "config"), LAYERS.values(), ids=LAYERS.keys())
def test_the_later_layer_wins(layers: list[Json], config: Json) -> None:
    assert _config(*layers) == config


# Streams have one candidate.
STREAMED = {k: v for k, v in LAYERS.items() if "candidateCount" not in v[1]}


@pytest.mark.parametrize(("layers", "config"), STREAMED.values(), ids=STREAMED.keys())
def test_in_every_way_of_asking(
    either_way: Way, layers: list[Json], config: Json
) -> None:
    cloudflare = Cloudflare(_answer_to)
    asked: Any = cloudflare.model(**layers[0])
    for layer in layers[1:]:
        asked = asked.bind(**layer)
    either_way(asked, "hi")
    assert cloudflare.bodies[-1].get("generationConfig", {}) == config


def _answer_to(request: Any) -> Any:
    return Cloudflare(
        [answer(text("ok"))] if "stream" in str(request.url) else answer(text("ok"))
    )(request)


def test_what_was_given_stays_whole() -> None:
    own: Json = {"thinking_config": {"thinking_budget": 5}, "temperature": 0.9}
    cloudflare = Cloudflare()
    model = cloudflare.model(generation_config=own)
    bound = model.bind(generation_config={"a": {"b": 1}})
    bound.invoke("hi", temperature=0.1, thinking_level="low")
    bound.invoke("hi")
    assert own == {"thinking_config": {"thinking_budget": 5}, "temperature": 0.9}
    assert cloudflare.bodies[1]["generationConfig"] == {
        "thinkingConfig": {"thinkingBudget": 5},
        "temperature": 0.9,
        "a": {"b": 1},
    }


NAMES = {
    "max_tokens": ["max_tokens", "max_output_tokens"],
    "n": ["n", "candidate_count"],
    "seed": ["seed"],
    "thinking_level": ["thinking_level", "reasoning_effort"],
}
VALUES = {
    "max_tokens": st.integers(1, 9),
    "n": st.integers(1, 8),
    "seed": st.integers(0, 9),
    "thinking_level": st.sampled_from(["low", "medium", "high"]),
}
KEYS = {"max_tokens": "maxOutputTokens", "n": "candidateCount", "seed": "seed"}


@st.composite
def _layers(draw: st.DrawFn) -> list[dict[str, tuple[str, Any]]]:
    """Layers of setting -> the name it was given by, and its value or None."""
    one = st.fixed_dictionaries(
        {},
        optional={
            name: st.tuples(st.sampled_from(names), st.none() | VALUES[name])
            for name, names in NAMES.items()
        },
    )
    return draw(st.lists(one, min_size=2, max_size=5))


@given(_layers())
def test_any_layers(layers: list[dict[str, tuple[str, Any]]]) -> None:
    wanted = {k: v for layer in layers for k, (_, v) in layer.items() if v is not None}
    config = _config(*(dict(layer.values()) for layer in layers))
    level = config.pop("thinkingConfig", {}).get("thinkingLevel")
    assert level == (str(wanted.pop("thinking_level", None)).upper() if level else None)
    assert config == {KEYS[k]: v for k, v in wanted.items()}


# ---- tools


def _tool_config(*layers: Json) -> Json:
    cloudflare = Cloudflare()
    fields, bound, call = layers
    asked = cloudflare.model(**fields).bind_tools([Place], **bound)
    asked.invoke("hi", **call)
    config: Json = cloudflare.bodies[-1].get("toolConfig", {})
    return config


RETRIEVAL = {"retrieval_config": {"language_code": "de"}}
WIRE = {"retrievalConfig": {"languageCode": "de"}}
ANY = {"functionCallingConfig": {"mode": "ANY"}}
TOOLS: dict[str, tuple[Json, Json, Json, Json]] = {
    "a call's config leaves the choice": ({}, {"tool_choice": "any"},
                                          {"tool_config": RETRIEVAL}, {**WIRE, **ANY}),
    "the model's config leaves the choice": ({"tool_config": RETRIEVAL},
                                             {"tool_choice": "any"}, {},
                                             {**WIRE, **ANY}),
    "configs add up": ({"tool_config": {"a": 1, "b": 1}}, {"tool_config": {"b": 2}},
                       {"tool_config": {"c": 3}}, {"a": 1, "b": 2, "c": 3}),
    "a call's choice": ({}, {"tool_choice": "any"}, {"tool_choice": "none"},
                        {"functionCallingConfig": {"mode": "NONE"}}),
    "a call's choice in own words": (
        {},
        {"tool_choice": "Place"},
        {"tool_config": {"function_calling_config": {"mode": "NONE"}}},
        {"functionCallingConfig": {"mode": "NONE"}}),
    "a choice over own words": (
        {"tool_config": {"functionCallingConfig": {"mode": "NONE"}}},
        {"tool_choice": "any"},
        {},
        ANY),
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
    assert _tool_config(fields, bound, call) == config


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

    class Other(BaseModel):
        """Another."""

    bound: Any = silent().bind_tools([Place, Other, "google_search"])
    assert [tool.get("name") for tool in bound.kwargs["tools"]] == [
        "Place",
        "Other",
        None,
    ]
    assert bound.kwargs["tools"][2] == {"googleSearch": {}}


# ---- other settings that add up


def test_headers_add_up() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(default_headers={"X-Team": "a", "x-user": "b"})
    model.bind(default_headers={"x-team": "c"}).invoke(
        "hi", default_headers={"x-d": "d"}
    )
    headers = cloudflare.requests[0].headers
    assert (headers["x-team"], headers["x-user"], headers["x-d"]) == ("c", "b", "d")


def test_labels_add_up() -> None:
    layers: list[Json] = [{"labels": {"a": "1", "b": "1"}}, {"labels": {"b": "2"}}]
    assert _body(*layers)["labels"] == {"a": "1", "b": "2"}


def test_gateways_add_up() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(gateway={"id": "mine", "metadata": {"a": 1}})
    bound = model.bind(gateway={"metadata": {"b": 2}, "cache_ttl": 60})
    bound.invoke("hi", gateway={"cache_ttl": 120})
    headers = cloudflare.requests[0].headers
    assert headers["cf-aig-gateway-id"] == "mine"
    assert headers["cf-aig-cache-ttl"] == "120"
    assert headers["cf-aig-metadata"] == '{"a":1,"b":2}'


async def test_bindings_in_the_other_ways() -> None:
    cloudflare = Cloudflare(_answer_to)
    bound = cloudflare.model().bind(temperature=0.1, max_tokens=5)
    said: Json = {"temperature": None, "max_output_tokens": 7}
    bound.batch(["hi"], **said)
    await bound.abatch(["hi"], **said)
    list(bound.stream("hi", **said))
    [c async for c in bound.astream("hi", **said)]
    [e async for e in bound.astream_events("hi", version="v2", **said)]
    bound.with_config(tags=["a"]).invoke("hi", **said)
    bound.bind(**said).invoke("hi")
    assert len(cloudflare.bodies) == 7
    for body in cloudflare.bodies:
        assert body["generationConfig"] == {"temperature": 0.1, "maxOutputTokens": 7}


def test_configurable_fields_keep_bindings() -> None:
    cloudflare = Cloudflare()
    asked: Any = cloudflare.model().configurable_fields(
        temperature=ConfigurableField(id="warmth")
    )
    asked = asked.bind(max_tokens=5).with_config(configurable={"warmth": 0.3})
    asked.invoke("hi", max_output_tokens=7)
    assert cloudflare.bodies[0]["generationConfig"] == {
        "temperature": 0.3,
        "maxOutputTokens": 7,
    }


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
    assert silent(api_key="one", api_token=SecretStr("one")).api_token == SecretStr(
        "one"
    )


def test_defaults_of_subclasses_are_read_as_arguments_are() -> None:
    class Mine(ChatCloudflareGemini):
        model: str = "gemini-3-flash"
        account_id: str | None = ACCOUNT
        api_token: Any = TOKEN
        gateway: Any = "mine"
        default_headers: Any = Field(default={"x-mine": TOKEN})

    cloudflare = Cloudflare()
    client = httpx.Client(transport=httpx.MockTransport(cloudflare))
    model = Mine(http_client=client)
    assert repr(model).startswith("Mine(model='gemini-3-flash', endpoint='auto'")
    assert TOKEN not in f"{model!r} {dumps(model)}"
    model.invoke("hi")
    sent = cloudflare.requests[0].headers
    assert sent["authorization"] == f"Bearer {TOKEN}"
    assert sent["cf-aig-gateway-id"] == "mine"
    assert sent["x-mine"] == TOKEN


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


def test_subclasses_keep_the_names() -> None:
    class Mine(ChatCloudflareGemini):
        model: str = "gemini-2.5-flash"
        max_tokens: int | None = 100
        api_token: SecretStr | None = SecretStr("default")
        own: str = Field(default="", alias="theirs")

    given: Json = {
        "model_name": "gemini-3-flash",
        "max_output_tokens": 5,
        "api_key": "given",
        "theirs": "x",
        "account_id": ACCOUNT,
    }
    mine = Mine(**given)
    assert (mine.model, mine.max_tokens, mine.own) == ("gemini-3-flash", 5, "x")
    assert mine.api_token == SecretStr("given")
    assert Mine(account_id=ACCOUNT).max_tokens == 100
    misspelt: Json = {"account_id": ACCOUNT, "max_token": 5}
    with pytest.raises(TypeError, match="did you mean 'max_tokens'"):
        Mine(**misspelt)


def test_subclasses_may_take_more() -> None:
    class Open(ChatCloudflareGemini, extra="allow"):
        pass

    given: Json = {"account_id": ACCOUNT, "api_token": "t", "team": "x"}
    model = Open(model="gemini-3-flash", **given)
    assert model.model_extra == {"team": "x"}


OTHER_WAYS: dict[str, Any] = {
    "batch_as_completed": lambda bound,
    **said: list(bound.batch_as_completed(["hi"], **said)),
    "transform": lambda bound,
    **said: list(bound.transform(iter(["hi"]), **said)),
    "stream_events": lambda bound,
    **said: list(bound.stream_events("hi", version="v3", **said)),
}  # fmt: skip


@pytest.mark.parametrize("ask", OTHER_WAYS.values(), ids=OTHER_WAYS.keys())
def test_every_way_of_asking_lays_a_call_over_what_is_bound(ask: Any) -> None:
    cloudflare = Cloudflare(answer(text("ok")))
    bound = cloudflare.model(endpoint="run").bind(
        max_output_tokens=5, generation_config={"top_k": 3}, thinking_budget=7
    )
    said: Json = {"max_tokens": 9, "temperature": None, "thinking_level": "low"}
    ask(bound, **said, generation_config={"seed": 1})
    assert cloudflare.bodies[0]["generationConfig"] == {
        "maxOutputTokens": 9,
        "topK": 3,
        "seed": 1,
        "thinkingConfig": {"thinkingLevel": "LOW"},
    }


def test_unknown_names_are_told_with_their_class() -> None:
    with pytest.raises(TypeError, match="a call of ChatCloudflareGemini has no"):
        silent().invoke("hi", temprature=1)
    with pytest.raises(TypeError, match="a call of ChatCloudflareGemini has no"):
        asyncio.run(silent().bind(temprature=1).ainvoke("hi"))


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

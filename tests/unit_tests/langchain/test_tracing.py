"""What tracers, callbacks and caches are told of a call."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel, ConfigDict, SecretStr, create_model

from langchain_cf_gemini import ChatCloudflareGemini, GatewayOptions
from langchain_cf_gemini.arguments import ModelArguments
from tests.support.models import (
    ACCOUNT,
    TOKEN,
    WAYS,
    Cloudflare,
    Json,
    answer,
    call,
    silent,
    text,
)

HEADER = "header-value-that-must-not-be-seen"
KEY = "google-key-that-must-not-be-seen"
SECRETS = (TOKEN, HEADER, KEY)
GIVEN = ("field", "bound", "call")


class Told(BaseCallbackHandler):
    """Keeps everything that a callback is told."""

    def __init__(self) -> None:
        self.starts: list[Json] = []
        self.results: list[Any] = []

    def on_chat_model_start(
        self, serialized: Any, messages: Any, **kwargs: Any
    ) -> None:
        told = {"serialized": serialized, "messages": messages}
        self.starts.append({**told, **kwargs})

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.results.append(response)


def _told(way: str, asked: Any) -> Told:
    told = Told()
    WAYS[way](asked.with_config(callbacks=[told]), "hi")
    return told


TOKENS = {"prompt_tokens": 7, "completion_tokens": 2, "input_tokens": 7,
          "output_tokens": 2, "total_tokens": 9}  # fmt: skip


@pytest.mark.parametrize("part", [text("ok"), call("f", id="1", args={})], ids=list)
@pytest.mark.parametrize("streaming", [None, True])
@pytest.mark.parametrize("way", WAYS)
def test_results_say_their_model_why_they_end_and_their_tokens(
    way: str, streaming: bool | None, part: Json
) -> None:
    told = _told(way, Cloudflare(answer(part)).model(streaming=streaming))
    [[generation]] = told.results[0].generations
    assert generation.generation_info == {
        "finish_reason": "STOP",
        "model_name": "gemini-3-flash",
    }
    metadata = generation.message.response_metadata
    assert metadata["finish_reason"] == "STOP"
    # langfuse reads Bedrock's counts from `usage`, others OpenAI's from `token_usage`.
    assert not {"usage", "token_usage", "llm_output"} & metadata.keys()
    if way.endswith("invoke"):
        output = {"model_name": "gemini-3-flash", "token_usage": TOKENS}
        assert told.results[0].llm_output == output


def test_batches_say_their_tokens_together() -> None:
    result = Cloudflare().model().generate([[HumanMessage(said)] for said in "abc"])
    assert result.llm_output is not None
    assert result.llm_output["model_name"] == "gemini-3-flash"
    assert result.llm_output["token_usage"]["total_tokens"] == 27
    assert result.llm_output["token_usage"]["prompt_tokens"] == 21


def test_an_answer_without_counts_says_none() -> None:
    whole = answer(text("ok"))
    del whole["usageMetadata"]
    told = _told("invoke", Cloudflare(whole).model())
    assert told.results[0].llm_output == {"model_name": "gemini-3-flash"}


class Search(BaseModel):
    """Search."""

    q: str


def _weather(place: str) -> str:
    """Tell the weather."""
    return place


@pytest.mark.parametrize("way", WAYS)
def test_tools_are_told_one_by_one(way: str) -> None:
    bound = Cloudflare().model().bind_tools([Search, _weather, "google_search"])
    [start] = _told(way, bound).starts
    tools = start["invocation_params"]["tools"]
    assert [tool.get("name") for tool in tools] == ["Search", "_weather", None]
    assert tools[0]["description"] == "Search."


_PNG = "iVBORw0KGgo="
UNTYPED: list[Json] = [
    {"type": "image", "source_type": "base64", "data": _PNG},
    {"type": "image", "base64": _PNG},
]


@pytest.mark.parametrize("block", UNTYPED, ids=["v0", "v1"])
def test_images_are_told_with_the_type_that_their_bytes_show(block: Json) -> None:
    told = Told()
    asked: Any = [HumanMessage([block])]
    Cloudflare().model().invoke(asked, {"callbacks": [told]})
    [[message]] = told.starts[0]["messages"]
    [shown] = message.content
    assert shown["image_url"] == {"url": f"data:image/png;base64,{_PNG}"}


# ---- secrets


def _everything(told: Told) -> str:
    return repr(told.starts) + repr(told.results) + str(told.starts)


@pytest.mark.parametrize("given", GIVEN)
async def test_callbacks_hear_no_secrets(given: str) -> None:
    cloudflare, told = Cloudflare(), Told()
    headers: Json = {"default_headers": {"x-access": HEADER}}
    fields, bound, said = ({**headers} if given == each else {} for each in GIVEN)
    asked: Any = cloudflare.model(google_api_key=KEY, **fields).bind(**bound)
    config: Any = {"callbacks": [told]}
    asked.invoke("hi", config, **said)
    list(asked.stream("hi", config, **said))
    asked.batch(["hi"], config, **said)
    await asked.ainvoke("hi", config, **said)
    [c async for c in asked.astream("hi", config, **said)]
    assert [r.headers["x-access"] for r in cloudflare.requests] == [HEADER] * 5
    for secret in SECRETS:
        for shown in (_everything(told), repr(asked), dumps(asked)):
            assert secret not in shown


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
async def test_events_hear_no_secrets() -> None:
    cloudflare, told = Cloudflare(), Told()
    model = cloudflare.model(gateway_metadata_keys=["user_id"])
    run: Any = {"callbacks": [told], "metadata": {"user_id": "u-1"}}
    said: Json = {"default_headers": {"x-access": HEADER}, "max_output_tokens": 5}
    for asked in (model, model.bind(temperature=0.5)):
        stream: Any = asked.stream_events("hi", run, version="v3", **said)
        assert stream.output.text == "ok"
        astream: Any = await asked.astream_events("hi", run, version="v3", **said)
        assert (await astream.output).text == "ok"
        [e async for e in asked.astream_events("hi", run, version="v2", **said)]
    assert len(cloudflare.requests) == 6
    for request, body in zip(cloudflare.requests, cloudflare.bodies, strict=True):
        assert request.headers["x-access"] == HEADER
        assert request.headers["cf-aig-metadata"] == '{"user_id":"u-1"}'
        assert body["generationConfig"]["maxOutputTokens"] == 5
    assert HEADER not in _everything(told)


def test_caches_hear_no_secrets() -> None:
    cache = InMemoryCache()
    model = Cloudflare().model(cache=cache, default_headers={"x-access": HEADER})
    model.invoke("hi", default_headers={"x-more": HEADER})
    [key] = cache._cache
    for secret in SECRETS:
        assert secret not in str(key)


# ---- caches


def test_a_changed_model_does_not_answer_for_the_old_one() -> None:
    cloudflare = Cloudflare(answer(text("old")), answer(text("new")), answer(text("x")))
    model = cloudflare.model(cache=InMemoryCache())
    assert model.invoke("hi").text == "old"
    other = model.model_copy(update={"model": "gemini-3.1-pro"})
    assert other.invoke("hi").text == "new"
    assert model.invoke("hi").text == "old"
    model.temperature = 0.1
    assert model.invoke("hi").text == "x"
    assert len(cloudflare.requests) == 3


def _class(field: str) -> Any:
    """One of two classes of one name."""
    fields: Any = {field: (str, ...)}
    return create_model("P", **fields)


WAYS_OF_ASKING: dict[str, Any] = {
    "field": lambda m, c: m.model_copy(update={"response_schema": c}),
    "bound format": lambda m, c: m.bind(response_format=c),
    "bound schema": lambda m, c: m.bind(response_schema=c),
    "bound tools": lambda m, c: m.bind(tools=[c]),
    "bind_tools": lambda m, c: m.bind_tools([c]),
    "call": lambda m, c: RunnableLambda(lambda x: m.invoke(x, response_format=c)),
    "tools of a call": lambda m, c: RunnableLambda(lambda x: m.invoke(x, tools=[c])),
}


@pytest.mark.parametrize("asking", WAYS_OF_ASKING.values(), ids=WAYS_OF_ASKING.keys())
def test_a_cache_tells_two_classes_of_one_name_apart(asking: Any) -> None:
    cloudflare = Cloudflare(answer(text("one")), answer(text("two")))
    model = cloudflare.model(cache=InMemoryCache())
    for field, said in (("alpha", "one"), ("beta", "two"), ("alpha", "one")):
        assert asking(model, _class(field)).invoke("hi").text == said
    assert len(cloudflare.requests) == 2


def test_schemas_can_be_serialized() -> None:
    for asked in (
        silent(response_schema=Search),
        silent().bind(response_format=Search, tools=[Search]),
    ):
        assert "not_implemented" not in dumps(asked)
        assert '"q"' in dumps(asked)


# ---- what LangSmith shows

LS: list[tuple[Json, Json, Json]] = [
    ({}, {}, {"ls_model_name": "gemini-3-flash"}),
    ({}, {"model_name": "google/gemini-3.1-pro"}, {"ls_model_name": "gemini-3.1-pro"}),
    ({}, {"model": "gemini-2.5-flash"}, {"ls_model_name": "gemini-2.5-flash"}),
    ({"model": "google/gemini-3-flash"}, {}, {"ls_model_name": "gemini-3-flash"}),
    ({"model": "gemini-3-flash-preview"}, {}, {"ls_model_name": "gemini-3-flash"}),
    ({}, {"model": "@cf/other"}, {"ls_model_name": "@cf/other"}),
    ({"max_tokens": 5}, {}, {"ls_max_tokens": 5}),
    ({"max_tokens": 5}, {"max_output_tokens": 7}, {"ls_max_tokens": 7}),
    ({"max_output_tokens": 9}, {"max_tokens": 7}, {"ls_max_tokens": 7}),
    ({"stop": "end"}, {}, {"ls_stop": ["end"]}),
    ({"stop_sequences": ["a", "b"]}, {}, {"ls_stop": ["a", "b"]}),
    ({"stop": ["a"]}, {"stop": ["b"]}, {"ls_stop": ["b"]}),
    ({"stop": "a"}, {"stop_sequences": ["b"]}, {"ls_stop": ["b"]}),
    ({"temperature": 0.1}, {}, {"ls_temperature": 0.1}),
    ({"temperature": 0.1}, {"temperature": None}, {"ls_temperature": 0.1}),
    ({"temperature": 0.2}, {"temperature": 0.7}, {"ls_temperature": 0.7}),
    ({"temperature": 0.1, "max_tokens": 5},
     {"generation_config": {"temperature": 0.9, "max_output_tokens": 9}},
     {"ls_temperature": 0.9, "ls_max_tokens": 9}),
    ({"temperature": 0.1}, {"generation_config": "hot"}, {"ls_temperature": 0.1}),
    ({}, {"no_such_argument": 1}, {"ls_model_name": "gemini-3-flash"}),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "arguments", "wanted"), LS)
def test_a_calls_own_values_are_traced(
    fields: Json, arguments: Json, wanted: Json
) -> None:
    params: Json = dict(silent(**fields)._get_ls_params(**arguments))
    wanted |= {"ls_provider": "cloudflare_gemini", "ls_model_type": "chat"}
    assert {key: params[key] for key in wanted} == wanted


# ---- metadata of the run


def _metadata_sent(cloudflare: Cloudflare) -> list[str | None]:
    return [r.headers.get("cf-aig-metadata") for r in cloudflare.requests]


RUN: Any = {"metadata": {"user_id": "u-1", "other": "x"}}


@pytest.mark.parametrize("streaming", [None, True])
async def test_run_metadata_in_every_way_of_asking(streaming: Any) -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(gateway_metadata_keys=["user_id"], streaming=streaming)
    model.invoke("hi", RUN)
    await model.ainvoke("hi", RUN)
    assert [chunk.text for chunk in model.stream("hi", RUN)] == ["ok", ""]
    assert [chunk.text async for chunk in model.astream("hi", RUN)] == ["ok", ""]
    [e async for e in model.astream_events("hi", RUN, version="v2")]
    model.batch(["hi"], RUN)
    await model.abatch(["hi"], RUN)
    (RunnableLambda(lambda x: x) | model).invoke("hi", RUN)
    [c async for c in (RunnableLambda(lambda x: x) | model).astream("hi", RUN)]
    assert _metadata_sent(cloudflare) == ['{"user_id":"u-1"}'] * 9


async def test_run_metadata_does_not_cross_from_call_to_call() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(gateway_metadata_keys=["user_id"])
    runs: list[Any] = [{"metadata": {"user_id": f"u-{n}"}} for n in range(20)]

    async def ask(run: Any) -> None:
        async for _ in model.astream("hi", run):
            await asyncio.sleep(0)

    await asyncio.gather(*map(ask, runs))
    sent = _metadata_sent(cloudflare)
    assert sorted(map(str, sent)) == sorted(f'{{"user_id":"u-{n}"}}' for n in range(20))
    one, other = (model.stream("hi", run) for run in runs[:2])
    next(one), next(other), list(one), list(other)
    model.invoke("hi")
    list(model.stream("hi"))
    assert _metadata_sent(cloudflare)[-2:] == [None, None]


@pytest.mark.parametrize(
    ("fields", "run", "sent"),
    [
        ({"gateway": {"metadata": {"user_id": "model", "team": "a"}}}, RUN,
         '{"user_id":"u-1","team":"a"}'),
        ({"metadata": {"user_id": "own"}}, {}, '{"user_id":"own"}'),
        # LangChain lays a model's own metadata over the run's.
        ({"metadata": {"user_id": "own"}}, RUN, '{"user_id":"own"}'),
    ],
)  # fmt: skip
def test_which_metadata_wins(fields: Json, run: Any, sent: str) -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(gateway_metadata_keys=["user_id"], **fields)
    model.invoke("hi", run)
    list(model.stream("hi", run))
    assert _metadata_sent(cloudflare) == [sent] * 2


def test_run_metadata_is_in_no_trace_and_no_key() -> None:
    cache, told = InMemoryCache(), Told()
    model = Cloudflare().model(gateway_metadata_keys=["user_id"], cache=cache)
    run: Any = {**RUN, "callbacks": [told]}
    list(model.stream("hi", run))
    for start in told.starts:
        assert "u-1" not in str([start["invocation_params"], start["options"]])
    model.invoke("hi", RUN)
    model.invoke("hi", {"metadata": {"user_id": "u-2"}})
    assert len(cache._cache) == 1


# ---- what people see


def test_a_repr_that_a_person_can_read() -> None:
    plain = ChatCloudflareGemini(
        model="google/gemini-3-flash", account_id=ACCOUNT, api_token=TOKEN
    )
    assert repr(plain) == (
        "ChatCloudflareGemini(model='google/gemini-3-flash', endpoint='auto')"
    )
    told = silent(
        temperature=0,
        max_output_tokens=5,
        gateway="mine",
        default_headers={"x-access": HEADER},
    )
    for said in ("temperature=0.0", "max_tokens=5", "default_headers=['x-access']",
                 "gateway=GatewayOptions(id='mine')"):  # fmt: skip
        assert said in repr(told)
    assert HEADER not in repr(told)
    assert str(told).startswith("model='gemini-3-flash'")


@pytest.mark.parametrize("extra", ["forbid", "ignore", "allow"])
def test_the_signature_has_every_alias_before_and_after(extra: Any) -> None:
    """Also in a class that nobody made a model of yet."""

    class Fresh(ChatCloudflareGemini):
        model_config = ConfigDict(extra=extra)
        own: int = 5
        max_output_tokens: int = 7  # shown as a field's alias in the class above

    known = {*ModelArguments.__annotations__, "own"}
    before = inspect.signature(Fresh)
    names = before.parameters
    assert set(names) - ({"arguments"} if extra == "allow" else set()) == known
    assert names["temperature"].default is None
    assert names["max_output_tokens"].default == 7
    Fresh(model="gemini-3-flash", account_id="a", api_token=SecretStr(TOKEN))
    assert inspect.signature(Fresh) == before
    before.bind(model="gemini-3-flash", api_key=TOKEN, stop_sequences=["x"])
    own = inspect.signature(ChatCloudflareGemini).parameters
    assert set(own) == set(ModelArguments.__annotations__)
    assert not hasattr(silent(), "__signature__")


def test_other_names_in_copies_and_when_set() -> None:
    model = silent(max_tokens=1).model_copy(update={"max_output_tokens": 2})
    assert model.max_tokens == 2
    model.max_output_tokens = 3  # type: ignore[attr-defined]
    assert model.max_tokens == 3
    model.model_name = "gemini-3.1-pro"  # type: ignore[misc]
    assert model.model == "gemini-3.1-pro"
    model.api_token = "another"  # type: ignore[assignment]
    assert "another" not in repr(vars(model))
    other = model.model_copy(update={"gateway": "mine", "model": "gemini-3-flash"})
    assert other.gateway == GatewayOptions(id="mine")
    assert other.profile == silent(model="gemini-3-flash").profile
    assert other.profile != model.profile
    with pytest.raises(ValueError, match="temperature"):
        model.model_copy(update={"temperature": 9})
    other = model.model_copy(update={"n": 2})
    assert model.model_fields_set == other.model_fields_set - {"n"}

"""Wrong messages, tools, schemas, media and settings: the error, and nothing sent."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from copy import deepcopy
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.prompt_values import ChatPromptValue

from langchain_cf_gemini import ChatCloudflareGemini, UnsupportedContentError
from tests.support.models import ACCOUNT, TOKEN, Cloudflare, Json, every_way, silent

PNG = "iVBORw0KGgo="


def _human(*blocks: Any) -> list[BaseMessage]:
    return [HumanMessage(list(blocks))]


def _called(*ids: str) -> AIMessage:
    calls: list[Any] = [
        {"name": "look", "args": {}, "id": id_, "type": "tool_call"} for id_ in ids
    ]
    return AIMessage("", tool_calls=calls)


# ---- messages

MESSAGES: dict[str, tuple[Any, str]] = {
    "nothing": ([], "No user message"),
    "system alone": ([SystemMessage("Be brief.")], "No user message"),
    "empty turn of the model": ([AIMessage("")], "No user message"),
    "empty list": ([HumanMessage([])], "No user message"),
    "unknown block": (_human({"type": "hologram"}), "'hologram' in a HumanMessage"),
    "unknown block that holds text": (_human({"type": "hologram", "text": "x"}),
                                      "'hologram' in a HumanMessage"),
    "block without type": (_human({"shape": "round"}), "None in a HumanMessage"),
    "tool_use of a user": (_human({"type": "tool_use", "id": "1", "name": "look",
                                   "input": {}}), "'tool_use' in a HumanMessage"),
    "thinking of a user": (_human({"type": "thinking", "thinking": "hm"}),
                           "'thinking' in a HumanMessage"),
    "text block without text": (_human({"type": "text"}), "text"),
    "system with image": ([SystemMessage([{"type": "image", "base64": PNG}]),
                           HumanMessage("hi")], "SystemMessage can contain only text"),
    "strange role": ([ChatMessage(content="hi", role="critic")], "role 'critic'"),
    "function message": ([FunctionMessage(content="1", name="look")],
                         "No user message"),
    "remove message": ([RemoveMessage(id="1")], "type 'remove'"),
    "call at the very end": ([HumanMessage("hi"), _called("a")],
                             "'look' .id 'a'. has no ToolMessage"),
    "calls at the very end": (
        [HumanMessage("hi"), _called("a"), AIMessage("So?"), _called("b", "c")],
        "'look' .id 'b'. has no ToolMessage"),
    "unknown block of the model": (
        [HumanMessage("hi"), AIMessage([{"type": "hologram"}]), HumanMessage("and?")],
        "'hologram' in an AIMessage"),
}  # fmt: skip


@pytest.mark.parametrize(("messages", "said"), MESSAGES.values(), ids=MESSAGES.keys())
def test_message(messages: list[BaseMessage], said: str) -> None:
    with pytest.raises(UnsupportedContentError, match=said):
        silent().invoke(messages)


@every_way
def test_every_way_refuses_before_it_sends(way: Any) -> None:
    with pytest.raises(UnsupportedContentError, match="'hologram'"):
        way(silent(), _human({"type": "hologram"}))
    with pytest.raises(ValueError, match="temperature must be"):
        way(silent().bind(temperature=3), "hi")
    with pytest.raises(TypeError, match="did you mean 'temperature'"):
        way(silent().bind(temprature=1), "hi")


# ---- media


def _image(**keys: Any) -> Json:
    return {"type": "image", **keys}


def _source(**keys: Any) -> Json:
    return {"type": "image", "source": keys}


def _url(**keys: Any) -> Json:
    return {"type": "image_url", **keys}


AS_PNG: Json = {"mime_type": "image/png"}
MEDIA: dict[str, tuple[Json, str]] = {
    "image of nothing": (_image(), "needs base64, url or file_id"),
    "image of a text": (_image(text="hi"), "block of type 'text'"),
    "empty base64": (_image(base64="", **AS_PNG), "base64"),
    "isn't base64": (_image(base64="not base64!", **AS_PNG), "isn't base64"),
    "base64 of a number": (_image(base64=3, **AS_PNG), "base64"),
    "base64 of nothing": (_image(base64=None), "needs base64, url"),
    "no type to be seen": (_image(data="AAAA"),
                           "needs mime_type, for example 'image/png'"),
    "no type to be seen in v1": (_image(base64="AAAA"), "needs mime_type"),
    "no type to be seen in v0": (_image(source_type="base64", data="AAAA"),
                                 "needs mime_type"),
    "no type of a file": ({"type": "file", "base64": "AAAA"},
                          "needs mime_type, for example 'application/pdf'"),
    "address without a name": (_image(url="ftp://x/y.png"), "unsupported URL"),
    "address that is none": (_image(url=7), "'image'"),
    "gs without type": (_image(url="gs://b/o"), "needs mime_type"),
    "file named only": ({"type": "file", "file_id": "file-1"}, "needs mime_type"),
    "file of nothing": ({"type": "file", "file": {}}, "'file'"),
    "media of nothing": ({"type": "media", **AS_PNG}, "media"),
    "type that is a list": ({"type": ["image"]}, "Use a string, for example 'text'"),
    "data URI cut": (_url(image_url={"url": "data:image/png;base64"}),
                     "data URI that isn't base64"),
    "data URI of garbage": (_url(image_url={"url": "data:image/png;base64,???"}),
                            "isn't base64"),
    "image_url without address": (_url(), "empty URL"),
    "image_url empty": (_url(image_url={"url": ""}), "empty URL"),
    "image_url of a list": (_url(image_url=[]), "image_url"),
    "source that is null": (_source(type="base64", data=None),
                            "needs base64, url or file_id"),
    "source without data": (_source(type="base64", media_type="image/png"), "base64"),
    "source of a new kind": (_source(type="hologram"), "source type 'hologram'"),
    "v0 source of nobody's": (_image(source_type="ftp"), "unknown source type 'ftp'"),
    "v0 data of nothing": ({"type": "audio", "source_type": "base64"}, "needs base64"),
    "v0 address of nothing": ({"type": "file", "source_type": "url"}, "needs base64"),
    "v0 id of nothing": (_image(source_type="id"), "needs base64"),
    "audio of nobody's": ({"type": "audio", "data": "AAAA", "format": "x-y"},
                          "contains audio/x-y"),
    "audio of nothing": ({"type": "input_audio"}, "input_audio"),
    "audio that is no object": ({"type": "input_audio", "input_audio": "x"}, "audio"),
    "media_resolution": (_image(base64=PNG, media_resolution="huge", **AS_PNG),
                         "media_resolution 'huge'"),
    "video_metadata": ({"type": "video", "base64": PNG, "mime_type": "video/mp4",
                        "video_metadata": "10s"}, "video_metadata"),
}  # fmt: skip


@pytest.mark.parametrize(("block", "said"), MEDIA.values(), ids=MEDIA.keys())
def test_media(block: Json, said: str) -> None:
    histories: list[list[BaseMessage]] = [
        [HumanMessage([block])],
        [HumanMessage("hi"), AIMessage([block]), HumanMessage("so?")],
        [HumanMessage("hi"), _called("a"), ToolMessage([block], tool_call_id="a")],
    ]
    model = silent()
    for history in histories:
        with pytest.raises(UnsupportedContentError, match=said):
            model.invoke(history)


_KINDS = ["image", "audio", "video", "file", "text-plain", "image_url", "input_audio"]
_DATA = st.sampled_from([PNG, "AAAA", "", None, 5, b"GIF89a", ["x"]])
_BLOCKS: Any = st.fixed_dictionaries(
    {"type": st.sampled_from([*_KINDS, "text", None, 3])},
    optional={
        "source_type": st.sampled_from(["base64", "url", "id", "text", "x", None, []]),
        "base64": _DATA,
        "data": _DATA,
        "url": st.sampled_from(["gs://b/o.png", "data:,", "", None, 5]),
        "id": st.sampled_from(["a", None]),
        "file_id": st.sampled_from(["gs://b/o", "a", 5]),
        "text": st.sampled_from(["hi", "", None]),
        "mime_type": st.sampled_from(["image/png", "", None, 5]),
        "file": st.fixed_dictionaries(
            {}, optional={"file_data": _DATA, "file_id": _DATA, "filename": _DATA}
        ),
        "input_audio": st.fixed_dictionaries(
            {}, optional={"data": _DATA, "format": st.sampled_from(["wav", None])}
        ),
        "image_url": st.sampled_from([PNG, "", None, {"url": "data:,"}, {"url": 3}]),
    },
)


@given(block=_BLOCKS, stream=st.booleans())
@settings(deadline=None)
def test_a_block_is_sent_or_refused_in_words(block: Any, stream: bool) -> None:
    """Whatever is left out or given twice: no error of LangChain's own reader."""
    model = Cloudflare().model()
    before = deepcopy(block)
    prompt = [HumanMessage([block, {"type": "text", "text": "hi"}])]
    with suppress(UnsupportedContentError):
        list(model.stream(prompt)) if stream else model.invoke(prompt)
    with suppress(UnsupportedContentError):
        model.get_num_tokens_from_messages(prompt)
    assert block == before


IMAGE: list[Any] = [_image(base64=PNG)]
PROMPTS: list[Any] = [
    [HumanMessage(IMAGE)],
    [("user", IMAGE)],
    [{"role": "user", "content": IMAGE}],
    ChatPromptValue(messages=[HumanMessage(IMAGE)]),
]


@every_way
@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_way_finds_the_type_of_an_image(way: Any, prompt: Any) -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model()
    way(model, prompt)
    model.generate([PROMPTS[0]])
    asyncio.run(model.agenerate([PROMPTS[0]]))
    for body in cloudflare.bodies:
        (part,) = body["contents"][0]["parts"]
        assert part["inlineData"]["mimeType"] == "image/png"


@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_generate_takes_conversations_of_every_kind(kind: Any) -> None:
    cloudflare = Cloudflare()
    result = cloudflare.model().generate(kind([kind([HumanMessage("hi")])]))
    assert len(result.generations) == 1
    assert cloudflare.contents == [{"role": "user", "parts": [{"text": "hi"}]}]


@pytest.mark.parametrize("batch", [["hi"], [HumanMessage("hi")], [{"role": "user"}]])
def test_generate_takes_conversations(batch: Any) -> None:
    with pytest.raises(TypeError, match="use invoke"):
        silent().generate(batch)


# ---- settings, of the instance and of a call

SETTINGS: dict[str, tuple[Json, str]] = {
    "temperature 3": ({"temperature": 3}, "temperature must be a number from 0 to 2"),
    "temperature 2.0001": ({"temperature": 2.0001}, "from 0 to 2, not 2.0001"),
    "temperature nan": ({"temperature": float("nan")}, "from 0 to 2, not nan"),
    "seed 2**31": ({"seed": 2**31}, "from -2,147,483,648 to 2,147,483,647, not"),
    "seed below -2**31": ({"seed": -(2**31) - 1}, "seed"),
    "timeout true": ({"timeout": True}, "timeout must be"),
    "temperature -1": ({"temperature": -0.1}, "temperature"),
    "top_p 2": ({"top_p": 2}, "top_p must be a number from 0 to 1"),
    "top_k 0": ({"top_k": 0}, "top_k"),
    "max_tokens 0": ({"max_tokens": 0}, "max_tokens must be a whole number from 1"),
    "n 0": ({"n": 0}, "n must be a whole number"),
    "n 9": ({"n": 9}, "n must be|n > 1"),
    "presence_penalty": ({"presence_penalty": 3}, "presence_penalty"),
    "frequency_penalty": ({"frequency_penalty": -3}, "frequency_penalty"),
    "six stop words": ({"stop": list("abcdef")}, "stop has 6 strings"),
    "a label that is no text": ({"labels": {"a": 1}}, "labels"),
    "both in Google's words": ({"generation_config": {"thinking_config": {
        "thinking_level": "LOW", "thinking_budget": 5}}}, "can.t be combined"),
    "empty stop word": ({"stop": [""]}, "stop must be a list of non-empty strings"),
    "level and budget": ({"thinking_level": "low", "thinking_budget": 1},
                         "can't be combined"),
    "unknown level": ({"thinking_level": "extreme"}, "thinking_level must be one of"),
    "level of 2.5": ({"model": "gemini-2.5-flash", "thinking_level": "low"},
                     "doesn't support thinking_level"),
    "level of another": ({"model": "gemini-3.1-pro", "thinking_level": "minimal"},
                         "supports thinking_level low, medium, high"),
    "negative budget": ({"thinking_budget": -2}, "thinking_budget"),
    "budget 0 of 2.5 Pro": ({"model": "gemini-2.5-pro", "thinking_budget": 0},
                            "turn thinking off"),
    "modality": ({"response_modalities": ["SMELL"]}, "response_modalities"),
    "resolution": ({"media_resolution": "tiny"}, "media_resolution must be one of"),
    "logprobs": ({"logprobs": -1}, "logprobs"),
    "harm category": ({"safety_settings": {"BOREDOM": "BLOCK_NONE"}},
                      "safety category must be one of"),
    "harm threshold": ({"safety_settings": {"HATE_SPEECH": "SOMETIMES"}},
                       "safety threshold must be one of"),
    "safety without category": ({"safety_settings": [{"threshold": "OFF"}]},
                                "objects with category and threshold"),
    "safety without threshold": ({"safety_settings": [{"category": "HATE_SPEECH"}]},
                                 "safety threshold"),
    "isn't a Gemini model": ({"model": "@cf/meta/llama-3"}, "@cf/meta/llama-3"),
    "routed": ({"model": "dynamic/support"}, "dynamic/support"),
    "automatic": ({"model": "cloudflare/auto"}, "cloudflare/auto"),
    "another house": ({"model": "openai/gpt-5"}, "openai/gpt-5"),
}  # fmt: skip


@pytest.mark.parametrize(("given_", "said"), SETTINGS.values(), ids=SETTINGS.keys())
def test_setting_of_the_instance_and_of_a_call(given_: Json, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        silent(**given_)
    assert TOKEN not in str(caught.value)
    with pytest.raises(ValueError, match=said):
        silent().bind(**given_).invoke("hi")


FIELDS: dict[str, tuple[Json, str]] = {
    "text of numbers": ({"stop": [1]}, "stop must be a list of strings or a string"),
    "neither of two": (
        {"safety_settings": 1},
        "safety_settings must be a dict of strings or a list of dicts, not 1[.]$"),
    "neither of three": ({"logprobs": "x"}, "must be True, False or a whole number"),
    "a word": ({"endpoint": "x"}, "must be 'auto', 'run' or 'gateway', not 'x'"),
    "part of a number": ({"top_k": 1.5}, "top_k must be a whole number, not 1.5"),
    "no end": ({"max_tokens": float("inf")}, "max_tokens must be a whole number"),
    "under another name": ({"max_output_tokens": "x"}, "max_tokens must be a whole"),
    "an instance": ({"rate_limiter": 1}, "must be an instance of BaseRateLimiter"),
    "a handler": ({"callbacks": 1}, "callbacks must be a list or an instance of"),
    "a function": ({"custom_get_token_ids": 1}, "must be a function, not 1"),
    "LangChain's own": ({"tags": "x"}, "tags must be a list of strings, not 'x'"),
    "below its limit": ({"max_retries": -1}, "greater than or equal to 0, not -1"),
    "a token": ({"api_token": 5}, "api_token must be a string, not int[.]$"),
    "headers": ({"default_headers": 5}, "default_headers must be a dict of strings"),
    "a long value": ({"temperature": "x" * 500}, "not 'x{79}[.][.][.][.]$"),
    "a secret that is none": ({"required_secrets": ["x"]}, "contains 'x'. Use api_tok"),
    "a client": ({"http_client": 1}, "must be an httpx2.Client or httpx.Client, not 1"),
    "another's client": ({"http_async_client": httpx2.Client()}, "AsyncClient, not <"),
    "a client's class": ({"http_client": httpx2.Client}, "Client, not <class"),
    "a memory": ({"gateway_memory": {}}, "must be the gateway_memory of another model"),
    "a schema": ({"response_schema": 5}, "from 5. Pass a Pydantic class, TypedDict"),
    "an option": ({"gateway": {"x": 1}}, "Unknown gateway option 'x'. Known: backoff,"),
    "a gateway": ({"gateway": ""}, "id must be a gateway's name"),
    "no account": ({"account_id": None}, "CLOUDFLARE_ACCOUNT_ID"),
    "no token": ({"api_token": None}, "CLOUDFLARE_API_TOKEN"),
    "an empty token": ({"api_token": ""}, "CLOUDFLARE_API_TOKEN"),
    "a key at run": ({"google_api_key": "k", "endpoint": "run"}, "support google_api"),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "said"), FIELDS.values(), ids=FIELDS.keys())
def test_wrong_value_of_a_field(wrong: Json, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        silent(**wrong)


_OF_ANY_TYPE = [
    *("x", "", 1, -1, 0, 1.5, True, [], [1], ["x"], {}, {"a": 1}, {"a": "b"}),
    *(float("inf"), float("nan"), None, b"x", object(), [None], {"a": None}),
]


@pytest.mark.filterwarnings("ignore:Unrecognized keys in model profile")
@pytest.mark.parametrize("field", ChatCloudflareGemini.model_fields)
def test_no_value_of_a_field_brings_a_frame_of_pydantics(field: str) -> None:
    """Whatever type it is of: what failed, and why, in words."""
    for value in _OF_ANY_TYPE:
        try:
            silent(**{field: value})
        except (ValueError, TypeError) as error:
            said = str(error)
        else:
            continue
        assert not re.search(
            r"pydantic|\[(str|int|bool)|valid (str|int|bo|li|di)", said
        )
        assert said.endswith((".", "?")), said
        assert len(said) < 400


CALLS: dict[str, tuple[Json, str]] = {
    "temperature as text": ({"temperature": "warm"}, "temperature must be a number"),
    "temperature true": ({"temperature": True}, "temperature must be a number"),
    "max_tokens 1.5": ({"max_tokens": 1.5}, "max_tokens must be a whole number"),
    "top_k 40.5": ({"top_k": 40.5}, "top_k must be a whole number"),
    "stop of numbers": ({"stop": [1]}, "stop must be a list"),
    "speech_config": ({"speech_config": "loud"}, "speech_config must be a dict"),
    "image_config": ({"image_config": ["16:9"]}, "image_config must be a dict"),
    "logprobs text": ({"logprobs": "many"}, "logprobs must be True, False or a count"),
    "budget text": ({"thinking_budget": "much"}, "thinking_budget must be a number"),
    "budget true": ({"thinking_budget": True}, "thinking_budget must be a number"),
    "endpoint": ({"endpoint": "moon"}, "endpoint must be one of auto, run, gateway"),
    "generation_config": ({"generation_config": "hot"}, "generation_config"),
    "safety text": ({"safety_settings": "OFF"}, "safety_settings"),
    "labels": ({"labels": "team"}, "labels"),
    "media_urls": ({"media_urls": "guess"}, "media_urls"),
    "schema_dialect": ({"schema_dialect": "xml", "response_schema": {"type": "object"}},
                       "schema_dialect"),
    "tools": ({"tools": ["no_such_tool"]}, "no_such_tool"),
    "tools of numbers": ({"tools": [3]}, "3"),
    "a tool's name": ({"tools": "google_search"}, "tools must be a list, for example"),
    "a tool": ({"tools": {"name": "look"}}, "must be a list.*not {'name': 'look'}"),
    "a function": ({"tools": silent}, "must be a list.*not <function"),
    "a number": ({"tools": 5}, "tools must be a list.*not 5[.]$"),
    "tool_choice": ({"tools": [{"name": "look", "description": "x"}],
                     "tool_choice": "smell"}, "smell"),
    "choice without tools": ({"tool_choice": "any"}, "tool"),
    "tool_config": ({"tool_config": "any"}, "tool_config"),
    "response_format": ({"response_format": "yaml"}, "response_format|yaml"),
    "google_model": ({"google_model": "a/b?c"}, "isn't a Gemini model"),
    "max_retries": ({"max_retries": -1}, "max_retries"),
    "timeout": ({"timeout": "soon"}, "timeout"),
    "default_headers": ({"default_headers": "x: y"}, "default_headers"),
    "modalities number": ({"response_modalities": 3}, "response_modalities"),
    "n with stop": ({"n": 2.5}, "n must be a whole number"),
    "cached_content": ({"cached_content": 3}, "cached_content"),
    "response_mime_type": ({"response_mime_type": 3}, "response_mime_type"),
    "model": ({"model": 3}, "model"),
    "model empty": ({"model": ""}, "model"),
    "include_thoughts": ({"include_thoughts": "maybe"}, "include_thoughts"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "said"), CALLS.values(), ids=CALLS.keys())
def test_argument_of_a_call(arguments: Json, said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        silent().invoke("hi", **arguments)
    with pytest.raises((ValueError, TypeError), match=said):
        asyncio.run(silent().ainvoke("hi", **arguments))


@pytest.mark.parametrize("tools", ["google_search", {"name": "look"}, silent, 5, None])
def test_tools_are_a_list(tools: Any) -> None:
    with pytest.raises(UnsupportedContentError, match="tools must be a list, for"):
        silent().bind_tools(tools)


NAMES = [
    ("temprature", "temperature"),
    ("max_token", "max_tokens"),
    ("top_n", "top_"),
    ("thinking", "thinking_"),
    ("endpoit", "endpoint"),
    ("max_output_token", "max_output_tokens"),
    ("qqqqq", None),
]


@pytest.mark.parametrize(("name", "nearest"), NAMES)
def test_unknown_argument_names_the_nearest(name: str, nearest: str | None) -> None:
    hint = f"; did you mean '{nearest}" if nearest else "$"
    said = rf"no argument '{name}'{hint}"
    with pytest.raises((TypeError, ValueError), match=said):
        silent(**{name: 1})
    with pytest.raises(TypeError, match=said):
        silent().bind(**{name: 1}).invoke("hi")
    with pytest.raises(TypeError, match=said):
        list(silent().bind(**{name: 1}).stream("hi"))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("cache_ttl", "gateway=GatewayOptions(cache_ttl=...)"),
        ("thinking_config", "thinking_level="),
        ("tools", "bind_tools()"),
        ("system_instruction", "SystemMessage"),
    ],
)
def test_an_argument_of_elsewhere_names_its_place(name: str, advice: str) -> None:
    with pytest.raises(
        TypeError, match=rf"no argument '{name}'\. .*{re.escape(advice)}"
    ):
        silent(**{name: 1})


# ---- credentials


def test_no_model() -> None:
    with pytest.raises(ValueError, match="model"):
        ChatCloudflareGemini.model_validate({"account_id": ACCOUNT, "api_token": TOKEN})


@pytest.mark.parametrize(
    ("field", "endpoint"), [("base_url", "run"), ("gateway_base_url", "gateway")]
)
def test_plain_http_to_elsewhere(field: str, endpoint: str) -> None:
    with pytest.raises(ValueError, match="http"):
        silent(**{field: "http://example.com"}, endpoint=endpoint).invoke("hi")


@pytest.mark.parametrize("key", ["AIzaSyA-0123456789", "AQ.Ab8RN6I0123456789"])
@pytest.mark.parametrize("name", ["api_key", "api_token"])
def test_a_key_of_googles_is_no_token(name: str, key: str) -> None:
    credentials: Json = {"account_id": ACCOUNT, name: key}
    with pytest.raises(ValueError, match="Pass it as google_api_key") as caught:
        ChatCloudflareGemini(model="gemini-3-flash", **credentials)
    assert key not in str(caught.value)

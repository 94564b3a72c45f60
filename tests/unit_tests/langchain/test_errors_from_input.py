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
from langchain_core.language_models.chat_models import BaseChatModel
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
from pydantic import SecretStr

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

MESSAGES: list[tuple[Any, str]] = [
    ([], "No user message"),
    ([SystemMessage("Be brief.")], "No user message"),
    ([AIMessage("")], "No user message"),
    ([HumanMessage([])], "No user message"),
    (_human({"type": "hologram"}), "'hologram' in a HumanMessage"),
    (_human({"type": "hologram", "text": "x"}), "'hologram' in a HumanMessage"),
    (_human({"shape": "round"}), "None in a HumanMessage"),
    (_human({"type": "tool_use", "id": "1", "name": "look",
                                   "input": {}}), "'tool_use' in a HumanMessage"),
    (_human({"type": "thinking", "thinking": "hm"}), "'thinking' in a HumanMessage"),
    (_human({"type": "text"}), "text"),
    ([SystemMessage([{"type": "image", "base64": PNG}]),
                           HumanMessage("hi")], "SystemMessage can contain only text"),
    ([ChatMessage(content="hi", role="critic")], "role 'critic'"),
    ([FunctionMessage(content="1", name="look")], "No user message"),
    ([RemoveMessage(id="1")], "type 'remove'"),
    ([HumanMessage("hi"), _called("a")], "'look' .id 'a'. has no ToolMessage"),
    ([HumanMessage("hi"), _called("a"), AIMessage("So?"), _called("b", "c")],
     "'look' .id 'b'. has no ToolMessage"),
    ([HumanMessage("hi"), AIMessage([{"type": "hologram"}]), HumanMessage("and?")],
     "'hologram' in an AIMessage"),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "said"), MESSAGES)
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
MEDIA: list[tuple[Json, str]] = [
    (_image(), "needs base64, url or file_id"),
    (_image(text="hi"), "block of type 'text'"),
    (_image(base64="", **AS_PNG), "base64"),
    (_image(base64="not base64!", **AS_PNG), "isn't base64"),
    (_image(base64=3, **AS_PNG), "base64"),
    (_image(base64=None), "needs base64, url"),
    (_image(data="AAAA"), "needs mime_type, for example 'image/png'"),
    (_image(base64="AAAA"), "needs mime_type"),
    (_image(source_type="base64", data="AAAA"), "needs mime_type"),
    ({"type": "file", "base64": "AAAA"},
                          "needs mime_type, for example 'application/pdf'"),
    (_image(url="ftp://x/y.png"), "unsupported URL"),
    (_image(url=7), "'image'"),
    (_image(url="gs://b/o"), "needs mime_type"),
    ({"type": "file", "file_id": "file-1"}, "needs mime_type"),
    ({"type": "file", "file": {}}, "'file'"),
    ({"type": "media", **AS_PNG}, "media"),
    ({"type": ["image"]}, "Use a string, for example 'text'"),
    (_url(image_url={"url": "data:image/png;base64"}), "data URI that isn't base64"),
    (_url(image_url={"url": "data:image/png;base64,???"}), "isn't base64"),
    (_url(), "empty URL"),
    (_url(image_url={"url": ""}), "empty URL"),
    (_url(image_url=[]), "image_url"),
    (_source(type="base64", data=None), "needs base64, url or file_id"),
    (_source(type="base64", media_type="image/png"), "base64"),
    (_source(type="hologram"), "source type 'hologram'"),
    (_image(source_type="ftp"), "unknown source type 'ftp'"),
    ({"type": "audio", "source_type": "base64"}, "needs base64"),
    ({"type": "file", "source_type": "url"}, "needs base64"),
    (_image(source_type="id"), "needs base64"),
    ({"type": "audio", "data": "AAAA", "format": "x-y"}, "contains audio/x-y"),
    ({"type": "input_audio"}, "input_audio"),
    ({"type": "input_audio", "input_audio": "x"}, "audio"),
    (_image(base64=PNG, media_resolution="huge", **AS_PNG), "media_resolution 'huge'"),
    ({"type": "video", "base64": PNG, "mime_type": "video/mp4",
                        "video_metadata": "10s"}, "video_metadata"),
]  # fmt: skip


@pytest.mark.parametrize(("block", "said"), MEDIA, ids=repr)
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

SETTINGS: list[tuple[Json, str]] = [
    ({"temperature": 3}, "temperature must be a number from 0 to 2"),
    ({"temperature": 2.0001}, "from 0 to 2, not 2.0001"),
    ({"temperature": float("nan")}, "from 0 to 2, not nan"),
    ({"seed": 2**31}, "from -2,147,483,648 to 2,147,483,647, not"),
    ({"seed": -(2**31) - 1}, "seed"),
    ({"timeout": True}, "timeout must be"),
    ({"temperature": -0.1}, "temperature"),
    ({"top_p": 2}, "top_p must be a number from 0 to 1"),
    ({"top_k": 0}, "top_k"),
    ({"max_tokens": 0}, "max_tokens must be a whole number from 1"),
    ({"n": 0}, "n must be a whole number"),
    ({"n": 9}, "n must be|n > 1"),
    ({"presence_penalty": 3}, "presence_penalty"),
    ({"frequency_penalty": -3}, "frequency_penalty"),
    ({"stop": list("abcdef")}, "stop has 6 strings"),
    ({"labels": {"a": 1}}, "labels"),
    ({"generation_config": {"thinking_config": {
        "thinking_level": "LOW", "thinking_budget": 5}}}, "can.t be combined"),
    ({"stop": [""]}, "stop must be a list of non-empty strings"),
    ({"thinking_level": "low", "thinking_budget": 1}, "can't be combined"),
    ({"thinking_level": "extreme"}, "thinking_level must be one of"),
    ({"model": "gemini-2.5-flash", "thinking_level": "low"},
                     "doesn't support thinking_level"),
    ({"model": "gemini-3.1-pro", "thinking_level": "minimal"},
                         "supports thinking_level low, medium, high"),
    ({"thinking_budget": -2}, "thinking_budget"),
    ({"model": "gemini-2.5-pro", "thinking_budget": 0}, "turn thinking off"),
    ({"response_modalities": ["SMELL"]}, "response_modalities"),
    ({"media_resolution": "tiny"}, "media_resolution must be one of"),
    ({"logprobs": -1}, "logprobs"),
    ({"safety_settings": {"BOREDOM": "BLOCK_NONE"}}, "safety category must be one of"),
    ({"safety_settings": {"HATE_SPEECH": "SOMETIMES"}},
                       "safety threshold must be one of"),
    ({"safety_settings": [{"threshold": "OFF"}]},
                                "objects with category and threshold"),
    ({"safety_settings": [{"category": "HATE_SPEECH"}]}, "safety threshold"),
    ({"model": "@cf/meta/llama-3"}, "@cf/meta/llama-3"),
    ({"model": "dynamic/support"}, "dynamic/support"),
    ({"model": "cloudflare/auto"}, "cloudflare/auto"),
    ({"model": "openai/gpt-5"}, "openai/gpt-5"),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "said"), SETTINGS, ids=repr)
def test_setting_of_the_instance_and_of_a_call(given_: Json, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        silent(**given_)
    assert TOKEN not in str(caught.value)
    with pytest.raises(ValueError, match=said):
        silent().bind(**given_).invoke("hi")


FIELDS: list[tuple[Json, str]] = [
    ({"stop": [1]}, "stop must be a list of strings or a string"),
    ({"safety_settings": 1},
     "safety_settings must be a dict of strings or a list of dicts, not 1[.]$"),
    ({"logprobs": "x"}, "must be True, False or a whole number"),
    ({"endpoint": "x"}, "must be 'auto', 'run' or 'gateway', not 'x'"),
    ({"top_k": 1.5}, "top_k must be a whole number, not 1.5"),
    ({"max_tokens": float("inf")}, "max_tokens must be a whole number"),
    ({"max_output_tokens": "x"}, "max_tokens must be a whole"),
    ({"rate_limiter": 1}, "must be an instance of BaseRateLimiter"),
    ({"callbacks": 1}, "callbacks must be a list or an instance of"),
    ({"custom_get_token_ids": 1}, "must be a function, not 1"),
    ({"tags": "x"}, "tags must be a list of strings, not 'x'"),
    ({"max_retries": -1}, "greater than or equal to 0, not -1"),
    ({"api_token": 5}, "api_token must be a string, not int[.]$"),
    ({"default_headers": 5}, "default_headers must be a dict of strings"),
    ({"temperature": "x" * 500}, "not 'x{79}[.][.][.][.]$"),
    ({"required_secrets": ["x"]}, "contains 'x'. Use api_tok"),
    ({"http_client": 1}, "must be an httpx2.Client or httpx.Client, not 1"),
    ({"http_async_client": httpx2.Client()}, "AsyncClient, not <"),
    ({"http_client": httpx2.Client}, "Client, not <class"),
    ({"gateway_memory": {}}, "must be the gateway_memory of another model"),
    ({"response_schema": 5}, "from 5. Pass a Pydantic class, TypedDict"),
    ({"gateway": {"x": 1}}, "Unknown gateway option 'x'. Known: backoff,"),
    ({"gateway": ""}, "id must be a gateway's name"),
    ({"account_id": None}, "CLOUDFLARE_ACCOUNT_ID"),
    ({"api_token": None}, "CLOUDFLARE_API_TOKEN"),
    ({"api_token": ""}, "CLOUDFLARE_API_TOKEN"),
    ({"google_api_key": "k", "endpoint": "run"}, "support google_api"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "said"), FIELDS)
def test_wrong_value_of_a_field(wrong: Json, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        silent(**wrong)


OURS = [row for row in FIELDS if row[0].keys().isdisjoint(BaseChatModel.model_fields)]


@pytest.mark.parametrize(("wrong", "said"), OURS)
def test_wrong_value_that_is_set_later(wrong: Json, said: str) -> None:
    def ask() -> None:
        model = silent()
        for name, value in wrong.items():
            setattr(model, name, value)
        model.invoke("hi")

    with pytest.raises(ValueError, match=said):
        ask()


class Counting(ChatCloudflareGemini):
    """A class of somebody's own, which sets its field to what it likes."""

    count: int = 0


def test_fields_of_subclasses_and_of_langchain_take_anything() -> None:
    model: Any = Counting(account_id=ACCOUNT, api_token=SecretStr(TOKEN), model="x")
    model.count = model.tags = None
    assert (model.count, model.tags) == (None, None)
    with pytest.raises(ValueError, match="top_k must be a whole number"):
        model.top_k = "x"


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


CALLS: list[tuple[Json, str]] = [
    ({"temperature": "warm"}, "temperature must be a number"),
    ({"temperature": True}, "temperature must be a number"),
    ({"max_tokens": 1.5}, "max_tokens must be a whole number"),
    ({"top_k": 40.5}, "top_k must be a whole number"),
    ({"stop": [1]}, "stop must be a list"),
    ({"speech_config": "loud"}, "speech_config must be a dict"),
    ({"image_config": ["16:9"]}, "image_config must be a dict"),
    ({"logprobs": "many"}, "logprobs must be True, False or a count"),
    ({"thinking_budget": "much"}, "thinking_budget must be a number"),
    ({"thinking_budget": True}, "thinking_budget must be a number"),
    ({"endpoint": "moon"}, "endpoint must be one of auto, run, gateway"),
    ({"generation_config": "hot"}, "generation_config"),
    ({"safety_settings": "OFF"}, "safety_settings"),
    ({"labels": "team"}, "labels"),
    ({"media_urls": "guess"}, "media_urls"),
    ({"schema_dialect": "xml", "response_schema": {"type": "object"}},
                       "schema_dialect"),
    ({"tools": ["no_such_tool"]}, "no_such_tool"),
    ({"tools": [3]}, "3"),
    ({"tools": "google_search"}, "tools must be a list, for example"),
    ({"tools": {"name": "look"}}, "must be a list.*not {'name': 'look'}"),
    ({"tools": silent}, "must be a list.*not <function"),
    ({"tools": 5}, "tools must be a list.*not 5[.]$"),
    ({"tools": [{"name": "look", "description": "x"}],
                     "tool_choice": "smell"}, "smell"),
    ({"tool_choice": "any"}, "tool"),
    ({"tool_config": "any"}, "tool_config"),
    ({"response_format": "yaml"}, "response_format|yaml"),
    ({"google_model": "a/b?c"}, "isn't a Gemini model"),
    ({"max_retries": -1}, "max_retries"),
    ({"timeout": "soon"}, "timeout"),
    ({"default_headers": "x: y"}, "default_headers"),
    ({"response_modalities": 3}, "response_modalities"),
    ({"n": 2.5}, "n must be a whole number"),
    ({"cached_content": 3}, "cached_content"),
    ({"response_mime_type": 3}, "response_mime_type"),
    ({"model": 3}, "model"),
    ({"model": ""}, "model"),
    ({"include_thoughts": "maybe"}, "include_thoughts"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "said"), CALLS)
def test_argument_of_a_call(arguments: Json, said: str) -> None:
    model = silent(labels={"a": "b"}, generation_config={"seed": 1})
    with pytest.raises((ValueError, TypeError), match=said):
        model.invoke("hi", **arguments)
    with pytest.raises((ValueError, TypeError), match=said):
        asyncio.run(model.ainvoke("hi", **arguments))


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
    of_call = f"a call of ChatCloudflareGemini has {said}"
    with pytest.raises(TypeError, match=of_call):
        silent().bind(**{name: 1}).invoke("hi")
    with pytest.raises(TypeError, match=of_call):
        list(silent().bind(**{name: 1}).stream("hi"))
    with pytest.raises(TypeError, match=of_call):
        asyncio.run(silent().bind(**{name: 1}).ainvoke("hi"))


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


@pytest.mark.parametrize("key", ["AIzaSyA-0123456789", "AQ.Ab8RN6I0123456789"])
@pytest.mark.parametrize("name", ["api_key", "api_token"])
def test_a_key_of_googles_is_no_token(name: str, key: str) -> None:
    credentials: Json = {"account_id": ACCOUNT, name: key}
    with pytest.raises(ValueError, match="Pass it as google_api_key") as caught:
        ChatCloudflareGemini(model="gemini-3-flash", **credentials)
    assert key not in str(caught.value)

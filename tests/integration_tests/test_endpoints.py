"""Both endpoints over real sockets: addresses, the gateway's options, media, loops."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import HumanMessage
from langchain_core.runnables import ConfigurableField
from pydantic import AfterValidator, BaseModel

from langchain_cf_gemini import (
    ChatCloudflareGemini,
    GatewayFallbackWarning,
    GatewayOptions,
    UnsupportedContentError,
    cost,
    get_cost_callback,
)
from langchain_cf_gemini.emulator import Emulator, reply
from tests.support.loopback import Loopback, answer
from tests.support.models import WAYS, Json, endpoints, every_way


def model_of(emulator: Emulator, **settings: Any) -> ChatCloudflareGemini:
    chosen: Json = {"model": "gemini-3-flash", "max_retries": 0, **emulator.client}
    return ChatCloudflareGemini(**{**chosen, **settings})


# ---- addresses


@endpoints
@every_way
def test_paths(emulator: Emulator, endpoint: str, way: Any) -> None:
    message = way(model_of(emulator, endpoint=endpoint), "hi")
    (asked,) = emulator.requests
    account = emulator.account_id
    if endpoint == "run":
        assert asked.path == f"/client/v4/accounts/{account}/ai/run"
        assert asked.body["model"] == "google/gemini-3-flash"
        assert set(asked.body) == {"model", "input"}
    else:
        models = f"/v1/{account}/default/google-ai-studio/v1beta/models"
        assert asked.path.startswith(f"{models}/gemini-3-flash-preview:")
        assert set(asked.body) == {"contents"}
    gateway = message.response_metadata["gateway"]
    assert gateway["ray_id"] == asked.response_headers["cf-ray"]
    assert gateway["log_id"] == asked.response_headers["cf-aig-log-id"]


@pytest.mark.parametrize("way", WAYS)
def test_auto(emulator: Emulator, way: str) -> None:
    assert WAYS[way](model_of(emulator), "hi").text
    (asked,) = emulator.requests
    assert asked.route == ("streamGenerateContent" if "stream" in way else "run")


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_fallback_over_sockets(emulator: Emulator, way: str) -> None:
    model = model_of(emulator)
    emulator.fail(401, shape="gateway", error_code=2009)
    emulator.script(reply("from run"), reply("again"))
    with pytest.warns(GatewayFallbackWarning):
        assert WAYS[way](model, "hi").text == "from run"
    assert WAYS[way](model, "hi").text == "again"
    routes = [asked.route for asked in emulator.requests]
    assert routes == ["streamGenerateContent", "run", "run"]


# ---- the gateway's options

# Every option has its row where options become headers; these show the way.
OPTIONS: Json = {
    "id": "default",
    "cache_ttl": 3600,
    "metadata": {"team": "search", "ort": "Köln", "n": 2, "beta": True},
    "request_timeout": 12.5,
    "custom_cost": {"per_token_in": 1e-6, "per_token_out": 2e-6},
    "zdr": True,
}
SENT = {
    "cf-aig-cache-ttl": "3600",
    "cf-aig-metadata": '{"team":"search","ort":"K\\u00f6ln","n":2,"beta":true}',
    "cf-aig-request-timeout": "12500",
    "cf-aig-custom-cost": '{"per_token_in":1e-06,"per_token_out":2e-06}',
    "cf-aig-zdr": "true",
}


def sent(emulator: Emulator) -> dict[str, str]:
    """The gateway headers of the latest request, without credentials."""
    headers = emulator.requests[-1].headers
    return {
        name: value
        for name, value in headers.items()
        if name.startswith("cf-aig-") and name != "cf-aig-authorization"
    }


@every_way
def test_options_reach_both_endpoints(emulator: Emulator, way: Any) -> None:
    way(model_of(emulator, endpoint="run").bind(gateway=OPTIONS), "hi")
    assert sent(emulator) == SENT | {"cf-aig-gateway-id": "default"}
    options = GatewayOptions(**OPTIONS, byok_alias="team-b")
    way(model_of(emulator, endpoint="gateway").bind(gateway=options), "hi")
    assert sent(emulator) == SENT | {"cf-aig-byok-alias": "team-b"}
    assert "/default/google-ai-studio/" in emulator.requests[-1].path


def test_an_option_can_be_changed_for_a_call(emulator: Emulator) -> None:
    model = model_of(emulator, gateway={"cache_ttl": 60, "metadata": {"team": "a"}})
    model.invoke("hi", gateway={"metadata": {"user": "u1"}})
    assert sent(emulator) == {
        "cf-aig-cache-ttl": "60",
        "cf-aig-metadata": '{"team":"a","user":"u1"}',
    }
    model.bind(gateway=GatewayOptions(cache_ttl=None)).invoke("hi")
    assert sent(emulator) == {"cf-aig-metadata": '{"team":"a"}'}
    model.invoke("hi")
    assert sent(emulator)["cf-aig-cache-ttl"] == "60"


async def test_an_option_can_be_configured(emulator: Emulator) -> None:
    field = ConfigurableField(id="gateway")
    model = model_of(emulator).configurable_fields(gateway=field)
    for value in ({"cache_ttl": 90}, GatewayOptions(cache_ttl=90)):
        await model.with_config(configurable={"gateway": value}).ainvoke("hi")
        assert sent(emulator) == {"cf-aig-cache-ttl": "90"}


@pytest.mark.parametrize(
    "options",
    [{"metadata": {"cf.user_id": "u1"}}, {"byok_alias": "team-b"}, {"nope": 1}],
)
def test_what_breaks_a_limit_is_refused_before_sending(
    emulator: Emulator, options: Json
) -> None:
    with pytest.raises(ValueError, match=r" must |support|Unknown"):
        model_of(emulator, gateway=options, endpoint="run")
    with pytest.raises(ValueError, match=r" must |support|Unknown"):
        model_of(emulator, endpoint="run").invoke("hi", gateway=options)
    emulator.assert_request_count(0)


def test_run_metadata_becomes_gateway_metadata_if_asked(emulator: Emulator) -> None:
    model = model_of(emulator, gateway_metadata_keys=["user"])
    model.invoke("hi", config={"metadata": {"user": "u1", "other": "x"}})
    assert sent(emulator) == {"cf-aig-metadata": '{"user":"u1"}'}
    model_of(emulator).invoke("hi", config={"metadata": {"user": "u1"}})
    assert sent(emulator) == {}


def test_an_answer_tells_what_the_gateway_said_and_a_hit_costs_nothing(
    emulator: Emulator,
) -> None:
    options = {"cache_ttl": 60, "event_id": "trace-7"}
    model = model_of(emulator, gateway=options, endpoint="run")
    with get_cost_callback() as spent:
        first, second = model.invoke("hi"), model.invoke("hi")
    said = [message.response_metadata["gateway"] for message in (first, second)]
    headers = emulator.requests[0].response_headers
    assert said[0]["request_id"] == headers["cf-aig-request-id"]
    assert [each["event_id"] for each in said] == ["trace-7"] * 2
    assert [each["cache_status"] for each in said] == ["MISS", "HIT"]
    assert (said[0]["step"], said[0]["key_source"]) == (0, "Unified")
    assert second.content == first.content
    assert first.usage_metadata
    assert second.usage_metadata == {**first.usage_metadata, "total_cost": 0}
    paid = cost(first)
    assert paid
    assert cost(second) == 0
    assert spent.total_cost == paid
    assert (spent.calls, spent.cached_calls, spent.unpriced_calls) == (2, 1, 0)


def test_a_bad_answer_in_the_cache_does_not_fail_every_retry(
    emulator: Emulator,
) -> None:
    def large(value: int) -> int:
        if value < 10:
            raise ValueError("too small")
        return value

    class Number(BaseModel):
        value: Annotated[int, AfterValidator(large)]

    emulator.script(reply('{"value": 1}'), reply('{"value": 10}'))
    model = model_of(emulator, gateway={"cache_ttl": 60})
    runnable = model.with_structured_output(Number)
    with pytest.raises(OutputParserException):
        runnable.invoke("hi")
    assert runnable.invoke("hi") == Number(value=10)
    asked, repeated = emulator.exchanges
    assert asked.response_headers["cf-aig-cache-status"] == "MISS"
    assert "from the gateway's cache" not in repeated.notes


# ---- media behind addresses

LOCAL = [
    "http://127.0.0.1:{port}/a.png",
    "http://localhost:{port}/a.png",
    "http://2130706433:{port}/a.png",
    "http://0x7f.1:{port}/a.png",
    "http://[::1]:{port}/a.png",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1/a.png",
    "http://[::ffff:127.0.0.1]:{port}/a.png",
]


@every_way
def test_media_of_private_networks_is_not_fetched(emulator: Emulator, way: Any) -> None:
    with Loopback([answer(b"\x89PNG\r\n\x1a\n")]) as server:
        for url in LOCAL:
            block = {"type": "image", "url": url.format(port=server.port)}
            asked = [HumanMessage([{**block, "mime_type": "image/png"}])]
            with pytest.raises(UnsupportedContentError):
                way(model_of(emulator), asked)
        assert server.received == []
    emulator.assert_request_count(0)


@endpoints
@every_way
def test_media_is_passed_on_if_asked(
    emulator: Emulator, endpoint: str, way: Any
) -> None:
    block = {"type": "image", "url": "https://example.com/a.png"}
    model = model_of(emulator, endpoint=endpoint, media_urls="pass")
    assert way(model, [HumanMessage([block])]).text
    (asked,) = emulator.requests
    file = {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}
    assert asked.generation["contents"][0]["parts"] == [{"fileData": file}]


# ---- more than one call


@endpoints
def test_one_model_in_several_loops(emulator: Emulator, endpoint: str) -> None:
    model = model_of(emulator, endpoint=endpoint)

    async def ask() -> list[Any]:
        return await asyncio.gather(*(model.ainvoke(f"Q {n}") for n in range(5)))

    for _ in range(3):
        assert all(message.text for message in asyncio.run(ask()))
    assert model.invoke("hi").text


@endpoints
async def test_a_closed_model_opens_again(emulator: Emulator, endpoint: str) -> None:
    async with model_of(emulator, endpoint=endpoint) as model:
        assert (await model.ainvoke("hi")).text
    assert (await model.ainvoke("hi")).text
    with model_of(emulator, endpoint=endpoint) as other:
        assert other.invoke("hi").text
    await model.aclose()


def test_a_stream_that_is_left(emulator: Emulator) -> None:
    model = model_of(emulator, endpoint="gateway")
    emulator.script(reply("one two three four five six seven"))
    for chunk in model.stream("hi"):
        assert chunk.text
        break
    assert model.invoke("hi").text


@endpoints
@every_way
def test_strictly_valid_settings(emulator: Emulator, endpoint: str, way: Any) -> None:
    """Every setting at once is what the published schema takes."""
    model = model_of(
        emulator,
        endpoint=endpoint,
        temperature=1.0,
        top_p=0.9,
        top_k=40,
        max_tokens=200,
        stop=["never said"],
        seed=1,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        thinking_level="low",
        include_thoughts=True,
        media_resolution="low",
        safety_settings={"HATE_SPEECH": "BLOCK_NONE", "JAILBREAK": "OFF"},
        labels={"team": "a"},
        response_schema={"type": "object", "properties": {"a": {"type": "string"}}},
    )
    assert isinstance(json.loads(str(way(model, "Say a.").text)), dict)

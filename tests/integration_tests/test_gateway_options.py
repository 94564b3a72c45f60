"""Cloudflare's gateway end to end: what is asked of it, what it says, what it costs."""

from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.runnables import ConfigurableField
from pydantic import BaseModel, field_validator

from langchain_cf_gemini import (
    ChatCloudflareGemini,
    GatewayOptions,
    cost,
    get_cost_callback,
)
from langchain_cf_gemini.emulator import Emulator

# Every option has its row where options become headers; these show the way.
OPTIONS: dict[str, Any] = {
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


def model_of(emulator: Emulator, **settings: Any) -> ChatCloudflareGemini:
    chosen: dict[str, Any] = {"model": "gemini-3-flash", **emulator.client, **settings}
    return ChatCloudflareGemini(**chosen)


def sent(emulator: Emulator) -> dict[str, str]:
    """The gateway headers of the latest request, without credentials."""
    headers = list(emulator.requests)[-1].headers
    return {
        name: value
        for name, value in headers.items()
        if name.startswith("cf-aig-") and name != "cf-aig-authorization"
    }


def test_options_reach_run(emulator: Emulator) -> None:
    model_of(emulator, endpoint="run").invoke("hi", gateway=OPTIONS)
    assert sent(emulator) == SENT | {"cf-aig-gateway-id": "default"}


@pytest.mark.parametrize("streamed", [False, True])
def test_options_reach_the_gateway(emulator: Emulator, streamed: bool) -> None:
    options = GatewayOptions(**OPTIONS, byok_alias="team-b")
    model = model_of(emulator, endpoint="gateway").bind(gateway=options)
    _ = list(model.stream("hi")) if streamed else model.invoke("hi")
    assert sent(emulator) == SENT | {"cf-aig-byok-alias": "team-b"}
    assert "/default/google-ai-studio/" in list(emulator.requests)[-1].path


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
    [
        {"metadata": {"cf.user_id": "u1"}},
        {"byok_alias": "team-b"},
        {"nope": 1},
    ],
)
def test_what_breaks_a_limit_is_refused_before_sending(
    emulator: Emulator, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r" must |support|Unknown"):
        model_of(emulator, gateway=options, endpoint="run")
    with pytest.raises(ValueError, match=r" must |support|Unknown"):
        model_of(emulator, endpoint="run").invoke("hi", gateway=options)
    assert list(emulator.requests) == []


def test_run_metadata_becomes_gateway_metadata_if_asked(emulator: Emulator) -> None:
    model = model_of(emulator, gateway_metadata_keys=["user"])
    model.invoke("hi", config={"metadata": {"user": "u1", "other": "x"}})
    assert sent(emulator) == {"cf-aig-metadata": '{"user":"u1"}'}
    model_of(emulator).invoke("hi", config={"metadata": {"user": "u1"}})
    assert sent(emulator) == {}


async def test_an_answer_tells_what_the_gateway_said(emulator: Emulator) -> None:
    model = model_of(emulator, gateway={"cache_ttl": 60, "event_id": "trace-7"})
    message = await model.ainvoke("hi")
    said = message.response_metadata["gateway"]
    answered = list(emulator.requests)[-1].response_headers
    assert said["log_id"] == answered["cf-aig-log-id"]
    assert said["request_id"] == answered["cf-aig-request-id"]
    assert said["event_id"] == "trace-7"
    assert said["cache_status"] == "MISS"
    assert said["step"] == 0
    assert said["ray_id"] == answered["cf-ray"]
    assert said["key_source"] == "Unified"


def test_a_cache_hit_is_seen_and_costs_nothing(emulator: Emulator) -> None:
    model = model_of(emulator, gateway={"cache_ttl": 60}, endpoint="run")
    with get_cost_callback() as spent:
        first, second = model.invoke("hi"), model.invoke("hi")
    assert [
        m.response_metadata["gateway"]["cache_status"] for m in (first, second)
    ] == [
        "MISS",
        "HIT",
    ]
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
    class Number(BaseModel):
        value: int

        @field_validator("value")
        @classmethod
        def _is_large(cls, value: int) -> int:
            if value < 10:
                raise ValueError("too small")
            return value

    emulator.reply('{"value": 1}')
    emulator.reply('{"value": 10}')
    model = model_of(emulator, gateway={"cache_ttl": 60})
    runnable = model.with_structured_output(Number)
    with pytest.raises(OutputParserException):
        runnable.invoke("hi")
    assert runnable.invoke("hi").value == 10
    asked, repeated = emulator.exchanges
    assert asked.response_headers["cf-aig-cache-status"] == "MISS"
    assert "from the gateway's cache" not in repeated.notes

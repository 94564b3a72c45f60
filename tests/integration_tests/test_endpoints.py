"""Both endpoints over real sockets: addresses, media, fallback, many at once."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_cf_gemini import (
    ChatCloudflareGemini,
    CloudflareRateLimitError,
    GatewayFallbackWarning,
    UnsupportedContentError,
)
from langchain_cf_gemini.emulator import Emulator, reply
from tests.support.loopback import Loopback, answer
from tests.support.models import Json, endpoints, every_way


def _model(emulator: Emulator, **settings: Any) -> ChatCloudflareGemini:
    chosen: Json = {"model": "gemini-3-flash", "max_retries": 0, **emulator.client}
    return ChatCloudflareGemini(**{**chosen, **settings})


# ---- addresses


@endpoints
@every_way
def test_paths(emulator: Emulator, endpoint: str, way: Any) -> None:
    assert way(_model(emulator, endpoint=endpoint), "hi").text
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


@every_way
def test_auto(emulator: Emulator, way: Any, request: pytest.FixtureRequest) -> None:
    assert way(_model(emulator), "hi").text
    (asked,) = emulator.requests
    is_stream = "stream" in request.node.name.split("[")[1]
    assert asked.route == ("streamGenerateContent" if is_stream else "run")


@endpoints
@every_way
def test_answers_say_what_the_gateway_said(
    emulator: Emulator, endpoint: str, way: Any
) -> None:
    message = way(_model(emulator, endpoint=endpoint), "hi")
    (asked,) = emulator.exchanges
    said = asked.response_headers
    gateway = message.response_metadata["gateway"]
    assert gateway["ray_id"] == said["cf-ray"]
    assert gateway["log_id"] == said["cf-aig-log-id"]


# ---- the gateway refuses


@pytest.mark.parametrize("colour", ["stream", "astream"])
def test_fallback_over_sockets(emulator: Emulator, colour: str) -> None:
    from tests.support.models import WAYS

    model = _model(emulator)
    emulator.fail(401, shape="gateway", error_code=2009)
    emulator.script(reply("from run"), reply("again"))
    with pytest.warns(GatewayFallbackWarning):
        assert WAYS[colour](model, "hi").text == "from run"
    assert WAYS[colour](model, "hi").text == "again"
    assert [asked.route for asked in emulator.requests] == [
        "streamGenerateContent",
        "run",
        "run",
    ]


# ---- media behind addresses

LOCAL = [
    "http://127.0.0.1:{port}/a.png",
    "http://localhost:{port}/a.png",
    "http://[::1]:{port}/a.png",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1/a.png",
    "http://[::ffff:127.0.0.1]:{port}/a.png",
]


@pytest.mark.parametrize("url", LOCAL)
@every_way
def test_media_of_private_networks_is_not_fetched(
    emulator: Emulator, way: Any, url: str
) -> None:
    with Loopback([answer(b"\x89PNG\r\n\x1a\n")]) as server:
        block = {"type": "image", "url": url.format(port=server.port)}
        with pytest.raises(UnsupportedContentError):
            way(_model(emulator), [HumanMessage([{**block, "mime_type": "image/png"}])])
        assert server.received == []
    emulator.assert_request_count(0)


@endpoints
@every_way
def test_media_is_passed_on_if_asked(
    emulator: Emulator, endpoint: str, way: Any
) -> None:
    block = {"type": "image", "url": "https://example.com/a.png"}
    model = _model(emulator, endpoint=endpoint, media_urls="pass")
    assert way(model, [HumanMessage([block])]).text
    (asked,) = emulator.requests
    (part,) = asked.generation["contents"][0]["parts"]
    assert part == {
        "fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}
    }


# ---- many at once


@endpoints
def test_threads(emulator: Emulator, endpoint: str) -> None:
    model = _model(emulator, endpoint=endpoint)
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: model.invoke(f"Question {n}").text, range(24)))
    assert len(said) == 24
    assert all(said)


@endpoints
def test_one_model_in_several_loops(emulator: Emulator, endpoint: str) -> None:
    model = _model(emulator, endpoint=endpoint)

    async def ask() -> list[str]:
        answers = await asyncio.gather(*(model.ainvoke(f"Q {n}") for n in range(5)))
        return [str(message.text) for message in answers]

    for _ in range(3):
        assert all(asyncio.run(ask()))
    assert model.invoke("hi").text


@endpoints
async def test_a_closed_model_opens_again(emulator: Emulator, endpoint: str) -> None:
    async with _model(emulator, endpoint=endpoint) as model:
        assert (await model.ainvoke("hi")).text
    assert (await model.ainvoke("hi")).text
    with _model(emulator, endpoint=endpoint) as other:
        assert other.invoke("hi").text
    await model.aclose()


def test_a_stream_that_is_left(emulator: Emulator) -> None:
    model = _model(emulator, endpoint="gateway")
    emulator.script(reply("one two three four five six seven"))
    for chunk in model.stream("hi"):
        assert chunk.text
        break
    assert model.invoke("hi").text


def test_retries_are_counted(emulator: Emulator) -> None:
    for _ in range(3):
        emulator.fail(429)
    model = _model(emulator, endpoint="run")
    with pytest.raises(CloudflareRateLimitError):
        model.invoke("hi")
    emulator.assert_request_count(1)


@endpoints
@every_way
def test_strictly_valid_settings(emulator: Emulator, endpoint: str, way: Any) -> None:
    """Every setting at once is what the published schema takes."""
    model = _model(
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
    message = way(model, "Say a.")
    assert isinstance(json.loads(str(message.text)), dict)

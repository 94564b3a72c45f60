"""Every documented argument, as users write it; `make check` reads it, nothing runs it.

pyright and mypy read this file in their strict modes, without plugins.
"""

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

import httpx
import httpx2
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import Runnable
from pydantic import BaseModel, SecretStr

from langchain_cf_gemini import (
    ChatCloudflareGemini,
    CloudflareGeminiError,
    CloudflareRateLimitError,
    GatewayOptions,
    UnsupportedContentError,
    cost,
    get_cost_callback,
)


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: str


def search(query: str) -> str:
    """Search the web."""
    return query


model = ChatCloudflareGemini(
    model="gemini-3-flash",
    account_id="0123456789abcdef",
    api_token="a string",
    gateway_token="a string",
    google_api_key="a string",
    endpoint="gateway",
    base_url="https://api.cloudflare.com/client/v4",
    gateway_base_url="https://gateway.ai.cloudflare.com/v1",
    allow_http=False,
    gateway="mine",
    gateway_metadata_keys=["user_id"],
    google_model="gemini-3-flash-preview",
    temperature=0,
    top_p=0.9,
    top_k=40,
    max_tokens=500,
    stop=["END"],
    seed=7,
    presence_penalty=0.5,
    frequency_penalty=0.5,
    n=1,
    thinking_level="low",
    include_thoughts=True,
    response_mime_type="text/plain",
    response_schema=Joke,
    response_modalities=["TEXT"],
    media_resolution="low",
    speech_config={"voice_config": {}},
    image_config={"aspect_ratio": "16:9"},
    logprobs=True,
    safety_settings={"HATE_SPEECH": "OFF"},
    tool_config={"retrieval_config": {}},
    schema_dialect="json",
    cached_content="cachedContents/1",
    labels={"team": "a"},
    generation_config={"brand_new": 1},
    media_urls="inline",
    timeout=30,
    max_retries=3,
    streaming=False,
    stream_usage=True,
    stream_on_run=False,
    default_headers={"x-team": "a"},
    http_client=httpx2.Client(),
    http_async_client=httpx2.AsyncClient(),
    carry_secrets=False,
    automatic_continuation=True,
    fallback_ttl=60,
    adaptive_rate=False,
    cache=InMemoryCache(),
    tags=["a"],
    metadata={"user_id": "u"},
    output_version="v1",
)
other_names = ChatCloudflareGemini(
    model_name="gemini-2.5-flash",
    api_key=SecretStr("a string"),
    google_api_key=SecretStr("a string"),
    gateway=GatewayOptions(id="mine", cache_ttl=60),
    gateway_metadata_keys={"user_id": "user"},
    max_output_tokens=500,
    stop_sequences="END",
    candidate_count=1,
    reasoning_effort="low",
    request_timeout=httpx.Timeout(30),
    safety_settings=[{"category": "HATE_SPEECH", "threshold": "OFF"}],
    default_headers={"x-team": SecretStr("a")},
    http_client=httpx.Client(),
    http_async_client=httpx.AsyncClient(),
)
budget = ChatCloudflareGemini(
    model="gemini-2.5-flash",
    gateway={"id": "mine", "metadata": {"team": "a"}},
    thinking_budget=-1,
    timeout=httpx2.Timeout(30),
)
unlimited = ChatCloudflareGemini(model="gemini-3-flash", timeout=None)
in_a_worker = ChatCloudflareGemini(model="gemini-3-flash", binding=object())


def ask() -> None:
    """Ask in each way."""
    assert_type(model.invoke("hi"), AIMessage)
    assert_type(model.invoke("hi", temperature=0, max_output_tokens=5), AIMessage)
    assert_type(model.stream("hi"), Iterator[AIMessageChunk])
    assert_type(model.astream("hi"), AsyncIterator[AIMessageChunk])
    assert_type(model.bind(temperature=0).invoke("hi"), AIMessage)
    assert_type(model.bind_tools([search, Joke]).invoke("hi"), AIMessage)
    forced = model.bind_tools([search], tool_choice="any", strict=True)
    assert_type(forced.invoke("hi").tool_calls[0]["name"], str)
    assert_type(model.with_structured_output(Joke).invoke("tell"), Joke)
    assert_type(
        model.with_structured_output(Joke, method="function_calling").invoke("tell"),
        Joke,
    )
    for part in model.with_structured_output(Joke).stream("tell"):
        assert_type(part, Joke)
    assert_type(model.get_num_tokens("hi"), int)


async def ask_async() -> None:
    """Ask in each way."""
    assert_type(await model.ainvoke("hi"), AIMessage)
    joke = await model.with_structured_output(Joke).ainvoke("tell")
    assert_type(joke.punchline, str)
    async with ChatCloudflareGemini(model="gemini-3-flash") as short:
        async for chunk in short.astream("hi"):
            assert_type(chunk, AIMessageChunk)


def chain() -> Runnable[object, AIMessage]:
    """Errors, costs, copies."""
    try:
        with get_cost_callback() as spent:
            message = model.invoke("hi")
    except CloudflareRateLimitError as error:
        assert_type(error.retry_after, float | None)
        raise
    except (CloudflareGeminiError, UnsupportedContentError):
        raise
    assert_type(cost(message), float | None)
    assert_type(spent.total_cost, float)
    copied = model.model_copy(update={"temperature": 1})
    assert_type(copied, ChatCloudflareGemini)
    raise NotImplementedError

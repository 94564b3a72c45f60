"""What the gateway says of an exchange, on messages and on errors."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from langchain_cf_gemini import ChatCloudflareGemini, CloudflareGeminiError

_FINDINGS = {
    "findings": [{"profile": {"context": {}, "entry_ids": ["e1"], "profile_id": "p1"},
                  "policy_ids": ["y1"], "check": "RESPONSE"}],
    "action": "FLAG",
}  # fmt: skip
# https://developers.cloudflare.com/ai-gateway/ (headers glossary, DLP, dynamic routing)
_HEADERS = {
    "cf-aig-log-id": "0190-log",
    "cf-aig-request-id": "0190-request",
    "cf-aig-event-id": "my-trace",
    "cf-aig-cache-status": "MISS",
    "cf-aig-step": "1",
    "cf-aig-model": "gemini-3-flash",
    "cf-aig-provider": "google",
    "cf-aig-dlp": json.dumps(_FINDINGS),
    "cf-ray": "9a0b-AMS",
}
_SAID = {
    "log_id": "0190-log",
    "request_id": "0190-request",
    "event_id": "my-trace",
    "cache_status": "MISS",
    "step": 1,
    "model": "gemini-3-flash",
    "provider": "google",
    "dlp": _FINDINGS,
    "ray_id": "9a0b-AMS",
}
_ANSWER = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]},
                    "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1,
                      "totalTokenCount": 2},
    "gatewayMetadata": {"keySource": "BYOK"},
}  # fmt: skip


def _model(
    answer: Callable[[httpx.Request], httpx.Response], **settings: Any
) -> ChatCloudflareGemini:
    return ChatCloudflareGemini(
        model="gemini-3-flash",
        account_id="a1",
        api_token=SecretStr("t"),
        max_retries=0,
        http_client=httpx.Client(transport=httpx.MockTransport(answer)),
        **settings,
    )


def test_a_message_holds_what_the_gateway_said() -> None:
    model = _model(lambda _: httpx.Response(200, json=_ANSWER, headers=_HEADERS))
    gateway = model.invoke("Hi").response_metadata["gateway"]
    asked = {"endpoint": "run", "id": "default"}
    assert gateway == {**_SAID, **asked, "key_source": "BYOK"}


def test_the_last_chunk_of_a_stream_holds_it_once() -> None:
    body = f"data: {json.dumps(_ANSWER)}\r\n\r\n"
    headers = {**_HEADERS, "content-type": "text/event-stream"}
    model = _model(lambda _: httpx.Response(200, text=body, headers=headers))
    chunks = list(model.stream("Hi"))
    said = [c.response_metadata.get("gateway") for c in chunks]
    asked = {"endpoint": "gateway", "id": "default"}
    assert said[-1] == {**_SAID, **asked, "key_source": "BYOK"}
    assert said[:-1] == [None] * (len(said) - 1)


def test_only_what_came_is_there() -> None:
    answer = {**_ANSWER, "gatewayMetadata": None}
    model = _model(lambda _: httpx.Response(200, json=answer))
    gateway = model.invoke("Hi").response_metadata["gateway"]
    assert gateway == {"endpoint": "run", "id": "default"}


@pytest.mark.parametrize(("status", "code"), [(429, 2003), (424, 2016), (422, 2029)])
def test_an_error_holds_it_too(status: int, code: int) -> None:
    body = {"success": False, "errors": [{"code": code, "message": "no"}]}
    model = _model(lambda _: httpx.Response(status, json=body, headers=_HEADERS))
    with pytest.raises(CloudflareGeminiError) as raised:
        model.invoke("Hi")
    error = raised.value
    assert (error.status_code, error.code) == (status, code)
    assert error.gateway == _SAID
    assert (error.log_id, error.ray_id) == ("0190-log", "9a0b-AMS")
    assert error.request_id == "0190-request"


def test_an_answer_of_the_wrong_shape_holds_it_too() -> None:
    body = {"candidates": [{"content": "text", "finishReason": "STOP"}]}
    model = _model(lambda _: httpx.Response(200, json=body, headers=_HEADERS))
    with pytest.raises(
        CloudflareGeminiError, match="content is not an object"
    ) as raised:
        model.invoke("Hi")
    assert raised.value.log_id == "0190-log"


def test_a_hit_keeps_its_counts_and_costs_nothing() -> None:
    headers = {**_HEADERS, "cf-aig-cache-status": "HIT"}
    model = _model(lambda _: httpx.Response(200, json=_ANSWER, headers=headers))
    message = model.invoke("Hi")
    usage: Any = message.usage_metadata
    assert (usage["total_tokens"], usage["total_cost"]) == (2, 0)

"""What the gateway says of an exchange, on messages and on errors."""

import json
from typing import Any

import httpx
import pytest

from langchain_cf_gemini import CloudflareGeminiError
from tests.support.models import Cloudflare, Json, answer, text

FINDINGS = {
    "findings": [{"profile": {"context": {}, "entry_ids": ["e1"], "profile_id": "p1"},
                  "policy_ids": ["y1"], "check": "RESPONSE"}],
    "action": "FLAG",
}  # fmt: skip
# https://developers.cloudflare.com/ai-gateway/ (headers glossary, DLP, dynamic routing)
FACTS: list[tuple[str, str, Any]] = [
    # name, header, what it is read as where that is not the header's own text
    ("log_id", "cf-aig-log-id", None),
    ("request_id", "cf-aig-request-id", None),
    ("event_id", "cf-aig-event-id", None),
    ("cache_status", "cf-aig-cache-status", None),
    ("step", "cf-aig-step", 1),
    ("model", "cf-aig-model", None),
    ("provider", "cf-aig-provider", None),
    ("dlp", "cf-aig-dlp", FINDINGS),
    ("routed_model", "cf-aig-routed-model", None),
    ("routing_reason", "cf-aig-routing-reason", None),
    ("routing_decision_id", "cf-aig-routing-decision-id", None),
    ("run_id", "cf-aig-run-id", None),
    ("ray_id", "cf-ray", None),
]
HEADERS = {
    header: f"of {name}" if read is None else json.dumps(read)
    for name, header, read in FACTS
}
SAID = {name: f"of {name}" if read is None else read for name, _, read in FACTS}
ANSWER = answer(text("Hi")) | {"gatewayMetadata": {"keySource": "BYOK"}}


def told(body: Any, status: int = 200, **headers: str) -> Cloudflare:
    """A Cloudflare that says this, with all facts."""
    named = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    return Cloudflare(httpx.Response(status, content=json.dumps(body), headers=named))


@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_a_message_holds_what_the_gateway_said(endpoint: str) -> None:
    gateway = (
        told(ANSWER).model(endpoint=endpoint).invoke("Hi").response_metadata["gateway"]
    )
    asked = {"endpoint": endpoint, "id": "default"}
    assert gateway == {**SAID, **asked, "key_source": "BYOK"}


def test_the_last_chunk_of_a_stream_holds_it_once() -> None:
    stream = httpx.Response(
        200,
        text=f"data: {json.dumps(ANSWER)}\r\n\r\n",
        headers={**HEADERS, "content-type": "text/event-stream"},
    )
    chunks = list(Cloudflare(stream).model().stream("Hi"))
    said = [c.response_metadata.get("gateway") for c in chunks]
    asked = {"endpoint": "gateway", "id": "default"}
    assert said[-1] == {**SAID, **asked, "key_source": "BYOK"}
    assert said[:-1] == [None] * (len(said) - 1)


def test_only_what_came_is_there() -> None:
    bare = Cloudflare(answer(text("Hi")) | {"gatewayMetadata": None})
    gateway = bare.model().invoke("Hi").response_metadata["gateway"]
    assert gateway == {"endpoint": "run", "id": "default"}


def test_headers_that_are_no_json_stay_as_they_came() -> None:
    model = told(ANSWER, cf_aig_step="first", cf_aig_dlp="{").model()
    gateway = model.invoke("Hi").response_metadata["gateway"]
    assert (gateway["step"], gateway["dlp"]) == ("first", "{")


REFUSED = {"success": False, "errors": [{"code": 2003, "message": "slow down"}]}


def test_an_error_holds_it_too() -> None:
    beside = {"retry_after": "3", "set_cookie": "__cf_bm=secret"}
    with pytest.raises(CloudflareGeminiError) as raised:
        told(REFUSED, 429, **beside).model().invoke("Hi")
    error = raised.value
    assert (error.status_code, error.code, error.retry_after) == (429, 2003, 3)
    assert error.gateway == SAID
    assert (error.log_id, error.ray_id) == ("of log_id", "of ray_id")
    assert error.request_id == "of request_id"
    assert "set-cookie" not in error.headers
    assert json.loads(error.body or "") == REFUSED
    assert error.response is not None
    assert error.response.json() == REFUSED
    for said in ("429", "slow down", "of ray_id", "of log_id"):
        assert said in error.message


def test_an_answer_of_the_wrong_shape_holds_it_too() -> None:
    body = {"candidates": [{"content": "text", "finishReason": "STOP"}]}
    with pytest.raises(CloudflareGeminiError, match="is not an object") as raised:
        told(body).model().invoke("Hi")
    assert raised.value.log_id == "of log_id"


def test_a_hit_keeps_its_counts_and_costs_nothing() -> None:
    message = told(ANSWER, cf_aig_cache_status="HIT").model().invoke("Hi")
    usage: Json = {**(message.usage_metadata or {})}
    assert (usage["total_tokens"], usage["total_cost"]) == (9, 0)

"""Requests byte by byte, and what is refused before anything is sent."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_cf_gemini.exceptions import (
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
    CloudflarePermissionError,
    CloudflareServerError,
    ResponseFormatError,
    UnsupportedContentError,
)
from tests.support.cloudflare import (
    Account,
    api_request,
    envelope_from_body,
    error_from_body,
    gateway_from_headers,
    gateway_request,
    payloads_from_body,
    payloads_from_json,
    run_request,
)
from tests.support.http import Head, Request
from tests.support.models import Cloudflare
from tests.support.strategies import JSON, some

ACCOUNT = Account(account_id="acc0", api_token="tok", google_api_key="AIza-key")
OK = Head(200, {})
PAYLOAD: dict[str, Any] = {
    "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]
}


# ----------------------------------------------------------------- requests
def test_run_request_is_as_documented() -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "é"}]}]}
    request = run_request(ACCOUNT, "google/gemini-3-flash", body)
    assert request.method == "POST"
    assert request.url == ("https://api.cloudflare.com/client/v4/accounts/acc0/ai/run")
    assert json.loads(request.body) == {"model": "google/gemini-3-flash", "input": body}
    assert request.headers == {
        "accept": "application/json",
        "accept-encoding": "gzip",
        "content-type": "application/json",
        "user-agent": "langchain-cf-gemini",
        "authorization": "Bearer tok",
    }


def test_run_may_be_asked_to_stream() -> None:
    request = run_request(ACCOUNT, "google/gemini-3-flash", {}, stream=True)
    assert request.headers["accept"] == "text/event-stream"


def test_gateway_request_is_google_s_own_path() -> None:
    body: dict[str, Any] = {"contents": []}
    request = gateway_request(
        ACCOUNT, "gemini-3-flash-preview", body, gateway="my-gw", stream=True
    )
    assert request.url == (
        "https://gateway.ai.cloudflare.com/v1/acc0/my-gw/google-ai-studio/v1beta/"
        "models/gemini-3-flash-preview:streamGenerateContent?alt=sse"
    )
    assert json.loads(request.body) == body
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["cf-aig-authorization"] == "Bearer tok"
    assert request.headers["x-goog-api-key"] == "AIza-key"
    assert "authorization" not in request.headers
    unary = gateway_request(ACCOUNT, "gemini-3-flash-preview", body, stream=False)
    assert unary.url.endswith(
        "/acc0/default/google-ai-studio/v1beta/models/"
        "gemini-3-flash-preview:generateContent"
    )


def test_the_google_key_stays_off_the_run_endpoint() -> None:
    request = run_request(ACCOUNT, "google/gemini-3-flash", {})
    assert "x-goog-api-key" not in request.headers
    assert "AIza-key" not in repr(request.headers)


def test_headers_of_the_caller_are_added_but_never_replace_the_token() -> None:
    request = run_request(
        ACCOUNT,
        "google/gemini-3-flash",
        {},
        headers={"CF-AIG-Gateway-Id": "gw", "Authorization": "Bearer other"},
    )
    assert request.headers["cf-aig-gateway-id"] == "gw"
    assert request.headers["authorization"] == "Bearer tok"


def test_base_urls_may_be_others_and_end_in_a_slash() -> None:
    account = Account(
        account_id="a",
        api_token="t",
        base_url="http://127.0.0.1:8080/client/v4/",
        gateway_base_url="http://localhost:8080/v1/",
    )
    run = run_request(account, "google/gemini-3-flash", {})
    assert run.url == "http://127.0.0.1:8080/client/v4/accounts/a/ai/run"
    gateway = gateway_request(account, "m", {}, stream=False)
    assert gateway.url.startswith("http://localhost:8080/v1/a/default/")


def test_api_request() -> None:
    path = "/ai-gateway/gateways/gw/logs/01J?per_page=5"
    request = api_request(ACCOUNT, "PATCH", path, {"score": 1})
    assert request.method == "PATCH"
    assert request.url.endswith(f"/accounts/acc0{path}")
    assert request.body == b'{"score":1}'
    assert api_request(ACCOUNT, "GET", "/ai/models/search").body == b""


def test_requests_are_unary_unless_said_otherwise() -> None:
    requests = [
        run_request(ACCOUNT, "google/m", {}),
        gateway_request(ACCOUNT, "m", {}),
        api_request(ACCOUNT, "GET", "/ai"),
        Request(url="u", headers={"accept": "application/json"}, pieces=()),
    ]
    for request in requests:
        assert request.headers["accept"] == "application/json"
        assert "stream" not in request.url


def test_secrets_are_in_no_repr() -> None:
    request = gateway_request(ACCOUNT, "m", {"contents": "private"}, stream=True)
    for shown in (repr(ACCOUNT), repr(request), str(request)):
        for secret in ("tok", "AIza-key", "private"):
            assert secret not in shown.replace("api_token", "").replace("tokens", "")
    assert sorted(request.secrets) == ["AIza-key", "tok"]


# ------------------------------------------- row 39: nothing gets out of its place
def _says(name: str, value: str) -> str:
    """The whole message of an id that was refused."""
    allowed = "Letters, digits, '-', '_' and '.' are allowed."
    if name == "account_id":
        allowed = "Expected the 32-character ID from the dashboard."
    said = re.escape(f"{name} contains invalid characters: {value!r}. {allowed}")
    return f"^{said}$"


CANNOT_CARRY = (
    " contains invalid characters. Headers allow printable ASCII, without line "
    "breaks or spaces at either end.$"
)


BAD_SEGMENTS = ["", "a/b", "..", "a..b", "a b", "a%2fb", "a?b", "a#b", "é", "a\n", "/a"]
BAD_SEGMENTS += [".", "-a", "a\x00", "a\\b", "a:b", "a@b"]


@pytest.mark.fault(row=39)
@pytest.mark.parametrize("bad", BAD_SEGMENTS)
def test_ids_that_are_no_path_segment_are_refused(bad: str) -> None:
    with pytest.raises(UnsupportedContentError, match=_says("account_id", bad)):
        Account(account_id=bad, api_token="t")
    with pytest.raises(UnsupportedContentError, match=_says("gateway", bad)):
        gateway_request(ACCOUNT, "m", {}, gateway=bad, stream=True)
    with pytest.raises(UnsupportedContentError, match=_says("model", bad)):
        gateway_request(ACCOUNT, bad, {}, stream=True)


@pytest.mark.fault(row=39)
@pytest.mark.parametrize(
    "bad", ["", "a//b", "../a", "a/..", "a..b", "a b", "a%2f", "é", "a\n"]
)
def test_models_that_are_no_catalogue_id_are_refused(bad: str) -> None:
    with pytest.raises(UnsupportedContentError, match=_says("model", bad)):
        run_request(ACCOUNT, bad, {})


@pytest.mark.fault(row=39)
@pytest.mark.parametrize(
    "bad",
    ["", "ai", "/../x", "/a/../b", "/a b", "/a%2Fb", "/%2e%2e/b", "/a\r\n", "//e"],
)
def test_api_paths_that_leave_the_account_are_refused(bad: str) -> None:
    with pytest.raises(UnsupportedContentError, match=_says("path", bad)):
        api_request(ACCOUNT, "GET", bad)


@pytest.mark.fault(row=39)
@pytest.mark.parametrize(
    "value", ["a\r\nx: y", "a\n", "\na", "a\x00b", "é", " a", "a ", "🎈", "a\x7f"]
)
def test_header_values_that_could_end_the_header_are_refused(value: str) -> None:
    with pytest.raises(
        UnsupportedContentError, match=f"^Header 'cf-aig-metadata'{CANNOT_CARRY}"
    ):
        run_request(ACCOUNT, "google/m", {}, headers={"cf-aig-metadata": value})
    with pytest.raises(
        UnsupportedContentError, match=f"^The API token{CANNOT_CARRY}"
    ) as caught:
        Account(account_id="a", api_token=f"{value}secret{value}")
    assert "secret" not in str(caught.value)
    with pytest.raises(UnsupportedContentError, match=f"^The Google key{CANNOT_CARRY}"):
        Account(account_id="a", api_token="t", google_api_key=f"{value}key{value}")


@pytest.mark.fault(row=39)
@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "é"])
def test_header_names_are_tokens(name: str) -> None:
    with pytest.raises(UnsupportedContentError, match=_says("header name", name)):
        run_request(ACCOUNT, "google/m", {}, headers={name: "x"})


@pytest.mark.fault(row=39)
@given(st.text(), st.text())
def test_whatever_is_accepted_is_one_line_and_one_segment(
    value: str, segment: str
) -> None:
    try:
        request = gateway_request(
            ACCOUNT, "m", {}, gateway=segment, headers={"x-a": value}, stream=False
        )
    except UnsupportedContentError:
        return
    assert request.url.count("/") == 9
    assert "\r" not in request.headers["x-a"]
    assert "\n" not in request.headers["x-a"]


# ------------------------------------------------------- row 40: plain http
@pytest.mark.fault(row=40)
@pytest.mark.parametrize(
    "url",
    [
        "http://api.cloudflare.com/client/v4",
        "http://10.0.0.1/v4",
        "http://127.0.0.1.evil.example/v4",
        "http://localhost.evil.example",
        "ftp://api.cloudflare.com",
        "api.cloudflare.com",
        "https://",
        "https://user:secret@api.cloudflare.com",
        "https://api.cloudflare.com/?a=b",
        "https://api.cloudflare.com/#a",
        "ftp://user:secret@api.cloudflare.com",
        "http://[::1",
        "https://api.cloudflare.com:99999",
        "https://api.cloudflare.com:x/v4",
        "https://api.cloudflare.com:0/v4",
        "https://api.cloudflare.com\\@evil.example",
        "https://api.cloudflare.com/v4\n",
        "https://api.cloudflare.com /v4",
        "https://b\u00fccher.example/v4",
    ],
)
@pytest.mark.parametrize("name", ["base_url", "gateway_base_url"])
def test_base_urls_that_would_leak_the_token_are_refused(name: str, url: str) -> None:
    settings: dict[str, Any] = {"account_id": "a", "api_token": "t", name: url}
    with pytest.raises(UnsupportedContentError) as caught:
        Account(**settings)
    assert "secret" not in str(caught.value)


@pytest.mark.fault(row=58)
@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "Transfer-Encoding", "connection", "TE", "upgrade"],
)
def test_headers_of_the_connection_are_not_the_caller_s(name: str) -> None:
    with pytest.raises(UnsupportedContentError, match="is set by the connection"):
        run_request(ACCOUNT, "google/m", {}, headers={name: "1"})


@pytest.mark.fault(row=40)
def test_plain_http_can_be_allowed() -> None:
    account = Account(
        account_id="a", api_token="t", base_url="http://10.0.0.1", allow_http=True
    )
    assert run_request(account, "google/m", {}).url.startswith("http://10.0.0.1/")
    assert api_request(account, "GET", "/ai").url.startswith("http://10.0.0.1/")
    cloudflare = Cloudflare()
    cloudflare.model(base_url="http://10.0.0.1", allow_http=True).invoke("hi")
    assert cloudflare.requests[0].url.scheme == "http"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("example.com", False),
        ("0.0.0.0", False),
    ],
)
def test_plain_http_is_for_this_machine(host: str, expected: bool) -> None:
    refused = pytest.raises(UnsupportedContentError, match="allow_http")
    with contextlib.nullcontext() if expected else refused:
        Account(account_id="a", api_token="t", base_url=f"http://{host}")


# ---------------------------------------------------------------- envelopes
@pytest.mark.parametrize(
    "body",
    [
        PAYLOAD,
        {"result": PAYLOAD, "success": True, "errors": [], "messages": []},
        {"result": {"state": "Completed", "result": PAYLOAD}, "success": True},
        {"result": {"result": {"result": PAYLOAD}}},
        [PAYLOAD],
        {"result": [PAYLOAD], "success": True},
    ],
)
def test_every_wrapping_gives_the_same_payload(body: Any) -> None:
    payloads, gateway = payloads_from_body(json.dumps(body).encode(), OK)
    assert payloads == [PAYLOAD]
    assert gateway == {}


@pytest.mark.parametrize(
    "body",
    [
        {**PAYLOAD, "gatewayMetadata": {"keySource": "BYOK"}},
        {"result": {**PAYLOAD, "gatewayMetadata": {"keySource": "BYOK"}}},
        {"result": PAYLOAD, "gatewayMetadata": {"keySource": "BYOK"}},
        [PAYLOAD, {**PAYLOAD, "gatewayMetadata": {"keySource": "BYOK"}}],
    ],
)
def test_the_key_source_is_found_wherever_it_is(body: Any) -> None:
    assert payloads_from_json(body, OK)[1] == {"key_source": "BYOK"}


@given(JSON)
def test_any_json_is_an_answer_or_a_typed_error(value: Any) -> None:
    try:
        payloads, _ = payloads_from_body(json.dumps(value).encode(), OK)
    except CloudflareGeminiError:
        return
    assert all(isinstance(payload, dict) for payload in payloads)


@given(
    some(
        state=JSON | st.just("Failed"),
        name=JSON | st.just("AiGatewayError"),
        **dict.fromkeys(
            ["success", "error", "errors", "message", "internalCode"], JSON
        ),
        **dict.fromkeys(["result", "gatewayMetadata", "candidates"], JSON),
    )
)
def test_any_envelope_is_an_answer_or_a_typed_error(value: Any) -> None:
    with contextlib.suppress(CloudflareGeminiError):
        payloads_from_json(value, OK)


@given(st.binary(), st.integers(400, 599))
def test_any_error_body_is_a_typed_error(body: bytes, status: int) -> None:
    error = error_from_body(body, Head(status, {}))
    assert error.status_code == status
    assert len(error.message) < 1000


@given(JSON, st.integers(400, 599))
def test_any_json_error_body_is_a_typed_error(value: Any, status: int) -> None:
    body = json.dumps(value).encode()
    assert error_from_body(body, Head(status, {})).status_code == status


@given(st.binary())
def test_any_bytes_are_an_answer_or_a_typed_error(body: bytes) -> None:
    with contextlib.suppress(ResponseFormatError, CloudflareServerError):
        payloads_from_body(body, OK)


def test_json_that_only_python_reads_is_read() -> None:
    lone = b'{"candidates": [], "x": "\\ud800"}'
    assert payloads_from_body(lone, OK)[0] == [{"candidates": [], "x": "\ud800"}]
    marked = b"\xef\xbb\xbf" + json.dumps(PAYLOAD).encode()
    assert payloads_from_body(marked, OK)[0] == [PAYLOAD]
    deep = b'{"candidates": ' + b"[" * 300 + b"]" * 300 + b"}"
    assert len(payloads_from_body(deep, OK)[0]) == 1
    abyss = b"[" * 100_000
    with pytest.raises(ResponseFormatError):
        payloads_from_body(abyss, OK)


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        (2021, CloudflarePermissionError, 402),
        (2017, CloudflareInvalidRequestError, 424),
        (2030, CloudflareInvalidRequestError, 400),
        (7013, CloudflareServerError, 503),
        (99, CloudflareServerError, 200),
    ],
)
def test_codes_inside_a_200_are_read_as_their_status(
    code: int, kind: type[CloudflareGeminiError], status: int
) -> None:
    body = {"success": False, "errors": [{"code": code, "message": "no"}]}
    with pytest.raises(kind) as caught:
        payloads_from_json(body, OK)
    assert type(caught.value) is kind
    assert caught.value.status_code == status
    assert caught.value.code == code


def test_errors_carry_ids_headers_and_the_body() -> None:
    headers = {
        "cf-ray": "ray",
        "cf-aig-log-id": "log",
        "retry-after": "3",
        "set-cookie": "__cf_bm=secret",
        "cf-aig-dlp": '{"action": "BLOCK"}',
    }
    error = error_from_body(b'{"error": "slow down"}', Head(429, headers))
    assert error.retry_after == 3
    assert (error.ray_id, error.log_id) == ("ray", "log")
    assert error.gateway["dlp"] == {"action": "BLOCK"}
    assert "set-cookie" not in error.headers
    assert error.body == '{"error": "slow down"}'
    assert error.response is not None
    assert error.response.json() == {"error": "slow down"}
    for said in ("429", "slow down", "ray", "log"):
        assert said in error.message


def test_secrets_that_a_server_repeats_are_taken_out() -> None:
    head = Head(401, {}, ["tok-12345"])
    error = error_from_body(b'{"error": "bad token tok-12345"}', head)
    assert "tok-12345" not in error.message
    assert "tok-12345" not in (error.body or "")
    assert "***" in error.message
    assert "tok-12345" not in repr(head)


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (b'{"success": true, "result": [1]}', [1]),
        (b'{"success": true, "result": null}', None),
        (b'{"plain": 1}', {"plain": 1}),
        (b"[1]", [1]),
        (b"", None),
    ],
)
def test_results_of_cloudflare_s_api(body: bytes, result: Any) -> None:
    assert envelope_from_body(body, OK)["result"] == result


def test_failures_of_cloudflare_s_api_are_typed() -> None:
    with pytest.raises(CloudflareGeminiError):
        envelope_from_body(b'{"success": false, "errors": []}', OK)
    with pytest.raises(ResponseFormatError):
        envelope_from_body(b"<html>", OK)


# ------------------------------------------------------------------ headers
def test_gateway_from_headers_has_only_what_came() -> None:
    assert gateway_from_headers({"content-type": "x", "server": "cloudflare"}) == {}
    headers = {
        "cf-aig-log-id": "l",
        "cf-aig-request-id": "r",
        "cf-aig-event-id": "e",
        "cf-aig-cache-status": "HIT",
        "cf-aig-step": "1",
        "cf-aig-model": "m",
        "cf-aig-provider": "p",
        "cf-aig-dlp": '{"findings": [], "action": "FLAG"}',
        "cf-aig-routed-model": "rm",
        "cf-aig-routing-reason": "rr",
        "cf-aig-routing-decision-id": "rd",
        "cf-aig-run-id": "run",
        "cf-ray": "ray",
    }
    assert gateway_from_headers(headers) == {
        "log_id": "l",
        "request_id": "r",
        "event_id": "e",
        "cache_status": "HIT",
        "step": 1,
        "model": "m",
        "provider": "p",
        "dlp": {"findings": [], "action": "FLAG"},
        "routed_model": "rm",
        "routing_reason": "rr",
        "routing_decision_id": "rd",
        "run_id": "run",
        "ray_id": "ray",
    }


def test_headers_that_are_no_json_stay_as_they_came() -> None:
    headers = {"cf-aig-step": "first", "cf-aig-dlp": "{"}
    assert gateway_from_headers(headers) == {"step": "first", "dlp": "{"}

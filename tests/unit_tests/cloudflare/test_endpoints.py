"""Requests byte by byte, and what is refused before anything is sent."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_cf_gemini import ChatCloudflareGemini
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
    gateway_request,
    payloads_from_body,
    payloads_from_json,
    run_request,
)
from tests.support.http import Head, Request
from tests.support.models import Cloudflare, Json
from tests.support.strategies import JSON, some

ACCOUNT = Account(account_id="acc0", api_token="tok", google_api_key="AIza-key")
API = "https://api.cloudflare.com/client/v4/accounts/acc0"
OK = Head(200, {})
PAYLOAD: Json = {
    "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]
}
SENT = {"content-type": "application/json", "user-agent": "langchain-cf-gemini"}
WHOLE = SENT | {"accept": "application/json", "accept-encoding": "gzip"}
STREAMED = SENT | {"accept": "text/event-stream", "accept-encoding": "identity"}


# ----------------------------------------------------------------- requests
def test_run_request_is_as_documented() -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "é"}]}]}
    request = run_request(ACCOUNT, "google/gemini-3-flash", body)
    assert (request.method, request.url) == ("POST", f"{API}/ai/run")
    assert json.loads(request.body) == {"model": "google/gemini-3-flash", "input": body}
    # Without Google's key.
    assert request.headers == WHOLE | {"authorization": "Bearer tok"}
    streamed = run_request(ACCOUNT, "google/gemini-3-flash", {}, stream=True)
    assert streamed.headers == STREAMED | {"authorization": "Bearer tok"}


@pytest.mark.parametrize(("options", "gateway", "verb", "headers"), [
    ({}, "default", "generateContent", WHOLE),
    ({"gateway": "my-gw", "stream": True}, "my-gw",
     "streamGenerateContent?alt=sse", STREAMED),
])  # fmt: skip
def test_gateway_request_is_google_s_own_path(
    options: Any, gateway: str, verb: str, headers: Json
) -> None:
    request = gateway_request(ACCOUNT, "gemini-3-pro", {"contents": []}, **options)
    assert request.url == (
        f"https://gateway.ai.cloudflare.com/v1/acc0/{gateway}/google-ai-studio/v1beta/"
        f"models/gemini-3-pro:{verb}"
    )
    assert json.loads(request.body) == {"contents": []}
    credentials = {"cf-aig-authorization": "Bearer tok", "x-goog-api-key": "AIza-key"}
    assert request.headers == headers | credentials


def test_api_request() -> None:
    path = "/ai-gateway/gateways/gw/logs/01J?per_page=5"
    request = api_request(ACCOUNT, "PATCH", path, {"score": 1})
    assert (request.method, request.url) == ("PATCH", API + path)
    assert request.body == b'{"score":1}'
    assert request.headers == WHOLE | {"authorization": "Bearer tok"}
    assert api_request(ACCOUNT, "GET", "/ai/models/search").body == b""


def test_headers_of_the_caller_are_added_but_never_replace_the_token() -> None:
    headers = {"CF-AIG-Gateway-Id": "gw", "Authorization": "Bearer other"}
    request = run_request(ACCOUNT, "google/gemini-3-flash", {}, headers=headers)
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
    gateway = gateway_request(account, "m", {})
    assert gateway.url.startswith("http://localhost:8080/v1/a/default/")


def test_secrets_are_in_no_repr() -> None:
    request = gateway_request(ACCOUNT, "m", {"contents": "private"}, stream=True)
    for shown in (repr(ACCOUNT), repr(request), str(request)):
        for secret in ("tok", "AIza-key", "private"):
            assert secret not in shown.replace("api_token", "").replace("tokens", "")
    assert sorted(request.secrets) == ["AIza-key", "tok"]


# ------------------------------------------- row 39: nothing gets out of its place
def run_as(model: str = "google/m", **headers: str) -> Request:
    return run_request(ACCOUNT, model, {}, headers=headers)


def refused(name: str, value: str, allowed: str = "") -> Any:
    """The whole message of an id that was refused."""
    allowed = allowed or "Letters, digits, '-', '_' and '.' are allowed."
    said = re.escape(f"{name} contains invalid characters: {value!r}. {allowed}")
    return pytest.raises(UnsupportedContentError, match=f"^{said}$")


def cannot_carry(name: str) -> Any:
    """The whole message of what no header holds, which does not repeat it."""
    said = (
        f"{name} contains invalid characters. Headers allow printable ASCII, without "
        "line breaks or spaces at either end."
    )
    return pytest.raises(UnsupportedContentError, match=f"^{re.escape(said)}$")


@pytest.mark.fault(row=39)
@pytest.mark.parametrize("bad", [
    "", "a/b", "..", "a..b", "a b", "a%2fb", "a?b", "a#b", "é", "a\n", "/a", ".", "-a",
    "a\x00", "a\\b", "a:b", "a@b",
])  # fmt: skip
def test_ids_that_are_no_path_segment_are_refused(bad: str) -> None:
    with refused("account_id", bad, "Expected the 32-character ID from the dashboard."):
        Account(account_id=bad, api_token="t")
    with refused("gateway", bad):
        gateway_request(ACCOUNT, "m", {}, gateway=bad)
    with refused("model", bad):
        gateway_request(ACCOUNT, bad, {})


MODELS = ["", "a//b", "../a", "a/..", "a..b", "a b", "a%2f", "é", "a\n"]
PATHS = ["", "ai", "/../x", "/a/../b", "/a b", "/a%2Fb", "/%2e%2e/b", "/a\r\n", "//e"]
NAMES = ["", "a b", "a:", "a\r\n", "é"]


@pytest.mark.fault(row=39)
@pytest.mark.parametrize(
    ("what", "bad"),
    [("model", bad) for bad in MODELS]
    + [("path", bad) for bad in PATHS]
    + [("header name", bad) for bad in NAMES],
)
def test_what_would_leave_its_place_is_refused(what: str, bad: str) -> None:
    with refused(what, bad):
        if what == "model":
            run_as(bad)
        elif what == "path":
            api_request(ACCOUNT, "GET", bad)
        else:
            run_as(**{bad: "x"})


@pytest.mark.fault(row=39)
@pytest.mark.parametrize(
    "value", ["a\r\nx: y", "a\n", "\na", "a\x00b", "é", " a", "a ", "🎈", "a\x7f"]
)
def test_header_values_that_could_end_the_header_are_refused(value: str) -> None:
    bad = f"{value}secret{value}"
    refused: list[tuple[str, Json]] = [
        ("The API token", {"api_token": bad}),
        ("The gateway token", {"api_token": "t", "gateway_token": bad}),
        ("The Google key", {"api_token": "t", "google_api_key": bad}),
    ]
    for name, credentials in refused:
        with cannot_carry(name):
            Account(account_id="a", **credentials)
    with cannot_carry("Header 'cf-aig-metadata'"):
        run_as(**{"cf-aig-metadata": value})


# Most are taken, or nearly.
NEARLY = st.text("aZ09-_.~ /%@:\r\n\x7fé", min_size=1, max_size=3)


@pytest.mark.fault(row=39)
@given(NEARLY, NEARLY)
def test_whatever_is_accepted_is_one_line_and_one_segment(
    value: str, segment: str
) -> None:
    try:
        request = gateway_request(
            ACCOUNT, "m", {}, gateway=segment, headers={"x-a": value}
        )
    except UnsupportedContentError:
        return
    assert request.url.count("/") == 9
    assert not {"\r", "\n"} & {*request.headers["x-a"]}


@pytest.mark.fault(row=58)
@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "Transfer-Encoding", "connection", "TE", "upgrade"],
)
def test_headers_of_the_connection_are_not_the_caller_s(name: str) -> None:
    with pytest.raises(UnsupportedContentError, match="is set by the connection"):
        run_as(**{name: "1"})


# ------------------------------------------------------- row 40: plain http
@pytest.mark.fault(row=40)
@pytest.mark.parametrize("url", [
    "http://api.cloudflare.com/client/v4", "http://10.0.0.1/v4",
    "http://127.0.0.1.evil.example/v4", "http://localhost.evil.example",
    "ftp://api.cloudflare.com", "api.cloudflare.com", "https://", "http://[::1",
    "https://user:secret@api.cloudflare.com", "ftp://user:secret@api.cloudflare.com",
    "https://api.cloudflare.com/?a=b", "https://api.cloudflare.com/#a",
    "https://api.cloudflare.com:99999", "https://api.cloudflare.com:x/v4",
    "https://api.cloudflare.com:0/v4", "https://api.cloudflare.com\\@evil.example",
    "https://api.cloudflare.com/v4\n", "https://api.cloudflare.com /v4",
    "https://b\u00fccher.example/v4", "https://user:secret@b\u2100.example",
])  # fmt: skip
@pytest.mark.parametrize("name", ["base_url", "gateway_base_url"])
def test_base_urls_that_would_leak_the_token_are_refused(name: str, url: str) -> None:
    settings: Json = {"account_id": "a", "api_token": "t", name: url}
    with pytest.raises(UnsupportedContentError) as caught:
        Account(**settings)
    with pytest.raises(ValueError, match=r"https|base.(url|URL)") as of_model:
        ChatCloudflareGemini(model="gemini-3-flash", **settings)
    assert "secret" not in f"{caught.value} {of_model.value}"


@pytest.mark.fault(row=40)
@pytest.mark.parametrize(
    "host", ["10.0.0.1", "localhost.example", "a.example", "0.0.0.0"]
)
def test_plain_http_can_be_allowed(host: str) -> None:
    settings: Json = {"account_id": "a", "api_token": "t", "base_url": f"http://{host}"}
    with pytest.raises(UnsupportedContentError, match="allow_http"):
        Account(**settings)
    account = Account(**settings, allow_http=True)
    assert run_request(account, "google/m", {}).url.startswith(f"http://{host}/")
    assert api_request(account, "GET", "/ai").url.startswith(f"http://{host}/")
    cloudflare = Cloudflare()
    cloudflare.model(base_url=f"http://{host}", allow_http=True).invoke("hi")
    assert cloudflare.requests[0].url.scheme == "http"


@pytest.mark.parametrize(
    "host", ["localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "[::1]"]
)
def test_plain_http_is_for_this_machine(host: str) -> None:
    assert Account(account_id="a", api_token="t", base_url=f"http://{host}")


# ---------------------------------------------------------------- envelopes
@pytest.mark.parametrize("body", [
    PAYLOAD,
    {"result": PAYLOAD, "success": True, "errors": [], "messages": []},
    {"result": {"state": "Completed", "result": PAYLOAD}, "success": True},
    {"result": {"result": {"result": PAYLOAD}}},
    [PAYLOAD],
    {"result": [PAYLOAD], "success": True},
])  # fmt: skip
def test_every_wrapping_gives_the_same_payload(body: Any) -> None:
    assert payloads_from_body(json.dumps(body).encode(), OK) == ([PAYLOAD], {})


BYOK = {"gatewayMetadata": {"keySource": "BYOK"}}


@pytest.mark.parametrize("body", [
    PAYLOAD | BYOK,
    {"result": PAYLOAD | BYOK},
    {"result": PAYLOAD, **BYOK},
    [PAYLOAD, PAYLOAD | BYOK],
])  # fmt: skip
def test_the_key_source_is_found_wherever_it_is(body: Any) -> None:
    assert payloads_from_json(body, OK)[1] == {"key_source": "BYOK"}


@given(
    some(
        state=JSON | st.just("Failed"),
        name=JSON | st.just("AiGatewayError"),
        **dict.fromkeys(
            ["error", "errors", "message", "internalCode", "gatewayMetadata"], JSON
        ),
        success=JSON | st.just(True),
        result=JSON | st.just(PAYLOAD),
        candidates=JSON | st.just(PAYLOAD["candidates"]),
    )
)
def test_any_envelope_is_an_answer_or_a_typed_error(value: Any) -> None:
    with contextlib.suppress(CloudflareGeminiError):
        payloads, _ = payloads_from_json(value, OK)
        assert all(isinstance(payload, dict) for payload in payloads)


@given(
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    st.integers(400, 599),
)
def test_any_bytes_are_an_answer_or_a_typed_error(body: bytes, status: int) -> None:
    with contextlib.suppress(CloudflareGeminiError):
        payloads_from_body(body, OK)
    error = error_from_body(body, Head(status, {}))
    assert error.status_code == status
    assert len(error.message) < 1000


def test_json_that_only_python_reads_is_read() -> None:
    lone = b'{"candidates": [], "x": "\\ud800"}'
    assert payloads_from_body(lone, OK)[0] == [{"candidates": [], "x": "\ud800"}]
    marked = b"\xef\xbb\xbf" + json.dumps(PAYLOAD).encode()
    assert payloads_from_body(marked, OK)[0] == [PAYLOAD]
    deep = b'{"candidates": ' + b"[" * 300 + b"]" * 300 + b"}"
    assert len(payloads_from_body(deep, OK)[0]) == 1
    with pytest.raises(ResponseFormatError):
        payloads_from_body(b"[" * 100_000, OK)


@pytest.mark.parametrize(("code", "kind", "status"), [
    (2021, CloudflarePermissionError, 402),
    (2017, CloudflareInvalidRequestError, 424),
    (2030, CloudflareInvalidRequestError, 400),
    (7013, CloudflareServerError, 503),
    (99, CloudflareServerError, 200),
])  # fmt: skip
def test_codes_inside_a_200_are_read_as_their_status(
    code: int, kind: type[CloudflareGeminiError], status: int
) -> None:
    body = {"success": False, "errors": [{"code": code, "message": "no"}]}
    with pytest.raises(kind) as caught:
        payloads_from_json(body, OK)
    error = caught.value
    assert (type(error), error.status_code, error.code) == (kind, status, code)


def test_secrets_that_a_server_repeats_are_taken_out() -> None:
    head = Head(401, {}, ["tok-12345"])
    error = error_from_body(b'{"error": "bad token tok-12345"}', head)
    assert "***" in error.message
    for shown in (error.message, error.body or "", repr(head)):
        assert "tok-12345" not in shown


@pytest.mark.parametrize(("body", "result"), [
    (b'{"success": true, "result": [1]}', [1]),
    (b'{"success": true, "result": null}', None),
    (b'{"plain": 1}', {"plain": 1}),
    (b"[1]", [1]),
    (b"", None),
])  # fmt: skip
def test_results_of_cloudflare_s_api(body: bytes, result: Any) -> None:
    assert envelope_from_body(body, OK)["result"] == result


def test_failures_of_cloudflare_s_api_are_typed() -> None:
    with pytest.raises(CloudflareGeminiError):
        envelope_from_body(b'{"success": false, "errors": []}', OK)
    with pytest.raises(ResponseFormatError):
        envelope_from_body(b"<html>", OK)

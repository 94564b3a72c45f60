"""Errors as Cloudflare, its gateway and Google write them: who, what, what to do."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_cf_gemini.exceptions import (
    CloudflareAuthenticationError,
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
    CloudflareNotFoundError,
    CloudflarePermissionError,
    CloudflareRateLimitError,
    CloudflareServerError,
    ResponseFormatError,
)
from tests.support.cloudflare import KNOWN_ERRORS
from tests.support.http import is_retried
from tests.support.models import ACCOUNT, Cloudflare, Json, answer, sse, text
from tests.support.strategies import JSON

Said = dict[str, Any] | list[Any] | str


def v4(code: int, message: str = "refused", **more: Any) -> Json:
    errors = [{"code": code, "message": message, **more}]
    return {"success": False, "errors": errors, "messages": [], "result": None}


def at_gateway(code: int, message: str = "refused") -> Json:
    error = [{"code": code, "message": message}]
    return {"success": False, "result": [], "messages": [], "error": error}


def google(code: int, status: str, message: str, **more: Any) -> Json:
    return {"error": {"code": code, "message": message, "status": status, **more}}


SPENT = {
    "success": False,
    "error": {"message": "Spending limit exceeded", "bucket": "team:search",
              "spent": 1000.42, "limit": 1000},
}  # fmt: skip
POLICY = {"success": False, "error": {"message": "Access denied by policy"}}
# As three people saw it on the gateway.
UNPRICED = {
    "error": [{"code": 2040, "message": "Model or provider could not be resolved for "
               "spend-limit enforcement"}],
    "httpCode": 403, "internalCode": 2040,
}  # fmt: skip
STOLEN = "Your API key was reported as leaked. Please use another API key."
ANONYMOUS = (
    "Method doesn't allow unregistered callers (callers without established identity)."
)
CHAIN = [{"code": 6111, "message": "Invalid format for Authorization header"}]
LOGIN = {"location": "https://team.cloudflareaccess.com/cdn-cgi/access/login/ai.x"}
PAGE = "<!DOCTYPE html><title>Sign in ・ Cloudflare Access</title>"

DAILY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
CHALLENGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"


def problem(code: int, status: int, title: str, **more: Any) -> Json:
    """An error of Cloudflare's edge, as it answers who accepts JSON (RFC 9457)."""
    said = {"title": f"Error {code}: {title}", "detail": "Said at length."}
    told = {"status": status, "error_code": code, "cloudflare_error": True}
    return {"type": "https://developers.cloudflare.com/x", **said, **told, **more}


AUTH, DENIED = CloudflareAuthenticationError, CloudflarePermissionError
INVALID, MISSING = CloudflareInvalidRequestError, CloudflareNotFoundError
LIMIT, SERVER = CloudflareRateLimitError, CloudflareServerError
FORMAT = ResponseFormatError
CLOUDFLARE, GATEWAY, GOOGLE = "cloudflare", "gateway", "provider"
AGAIN, ONCE = True, False

# endpoint, status, body -> class, code, origin, retried, a word of the message or more
CASES: list[tuple[str, int, Said, type, Any, str, bool, str | tuple[str, ...]]] = [
    # ---- money and policies
    ("run", 429, SPENT, LIMIT, None, GATEWAY, ONCE,
     ("$1000.42 of $1000", "team:search", "window")),
    ("gateway", 429, {"error": "Spend limit reached"}, LIMIT, None, CLOUDFLARE, ONCE,
     "window"),
    ("gateway", 429,
     google(429, "RESOURCE_EXHAUSTED", "You are over your monthly spending cap."),
     LIMIT, 429, GOOGLE, ONCE, "cap"),
    ("run", 429,
     {"success": False, "error": "Limit reached", "bucket": "user_id:7",
      "spent": "12.5", "limit": "10"},
     LIMIT, None, CLOUDFLARE, ONCE, ("$12.5 of $10", "user_id:7", "window")),
    ("gateway", 429, {"error": {"message": "Budget exceeded"}}, LIMIT, None, CLOUDFLARE,
     ONCE, ("Budget", "window")),
    ("run", 429, v4(2030, "Cost limit exceeded for rule 'daily'"), LIMIT, 2030, GATEWAY,
     ONCE, "window"),
    ("run", 400, at_gateway(2021, "byok_only"), INVALID, 2021, GATEWAY, ONCE,
     "no_wholesale"),
    ("gateway", 403, POLICY, DENIED, None, GATEWAY, ONCE, ("policy", "metadata")),
    ("gateway", 403, UNPRICED, DENIED, 2040, GATEWAY, ONCE,
     ("endpoint='run'", "google_api_key")),
    ("run", 429,
     v4(3036, "You have used up your daily free allocation of 10,000 neurons."), LIMIT,
     3036, CLOUDFLARE, ONCE, "00:00 UTC"),
    ("run", 429, v4(4006), LIMIT, 4006, CLOUDFLARE, ONCE, "00:00 UTC"),
    ("run", 402, v4(2021), DENIED, 2021, GATEWAY, ONCE, "Load credits"),
    ("run", 402, v4(2021, "not available via Unified Billing; use BYOK"), DENIED, 2021,
     GATEWAY, ONCE, "Store a Google key"),
    ("run", 429, v4(2003), LIMIT, 2003, GATEWAY, AGAIN, "rate limit"),
    ("gateway", 429, at_gateway(10), LIMIT, 10, GATEWAY, AGAIN, "rate limit"),
    ("run", 429, v4(3021), LIMIT, 3021, CLOUDFLARE, AGAIN, "fewer requests"),
    ("run", 400, v4(2005, "byok_only: no provider credentials"), INVALID, 2005, GATEWAY,
     ONCE, "no_wholesale"),
    ("gateway", 400, at_gateway(2040, "unknown BYOK alias"), INVALID, 2040, GATEWAY,
     ONCE, "byok_alias"),
    ("gateway", 403, SPENT, DENIED, None, GATEWAY, ONCE,
     "raise it in the gateway's settings"),
    ("gateway", 429,
     google(429, "RESOURCE_EXHAUSTED", "Please retry in 30s.",
            details=[{"violations": [{"quotaId": DAILY}]}]),
     LIMIT, 429, GOOGLE, ONCE, "midnight Pacific"),
    # ---- who may ask
    ("run", 401, v4(10000, "Authentication error"), AUTH, 10000, CLOUDFLARE, ONCE,
     "Workers AI > Read"),
    ("run", 403, v4(10000), DENIED, 10000, CLOUDFLARE, ONCE, "Workers AI > Read"),
    ("run", 400, v4(10000), INVALID, 10000, CLOUDFLARE, ONCE, "Workers AI > Read"),
    ("gateway", 401, at_gateway(2009, "Unauthorized"), AUTH, 2009, GATEWAY, ONCE,
     ("AI Gateway > Run", "CF_AIG_TOKEN")),
    ("gateway", 401, v4(10000), AUTH, 10000, CLOUDFLARE, ONCE, "AI Gateway > Run"),
    ("run", 401, v4(2009), AUTH, 2009, GATEWAY, ONCE, "stored with the gateway"),
    ("run", 400, v4(6003, "Invalid request headers", error_chain=CHAIN), INVALID, 6003,
     CLOUDFLARE, ONCE, ("Invalid format for Authorization header", "Copy it again")),
    ("run", 404,
     v4(7003, f"Could not route to /accounts/{ACCOUNT}/ai/run, perhaps your object "
      "identifier is invalid?"),
     MISSING, 7003, CLOUDFLARE, ONCE, "CLOUDFLARE_ACCOUNT_ID"),
    ("run", 400, v4(7003, "Could not route to /accounts/x"), INVALID, 7003, CLOUDFLARE,
     ONCE, "CLOUDFLARE_ACCOUNT_ID"),
    ("run", 404, v4(7003, "Model not found"), MISSING, 7003, CLOUDFLARE, ONCE,
     "list_models()"),
    ("run", 403, v4(9109, "Cannot use the access token from location: 192.0.2.1"),
     DENIED, 9109, CLOUDFLARE, ONCE, "client IP addresses"),
    ("run", 403, v4(9109, "Invalid access token"), DENIED, 9109, CLOUDFLARE, ONCE,
     "expired"),
    ("run", 400, v4(7000, "No route for that URI"), INVALID, 7000, CLOUDFLARE, ONCE,
     "base_url"),
    # ---- Google, behind the gateway
    ("gateway", 400, google(400, "INVALID_ARGUMENT", "Request payload size exceeds the "
                            "limit: 20971520 bytes."),
     INVALID, 400, GOOGLE, ONCE, "Shorten the history"),
    ("gateway", 403, google(403, "PERMISSION_DENIED", ANONYMOUS), DENIED, 403, GOOGLE,
     ONCE, "Load credits"),
    ("gateway", 403, google(403, "PERMISSION_DENIED", STOLEN), DENIED, 403, GOOGLE,
     ONCE, "Create a new key"),
    ("gateway", 401, google(401, "UNAUTHENTICATED", "Request had invalid credentials"),
     AUTH, 401, GOOGLE, ONCE, "google_api_key"),
    ("gateway", 400,
     google(400, "FAILED_PRECONDITION", "User location is not supported for the API "
            "use."),
     INVALID, 400, GOOGLE, ONCE, "endpoint='run'"),
    ("gateway", 404, google(404, "NOT_FOUND", "models/x is not found"), MISSING, 404,
     GOOGLE, ONCE, "google_model"),
    ("gateway", 429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded"), LIMIT, 429,
     GOOGLE, AGAIN, "Google's quota"),
    ("gateway", 503, google(503, "UNAVAILABLE", "overloaded"), SERVER, 503, GOOGLE,
     AGAIN, "Try again"),
    # ---- inside a 200
    ("run", 200,
     {"name": "AiError", "internalCode": 3040, "message": "full", "httpCode": 429},
     LIMIT, 3040, CLOUDFLARE, AGAIN, "capacity"),
    ("run", 200, {"name": "AiError", "message": "no", "httpCode": 413}, INVALID, None,
     CLOUDFLARE, ONCE, "too large"),
    ("run", 200, {"name": "AiError", "message": "AiError: it failed"}, SERVER, None,
     CLOUDFLARE, AGAIN, "it failed"),
    ("run", 200, {"name": "AiError", "description": "AiError: 3036: used up"}, LIMIT,
     3036, CLOUDFLARE, ONCE, "00:00 UTC"),
    ("run", 429, "3040: Capacity temporarily exceeded", LIMIT, 3040, CLOUDFLARE, AGAIN,
     "capacity"),
    ("gateway", 401, "AiGatewayError: 2009: Unauthorized", AUTH, 2009, GATEWAY, ONCE,
     "AI Gateway > Run"),
    ("run", 200, v4(2003), LIMIT, 2003, GATEWAY, AGAIN, ""),
    ("run", 200, v4(2040), INVALID, 2040, GATEWAY, ONCE, ""),
    ("gateway", 200, UNPRICED, DENIED, 2040, GATEWAY, ONCE, "endpoint='run'"),
    ("run", 200, SPENT | {"httpCode": 429}, LIMIT, None, GATEWAY, ONCE, "$1000.42"),
    ("run", 200, {"code": 4006, "message": "no more"}, LIMIT, 4006, CLOUDFLARE, ONCE,
     ""),
    ("run", 200,
     {"name": "AiError", "internalCode": 3040,
      "error": [{"code": 5, "message": "full"}]},
     LIMIT, 3040, CLOUDFLARE, AGAIN, ""),
    ("run", 200, {"name": "AiGatewayError", "code": 5, "description": "no"}, MISSING, 5,
     GATEWAY, ONCE, ""),
    ("gateway", 401, {"error": google(401, "UNAUTHENTICATED", "deep")}, AUTH, 401,
     GOOGLE, ONCE, "deep"),
    ("gateway", 500, google(500, "INTERNAL", "The input token count (9) exceeds it"),
     SERVER, 500, GOOGLE, AGAIN, "ry again"),
    ("run", 200, {"state": "Failed", "error": "429 Too Many Requests"}, LIMIT, None,
     GOOGLE, AGAIN, "429"),
    ("run", 200, {"result": {"state": "Failed", "error": "503 overloaded"}}, SERVER,
     None, GOOGLE, AGAIN, "returned 503"),
    ("gateway", 200, {"error": "Error code: 429 - rate limited"}, LIMIT, None,
     CLOUDFLARE, AGAIN, "rate limited"),
    ("run", 200, {"errors": ["got status: 401 Unauthorized"], "success": False}, AUTH,
     None, CLOUDFLARE, ONCE, ""),
    ("gateway", 200, {"error": 429}, LIMIT, None, CLOUDFLARE, AGAIN, "returned 429"),
    ("run", 200, v4(2002, "RESOURCE_EXHAUSTED: quota"), LIMIT, 2002, GATEWAY, AGAIN,
     ""),
    ("run", 200, v4(1234, "upstream: Too Many Requests"), LIMIT, 1234, CLOUDFLARE,
     AGAIN, ""),
    ("run", 200, {"state": "Failed", "error": "the prompt has 429 tokens too many"},
     SERVER, None, GOOGLE, AGAIN, "HTTP 200"),
    *[("gateway", 200, {"error": {"code": code, "message": "no"}}, kind, code, origin,
       again, said)
      for code, kind, origin, again, said in [
          (399, SERVER, CLOUDFLARE, AGAIN, "HTTP 200 response (code 399)"),
          (400, INVALID, GOOGLE, ONCE, "returned 400"),
          (599, SERVER, GOOGLE, ONCE, "returned 599"),
          (600, SERVER, CLOUDFLARE, AGAIN, "HTTP 200 response (code 600)")]],
    # ---- the shapes of one fault
    *[("run", 200,
       {"name": "AiError", "internalCode": 3040, "error": [{"code": 5}], where: where},
       LIMIT, 3040, CLOUDFLARE, AGAIN, f"(code 3040): {where}")
      for where in ("message", "description", "title")],
    ("run", 401, {"state": "Failed", "error": {"code": 2009, "message": "refused"}},
     AUTH, 2009, GATEWAY, ONCE, "refused"),
    ("run", 401, {"error": "refused"}, AUTH, None, CLOUDFLARE, ONCE, "refused"),
    ("gateway", 401, [google(401, "UNAUTHENTICATED", "refused")], AUTH, 401, GOOGLE,
     ONCE, "refused"),
    # ---- guardrails, the edge
    ("gateway", 400, at_gateway(2005, "Failed to get response from provider"), SERVER,
     2005, GATEWAY, AGAIN, "no response from Google"),
    ("run", 422, v4(2017), INVALID, 2017, GATEWAY, ONCE, "guardrail"),
    ("gateway", 503, {"name": "AiGatewayError", "internalCode": 7013, "error": []},
     SERVER, 7013, GATEWAY, AGAIN, "guardrail"),
    ("gateway", 403, at_gateway(2029, "Request content blocked due to DLP policy "
                                      "violations"),
     DENIED, 2029, GATEWAY, ONCE, "data loss prevention"),
    ("run", 403, problem(1010, 403, "Access denied", retryable=False), DENIED, 1010,
     CLOUDFLARE, ONCE,
     ("Error 1010: Access denied. Said at length.", "before anybody looks")),
    ("run", 429, problem(1015, 429, "You are being rate limited", retry_after=30),
     LIMIT, 1015, CLOUDFLARE, AGAIN, ("Error 1015: You are", "Retry after 30 seconds")),
    ("run", 502, problem(502, 502, "Bad gateway", retryable=True), SERVER, 502,
     CLOUDFLARE, AGAIN, "Error 502: Bad gateway. Said"),
    ("run", 530, problem(1016, 530, "Origin DNS error", retryable=False), SERVER, 1016,
     CLOUDFLARE, ONCE, "Origin DNS error"),
    ("gateway", 403, CHALLENGE, DENIED, None, CLOUDFLARE, ONCE,
     "before anybody looks at the token"),
    ("run", 524, "error code: 524", SERVER, None, CLOUDFLARE, AGAIN, "Stream"),
    ("run", 403, "error code: 1020", DENIED, None, CLOUDFLARE, ONCE,
     ("firewall", "before anybody looks at the token")),
    ("run", 299, {"error": "no"}, SERVER, None, CLOUDFLARE, AGAIN, "an HTTP 299 resp"),
    ("run", 300, "no", FORMAT, None, CLOUDFLARE, ONCE, "returned 300 Multiple"),
    ("gateway", 403, PAGE, DENIED, None, CLOUDFLARE, ONCE,
     ("Cloudflare Access", "cf-access-token")),
]  # fmt: skip


def failure(endpoint: str, status: int, body: Said, **headers: str) -> Any:
    """What a call ends with, and whether it would be repeated."""
    content = body if isinstance(body, str) else json.dumps(body)
    said = httpx.Response(status, content=content, headers=headers)
    with pytest.raises(CloudflareGeminiError) as caught:
        # At a pace, a refusal would make the next call wait.
        Cloudflare(said).model(endpoint=endpoint, adaptive_rate=False).invoke("hi")
    return caught.value


def named(case: Any) -> str:
    """A row's name."""
    return f"{case[0]} {case[1]} {case[4]} {case[7]}"


@pytest.mark.parametrize("case", CASES, ids=named)
def test_an_error_is_who_it_is_from_and_what_to_do(case: Any) -> None:
    endpoint, status, body, kind, code, origin, retried, words = case
    error = failure(endpoint, status, body)
    found = (type(error), error.code, error.origin, is_retried(error))
    assert found == (kind, code, origin, retried)
    kept = body.get("result") or body if isinstance(body, dict) else body
    assert error.body == (kept if isinstance(kept, str) else json.dumps(kept))
    for word in (words,) if isinstance(words, str) else words:
        assert word in str(error)


@pytest.mark.parametrize(
    "case", [case for case in CASES if isinstance(case[2], dict)], ids=named
)
def test_an_error_in_a_stream_is_the_same(case: Any) -> None:
    _, status, body, kind, code, origin, retried, _ = case
    event = body if status == 200 else {**body, "httpCode": status}
    with pytest.raises(CloudflareGeminiError) as caught:
        list(Cloudflare(sse(event)).model(endpoint="gateway").stream("hi"))
    error = caught.value
    found = (type(error), error.code, error.origin, is_retried(error))
    assert found == (kind, code, origin, retried)
    assert json.loads(error.body or "") == (event.get("result") or event)


def test_a_code_is_named_and_a_status_not_twice() -> None:
    assert "(code 3036)" in str(failure("run", 429, v4(3036, "used up")))
    error = failure("gateway", 503, google(503, "UNAVAILABLE", "overloaded"))
    assert "(code" not in str(error)


# Google's words in the order of gRPC's numbers, which begin at 1, and what each means:
# https://cloud.google.com/apis/design/errors#handling_errors
WORDS = [
    ("CANCELLED", 499), ("UNKNOWN", 500), ("INVALID_ARGUMENT", 400),
    ("DEADLINE_EXCEEDED", 504), ("NOT_FOUND", 404), ("ALREADY_EXISTS", 409),
    ("PERMISSION_DENIED", 403), ("RESOURCE_EXHAUSTED", 429),
    ("FAILED_PRECONDITION", 400), ("ABORTED", 409), ("OUT_OF_RANGE", 400),
    ("UNIMPLEMENTED", 501), ("INTERNAL", 500), ("UNAVAILABLE", 503),
    ("DATA_LOSS", 500), ("UNAUTHENTICATED", 401),
]  # fmt: skip


@pytest.mark.parametrize("number", range(1, 17))
def test_googles_words_and_numbers_stand_for_a_status(number: int) -> None:
    word, status = WORDS[number - 1]
    said: list[Json] = [
        {"status": word},
        {"code": word},
        {"code": number},
        {"code": status},
    ]
    said += [{"message": f"it failed: {word}: no"}] if "_" in word else []
    for error in said:
        body = {"error": {"message": "no", **error}}
        assert failure("gateway", 200, body).status_code == status


@pytest.mark.parametrize(("said", "status"), [
    ("Bad Request", 400), ("Too Many Requests", 429), ("Gateway Timeout", 504),
    ("Not Modified", 200), ("Moved Permanently", 200), ("Unauthorized", 200),
])  # fmt: skip
def test_the_phrase_of_an_errors_status_stands_for_it(said: str, status: int) -> None:
    error = failure("run", 200, {"state": "Failed", "error": f"upstream: {said}"})
    assert error.status_code == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_login_page_of_access_is_named(status: int) -> None:
    error = failure("gateway", status, "", **LOGIN)
    assert "CF-Access-Client-Id" in str(error)
    other = failure("gateway", status, "", location="https://example.com/x")
    assert "base_url" in str(other)
    # Whatever it says.
    found = failure("run", status, v4(7003))
    assert (type(found), found.status_code) == (ResponseFormatError, status)


def test_a_login_page_is_no_answer() -> None:
    page = failure("gateway", 200, PAGE)
    assert isinstance(page, ResponseFormatError)
    assert "CF-Access-Client-Id" in str(page)
    assert not page.is_retryable


def test_every_row_of_the_table_has_advice_and_a_source() -> None:
    for row in KNOWN_ERRORS:
        assert row.advice.endswith(".")
        assert row.source.startswith("https://")
        assert row.words is None or row.words == row.words.lower()
    # A row that another one hides is never read.
    keys = [
        (r.code, r.status, r.words, r.origin, r.asked, r.code_status)
        for r in KNOWN_ERRORS
    ]
    assert len(keys) == len(set(keys))


CODES = sorted({row.code for row in KNOWN_ERRORS if isinstance(row.code, int)})


@pytest.mark.parametrize("code", CODES)
def test_every_known_code_is_typed_in_every_shape(code: int) -> None:
    shapes: list[Json] = [
        v4(code),
        at_gateway(code),
        {"name": "AiGatewayError", "internalCode": code, "error": []},
        {"name": "AiError", "internalCode": code, "description": "refused"},
        {"result": v4(code), "success": True, "errors": [], "messages": []},
    ]
    errors = [failure("run", 200, shape) for shape in shapes]
    assert {type(error) for error in errors} == {type(errors[0])}
    assert type(errors[0]) not in (ResponseFormatError, CloudflareGeminiError)
    assert {error.code for error in errors} == {code}


@given(JSON, st.sampled_from(["run", "gateway"]), st.sampled_from([200, 400, 403, 429]))
def test_no_answer_is_an_untyped_error(body: Any, endpoint: str, status: int) -> None:
    said = httpx.Response(status, content=json.dumps(body))
    try:
        Cloudflare(said).model(endpoint=endpoint, adaptive_rate=False).invoke("hi")
    except ResponseFormatError:
        return  # what Cloudflare let pass, and cannot be read
    except CloudflareGeminiError as error:
        origin = error.origin
    else:
        return
    assert origin in (CLOUDFLARE, GATEWAY, GOOGLE)


def test_an_answer_with_a_message_beside_it_is_an_answer() -> None:
    wrapped = {"result": answer(text("ok")), "message": "fine", "code": 0}
    assert Cloudflare(wrapped).model(endpoint="run").invoke("hi").text == "ok"


@pytest.mark.parametrize("length", [300, 301])
def test_a_long_text_of_the_far_side_is_cut(length: int) -> None:
    error = failure("gateway", 403, {"error": {"code": 5, "message": "x" * length}})
    assert "x" * 300 in str(error)
    assert "x" * 301 not in str(error)
    assert ("x…" in str(error)) is (length > 300)


QUOTED = {"code": 403, "status": "PERMISSION_DENIED"}


@pytest.mark.parametrize(("said", "code", "details"), [
    ("error code: 1010", None, {}),
    ("2009: Unauthorized", 2009, {}),
    ("<html>{not json}</html>", None, {}),
    ("upstream: " + json.dumps({"error": QUOTED}), 403, QUOTED),
    (json.dumps(SPENT), None, SPENT["error"]),
])  # fmt: skip
def test_what_is_said_tells_its_code_and_details(
    said: str, code: int | None, details: Json
) -> None:
    error = failure("gateway", 403, said)
    assert (error.code, error.details, error.body) == (code, details, said)


@pytest.mark.parametrize(("said", "code"), [
    ("999999999", 999_999_999), ("-999999999", -999_999_999),
    ("1000000000", "1000000000"), ("-1000000000", "-1000000000"),
    ('"12345678"', 12_345_678), ('"123456789"', "123456789"), ('"-7"', "-7"),
    ("7.0", None), ("true", None), ('""', None), ('"a\\nb"', "a b"),
    (f'"{"9" * 400}"', "9" * 300 + "…"), ("9" * 400, "9" * 300 + "…"),
])  # fmt: skip
def test_a_code_is_a_short_number_or_a_line(said: str, code: Any) -> None:
    body = f'{{"success": false, "errors": [{{"code": {said}, "message": "no"}}]}}'
    assert failure("run", 418, body).code == code


REFUSED = '{"success": false, "errors": [{"code": 10000, "message": "refused"}]}'


@pytest.mark.parametrize("body", [
    *(REFUSED.encode(code) for code in ("utf-8-sig", "utf-16", "utf-16-be")),
    REFUSED.replace("refused", r"\ud800 refused").encode(),
    REFUSED.replace("refused", "é refused").encode("latin-1"),
    REFUSED.encode() + b"\0",
])  # fmt: skip
def test_an_error_in_any_encoding_keeps_its_status(body: bytes) -> None:
    """An error that another one only passes on would say more than the status."""
    said = httpx.Response(403, content=body)
    with pytest.raises(CloudflarePermissionError, match="refused") as caught:
        Cloudflare(said).model(endpoint="run").invoke("hi")
    assert (caught.value.status_code, caught.value.code) == (403, 10000)


@pytest.mark.parametrize(("status", "body", "said"), [
    (304, "", "Cloudflare returned 304 Not Modified."),
    (308, "", "The base URL redirects to another address (HTTP 308)."),
    (409, '{"errors": [{"code": true, "message": "x"}]}',
     "Cloudflare returned 409 Conflict: x. Retry after 9 seconds."),
    (503, '{"error": {"code": 503, "status": "UNAVAILABLE", "message": "full"}}',
     "Cloudflare returned 503 Service Unavailable: full. "),
    (524, "error code: 524", "Cloudflare returned 524: error code: 524. "),
    (524, "", "Cloudflare returned 524. "),
])  # fmt: skip
def test_a_message_names_what_there_is(status: int, body: str, said: str) -> None:
    assert str(failure("run", status, body, **{"retry-after": "9"})).startswith(said)

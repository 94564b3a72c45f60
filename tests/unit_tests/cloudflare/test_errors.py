"""Errors as Cloudflare, its gateway and Google write them: who, what, what to do."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

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
from tests.support.models import ACCOUNT, Cloudflare, Json, refusal, sse
from tests.support.models import answer as model_answer
from tests.support.models import text as text_part
from tests.support.strategies import JSON

Said = dict[str, Any] | list[Any] | str


def v4(code: int, message: str = "refused", **more: Any) -> Json:
    errors = [{"code": code, "message": message, **more}]
    return {"success": False, "errors": errors, "messages": [], "result": None}


def at_gateway(code: int, message: str = "refused") -> Json:
    error = [{"code": code, "message": message}]
    return {"success": False, "result": [], "messages": [], "error": error}


def google(code: int, status: str, message: str) -> Json:
    return {"error": {"code": code, "message": message, "status": status}}


SPENT = {
    "success": False,
    "error": {"message": "Spending limit exceeded", "bucket": "team:search",
              "spent": 1000.42, "limit": 1000},
}  # fmt: skip
POLICY = {"success": False, "error": {"message": "Access denied by policy"}}
# As three people saw it on the gateway.
UNPRICED = {
    "error": [
        {
            "code": 2040,
            "message": "Model or provider could not be resolved for spend-limit "
            "enforcement",
        }
    ],
    "httpCode": 403,
    "internalCode": 2040,
}
STOLEN = "Your API key was reported as leaked. Please use another API key."
ANONYMOUS = (
    "Method doesn't allow unregistered callers (callers without established identity)."
)
CHAIN = [{"code": 6111, "message": "Invalid format for Authorization header"}]
LOGIN = {"location": "https://team.cloudflareaccess.com/cdn-cgi/access/login/ai.x"}
PAGE = "<!DOCTYPE html><title>Sign in ・ Cloudflare Access</title>"

# endpoint, status, body -> class, code, origin, retried, words of the message
CASES: list[tuple[str, int, Said, type, Any, str, bool, tuple[str, ...]]] = [
    # ---- money and policies
    ("run", 429, SPENT, CloudflareRateLimitError, None, "gateway", False,
     ("$1000.42 of $1000", "team:search", "window")),
    ("gateway", 429, {"error": "Spend limit reached"}, CloudflareRateLimitError, None,
     "cloudflare", False, ("window",)),
    ("gateway", 429, google(429, "RESOURCE_EXHAUSTED", "You are over your monthly "
     "spending cap."), CloudflareRateLimitError, 429, "provider", False, ("cap",)),
    ("run", 429, {"success": False, "error": "Limit reached", "bucket": "user_id:7",
     "spent": "12.5", "limit": "10"}, CloudflareRateLimitError, None, "cloudflare",
     False, ("$12.5 of $10", "user_id:7", "window")),
    ("gateway", 429, {"error": {"message": "Budget exceeded"}},
     CloudflareRateLimitError, None, "cloudflare", False, ("Budget", "window")),
    ("run", 429, v4(2030, "Cost limit exceeded for rule 'daily'"),
     CloudflareRateLimitError, 2030, "gateway", False, ("window",)),
    ("run", 400, at_gateway(2021, "byok_only"), CloudflareInvalidRequestError, 2021,
     "gateway", False, ("no_wholesale",)),
    ("gateway", 403, POLICY, CloudflarePermissionError, None, "gateway", False,
     ("policy", "metadata")),
    ("gateway", 403, UNPRICED, CloudflarePermissionError, 2040, "gateway", False,
     ("endpoint='run'", "google_api_key")),
    ("run", 429, v4(3036, "You have used up your daily free allocation of 10,000 "
     "neurons."), CloudflareRateLimitError, 3036, "cloudflare", False, ("00:00 UTC",)),
    ("run", 429, v4(4006), CloudflareRateLimitError, 4006, "cloudflare", False,
     ("00:00 UTC",)),
    ("run", 402, v4(2021), CloudflarePermissionError, 2021, "gateway", False,
     ("Load credits",)),
    ("run", 402, v4(2021, "not available via Unified Billing; use BYOK"),
     CloudflarePermissionError, 2021, "gateway", False, ("Store a Google key",)),
    ("run", 429, v4(2003), CloudflareRateLimitError, 2003, "gateway", True,
     ("rate limit",)),
    ("gateway", 429, at_gateway(10), CloudflareRateLimitError, 10, "gateway", True,
     ("rate limit",)),
    ("run", 429, v4(3021), CloudflareRateLimitError, 3021, "cloudflare", True,
     ("fewer requests",)),
    ("run", 400, v4(2005, "byok_only: no provider credentials"),
     CloudflareInvalidRequestError, 2005, "gateway", False, ("no_wholesale",)),
    ("gateway", 400, at_gateway(2040, "unknown BYOK alias"),
     CloudflareInvalidRequestError, 2040, "gateway", False, ("byok_alias",)),
    ("gateway", 403, SPENT, CloudflarePermissionError, None, "gateway", False,
     ("raise it in the gateway's settings",)),
    # ---- who may ask
    ("run", 401, v4(10000, "Authentication error"), CloudflareAuthenticationError,
     10000, "cloudflare", False, ("Workers AI > Read",)),
    ("run", 403, v4(10000), CloudflarePermissionError, 10000, "cloudflare", False,
     ("Workers AI > Read",)),
    ("run", 400, v4(10000), CloudflareInvalidRequestError, 10000, "cloudflare", False,
     ("Workers AI > Read",)),
    ("gateway", 401, at_gateway(2009, "Unauthorized"), CloudflareAuthenticationError,
     2009, "gateway", False, ("AI Gateway > Run", "CF_AIG_TOKEN")),
    ("gateway", 401, v4(10000), CloudflareAuthenticationError, 10000, "cloudflare",
     False, ("AI Gateway > Run",)),
    ("run", 401, v4(2009), CloudflareAuthenticationError, 2009, "gateway", False,
     ("stored with the gateway",)),
    ("run", 400, v4(6003, "Invalid request headers", error_chain=CHAIN),
     CloudflareInvalidRequestError, 6003, "cloudflare", False,
     ("Invalid format for Authorization header", "Copy it again")),
    ("run", 404, v4(7003, f"Could not route to /accounts/{ACCOUNT}/ai/run, perhaps "
     "your object identifier is invalid?"), CloudflareNotFoundError, 7003,
     "cloudflare", False, ("CLOUDFLARE_ACCOUNT_ID",)),
    ("run", 400, v4(7003, "Could not route to /accounts/x"),
     CloudflareInvalidRequestError, 7003, "cloudflare", False,
     ("CLOUDFLARE_ACCOUNT_ID",)),
    ("run", 404, v4(7003, "Model not found"), CloudflareNotFoundError, 7003,
     "cloudflare", False, ("list_models()",)),
    ("run", 400, v4(7000, "No route for that URI"), CloudflareInvalidRequestError,
     7000, "cloudflare", False, ("base_url",)),
    # ---- Google, behind the gateway
    ("gateway", 403, google(403, "PERMISSION_DENIED", ANONYMOUS),
     CloudflarePermissionError, 403, "provider", False, ("Load credits",)),
    ("gateway", 403, google(403, "PERMISSION_DENIED", STOLEN),
     CloudflarePermissionError, 403, "provider", False, ("Create a new key",)),
    ("gateway", 401, google(401, "UNAUTHENTICATED", "Request had invalid credentials"),
     CloudflareAuthenticationError, 401, "provider", False, ("google_api_key",)),
    ("gateway", 400, google(400, "FAILED_PRECONDITION", "User location is not "
     "supported for the API use."), CloudflareInvalidRequestError, 400, "provider",
     False, ("endpoint='run'",)),
    ("gateway", 404, google(404, "NOT_FOUND", "models/x is not found"),
     CloudflareNotFoundError, 404, "provider", False, ("google_model",)),
    ("gateway", 429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded"),
     CloudflareRateLimitError, 429, "provider", True, ("Google's quota",)),
    ("gateway", 503, google(503, "UNAVAILABLE", "overloaded"), CloudflareServerError,
     503, "provider", True, ("Try again",)),
    # ---- inside a 200
    ("run", 200, {"name": "AiError", "internalCode": 3040, "message": "full",
     "httpCode": 429}, CloudflareRateLimitError, 3040, "cloudflare", True,
     ("capacity",)),
    ("run", 200, {"name": "AiError", "message": "no", "httpCode": 413},
     CloudflareInvalidRequestError, None, "cloudflare", False, ("too large",)),
    ("run", 200, {"name": "AiError", "message": "AiError: it failed"},
     CloudflareServerError, None, "cloudflare", True, ("it failed",)),
    ("run", 200, {"name": "AiError", "description": "AiError: 3036: used up"},
     CloudflareRateLimitError, 3036, "cloudflare", False, ("00:00 UTC",)),
    ("run", 429, "3040: Capacity temporarily exceeded", CloudflareRateLimitError, 3040,
     "cloudflare", True, ("capacity",)),
    ("gateway", 401, "AiGatewayError: 2009: Unauthorized",
     CloudflareAuthenticationError, 2009, "gateway", False, ("AI Gateway > Run",)),
    ("run", 200, v4(2003), CloudflareRateLimitError, 2003, "gateway", True, ()),
    ("run", 200, v4(2040), CloudflareInvalidRequestError, 2040, "gateway", False, ()),
    ("gateway", 200, UNPRICED, CloudflarePermissionError, 2040, "gateway", False,
     ("endpoint='run'",)),
    ("run", 200, SPENT | {"httpCode": 429}, CloudflareRateLimitError, None, "gateway",
     False, ("$1000.42",)),
    ("run", 200, {"code": 4006, "message": "no more"}, CloudflareRateLimitError, 4006,
     "cloudflare", False, ()),
    ("run", 200, {"name": "AiError", "internalCode": 3040, "error": [{"code": 5,
     "message": "full"}]}, CloudflareRateLimitError, 3040, "cloudflare", True, ()),
    ("run", 200, {"name": "AiGatewayError", "code": 5, "description": "no"},
     CloudflareNotFoundError, 5, "gateway", False, ()),
    ("gateway", 401, {"error": google(401, "UNAUTHENTICATED", "deep")},
     CloudflareAuthenticationError, 401, "provider", False, ("deep",)),
    ("gateway", 500, google(500, "INTERNAL", "The input token count (9) exceeds it"),
     CloudflareServerError, 500, "provider", True, ("ry again",)),
    ("run", 200, {"state": "Failed", "error": "429 Too Many Requests"},
     CloudflareRateLimitError, None, "provider", True, ("429",)),
    ("run", 200, {"result": {"state": "Failed", "error": "503 overloaded"}},
     CloudflareServerError, None, "provider", True, ("returned 503",)),
    ("gateway", 200, {"error": "Error code: 429 - rate limited"},
     CloudflareRateLimitError, None, "cloudflare", True, ("rate limited",)),
    ("run", 200, {"errors": ["got status: 401 Unauthorized"], "success": False},
     CloudflareAuthenticationError, None, "cloudflare", False, ()),
    ("gateway", 200, {"error": 429}, CloudflareRateLimitError, None, "cloudflare",
     True, ("returned 429",)),
    ("run", 200, v4(2002, "RESOURCE_EXHAUSTED: quota"), CloudflareRateLimitError, 2002,
     "gateway", True, ()),
    ("run", 200, v4(1234, "upstream: Too Many Requests"), CloudflareRateLimitError,
     1234, "cloudflare", True, ()),
    ("run", 200, {"state": "Failed", "error": "the prompt has 429 tokens too many"},
     CloudflareServerError, None, "provider", True, ("HTTP 200",)),
    # ---- the shapes of one fault
    ("run", 401, {"state": "Failed", "error": {"code": 2009, "message": "refused"}},
     CloudflareAuthenticationError, 2009, "gateway", False, ("refused",)),
    ("run", 401, {"error": "refused"}, CloudflareAuthenticationError, None,
     "cloudflare", False, ("refused",)),
    ("gateway", 401, [google(401, "UNAUTHENTICATED", "refused")],
     CloudflareAuthenticationError, 401, "provider", False, ("refused",)),
    # ---- guardrails, the edge
    ("run", 422, v4(2017), CloudflareInvalidRequestError, 2017, "gateway", False,
     ("guardrail",)),
    ("gateway", 503, {"name": "AiGatewayError", "internalCode": 7013, "error": []},
     CloudflareServerError, 7013, "gateway", True, ("guardrail",)),
    ("run", 524, "error code: 524", CloudflareServerError, None, "cloudflare", True,
     ("Stream",)),
    ("run", 403, "error code: 1020", CloudflarePermissionError, None, "cloudflare",
     False, ("firewall", "before anybody looks at the token")),
    ("gateway", 403, PAGE, CloudflarePermissionError, None, "cloudflare", False,
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


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]} {c[1]} {c[4]} {c[7]}")
def test_an_error_is_who_it_is_from_and_what_to_do(case: Any) -> None:
    endpoint, status, body, kind, code, origin, retried, words = case
    error = failure(endpoint, status, body)
    assert type(error) is kind
    assert (error.code, error.origin) == (code, origin)
    assert is_retried(error) is retried
    for word in words:
        assert word in str(error)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if isinstance(case[2], dict)],
    ids=lambda c: f"{c[0]} {c[1]} {c[4]} {c[7]}",
)
def test_an_error_in_a_stream_is_the_same(case: Any) -> None:
    _, status, body, kind, code, origin, retried, _ = case
    event = body if status == 200 else {**body, "httpCode": status}
    model = Cloudflare(sse(event)).model(endpoint="gateway")
    with pytest.raises(CloudflareGeminiError) as caught:
        list(model.stream("hi"))
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.origin) == (code, origin)
    assert is_retried(error) is retried


def test_the_figures_of_a_limit_are_on_the_error() -> None:
    error = failure("run", 429, SPENT)
    assert error.details == SPENT["error"]
    assert not error.is_retryable


def test_a_code_is_named_and_a_status_not_twice() -> None:
    assert "(code 3036)" in str(failure("run", 429, v4(3036, "used up")))
    error = failure("gateway", 503, google(503, "UNAVAILABLE", "overloaded"))
    assert "(code" not in str(error)


def test_a_redirect_is_no_other_status_whatever_it_says() -> None:
    error = failure("run", 302, v4(7003))
    assert (type(error), error.status_code) == (ResponseFormatError, 302)


@pytest.mark.parametrize("status", [302, 303, 307])
def test_the_login_page_of_access_is_named(status: int) -> None:
    error = failure("gateway", status, "", **LOGIN)
    assert "CF-Access-Client-Id" in str(error)
    other = failure("gateway", status, "", location="https://example.com/x")
    assert "base_url" in str(other)
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
    model = Cloudflare(said).model(endpoint=endpoint, adaptive_rate=False)
    asked: RunnableLambda[None, AIMessage] = RunnableLambda(
        lambda _: model.invoke("hi")
    )
    (outcome,) = asked.batch([None], return_exceptions=True)
    if not isinstance(outcome, AIMessage):
        assert isinstance(outcome, CloudflareGeminiError)
        known = ("cloudflare", "gateway", "provider")
        # What Cloudflare let pass, and cannot be read.
        unreadable = isinstance(outcome, ResponseFormatError)
        assert outcome.origin in known or unreadable


def test_an_answer_with_a_message_beside_it_is_an_answer() -> None:
    wrapped = {"result": model_answer(text_part("ok")), "message": "fine", "code": 0}
    assert Cloudflare(wrapped).model(endpoint="run").invoke("hi").text == "ok"
    with pytest.raises(CloudflareAuthenticationError):
        Cloudflare(refusal(401, 10000)).model(endpoint="run").invoke("hi")


@pytest.mark.parametrize("length", [300, 301])
def test_a_long_text_of_the_far_side_is_cut(length: int) -> None:
    error = failure("gateway", 403, {"error": {"code": 5, "message": "x" * length}})
    assert "x" * 300 in str(error)
    assert "x" * 301 not in str(error)
    assert ("x…" in str(error)) is (length > 300)


@pytest.mark.parametrize(
    ("said", "code", "details"),
    [
        ("error code: 1010", None, {}),
        ("2009: Unauthorized", 2009, {}),
        ("<html>{not json}</html>", None, {}),
        ('upstream: {"error": {"code": 403, "status": "PERMISSION_DENIED"}}', 403,
         {"code": 403, "status": "PERMISSION_DENIED"}),
    ],
)  # fmt: skip
def test_plain_text_tells_its_code_and_what_it_quotes(
    said: str, code: int | None, details: dict[str, Any]
) -> None:
    error = failure("gateway", 403, said)
    assert (error.code, error.details) == (code, details)
    assert error.body == said

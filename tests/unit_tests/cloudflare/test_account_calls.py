"""Feedback and the account's catalogue, over a transport that answers from a table."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage

from langchain_cf_gemini.exceptions import (
    CloudflareAuthenticationError,
    CloudflareGeminiError,
    CloudflareNotFoundError,
    CloudflareServerError,
)
from langchain_cf_gemini.gateway import GatewayOptions
from tests.support.models import ACCOUNT, TOKEN, Cloudflare, refusal

Answerer = Callable[[httpx.Request], httpx.Response]


class Caller:
    """A model, and what it asked of an account that answers from a table."""

    def __init__(self, answer: Answerer) -> None:
        self.cloudflare = Cloudflare(answer)
        self.model = self.cloudflare.model(gateway="prod")

    @property
    def seen(self) -> list[httpx.Request]:
        return self.cloudflare.requests

    async def both(self, name: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Ask in both colours."""
        plain = getattr(self.model, name)(*args, **kwargs)
        return [plain, await getattr(self.model, f"a{name}")(*args, **kwargs)]

    async def both_fail(
        self, kind: Any, said: str | None, name: str, *args: Any, **kw: Any
    ) -> None:
        """Ask in both colours, in vain."""
        with pytest.raises(kind, match=said):
            getattr(self.model, name)(*args, **kw)
        with pytest.raises(kind, match=said):
            await getattr(self.model, f"a{name}")(*args, **kw)


def answering(result: Any, status: int = 200) -> Answerer:
    body = {"result": result, "success": status == 200, "errors": [], "messages": []}
    return lambda request: httpx.Response(status, json=body)


def answered(through: str | None = None, **gateway: Any) -> AIMessage:
    return AIMessage("hi", response_metadata={"gateway": {**gateway, "id": through}})


ANSWER = answered(log_id="log-1")
# What is asked of, what is said of the gateway, and the entry's path below gateways.
ENTRIES: list[tuple[Any, Any, str]] = [
    (ANSWER, None, "prod/logs/log-1"),
    (ANSWER, "other", "other/logs/log-1"),
    (ANSWER, GatewayOptions(), "default/logs/log-1"),
    (ANSWER, {"id": "other"}, "other/logs/log-1"),
    ("log-1", None, "prod/logs/log-1"),
    ("01JADMCQQQBWH3NXZ5GCRN98DP", "b", "b/logs/01JADMCQQQBWH3NXZ5GCRN98DP"),
    # An answer knows which gateway it came through.
    (answered("called", log_id="log-1"), None, "called/logs/log-1"),
    (answered("called", log_id="log-1"), "other", "other/logs/log-1"),
]
ENTRY = {"id": "log-1", "cost": 0.00042, "tokens_in": 7, "cached": False}


@pytest.mark.parametrize(("message", "gateway", "path"), ENTRIES)
async def test_feedback_is_patched_onto_the_log_and_its_entry_is_cloudflares_own(
    message: Any, gateway: Any, path: str
) -> None:
    caller = Caller(answering(ENTRY))
    said = {"feedback": 1, "score": 90}
    await caller.both("send_feedback", message, gateway=gateway, **said)
    assert await caller.both("read_log", message, gateway=gateway) == [ENTRY, ENTRY]
    assert [r.method for r in caller.seen] == ["PATCH", "PATCH", "GET", "GET"]
    assert [json.loads(r.content) for r in caller.seen[:2]] == [said, said]
    root = f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}"
    for request in caller.seen:
        assert request.url == f"{root}/ai-gateway/gateways/{path}"
        assert request.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("said", [
    {"score": 0},
    {"score": 100},
    {"feedback": 0},
    {"score": 87.5, "feedback": -1, "metadata": {"by": "reviewer", "n": 2}},
])  # fmt: skip
def test_feedback_says_what_was_said(said: dict[str, Any]) -> None:
    caller = Caller(answering({}))
    caller.model.send_feedback("log-1", **said)
    assert json.loads(caller.seen[0].content) == said


@pytest.mark.parametrize(("message", "said", "reason"), [
    (ANSWER, {}, "No feedback"),
    (ANSWER, {"score": 100.5}, "from 0 to 100"),
    (ANSWER, {"score": -1}, "from 0 to 100"),
    (ANSWER, {"score": float("nan")}, "from 0 to 100"),
    (ANSWER, {"score": True}, "from 0 to 100"),
    (ANSWER, {"score": "5"}, "from 0 to 100"),
    (ANSWER, {"feedback": 2}, r"1 \(good\)"),
    (ANSWER, {"feedback": True}, r"1 \(good\)"),
    (ANSWER, {"feedback": False}, r"1 \(good\)"),
    (ANSWER, {"metadata": {"cf.user": "x"}}, "reserves"),
    (ANSWER, {"metadata": {"a": [1]}}, "str, a finite number or a bool"),
    (AIMessage("hi"), {"feedback": 1}, "collect_log"),
    (answered(cache_status="MISS"), {"feedback": 1}, "collect_log"),
    ("../../gateways", {"feedback": 1}, "isn't a log ID"),
    ("a/b", {"feedback": 1}, "isn't a log ID"),
    ("", {"feedback": 1}, "isn't a log ID"),
    ("a\r\nb", {"feedback": 1}, "isn't a log ID"),
    (answered("a/../b", log_id="log-1"), {"feedback": 1}, "gateway's name"),
])  # fmt: skip
async def test_feedback_that_cannot_be_sent_sends_nothing(
    message: Any, said: dict[str, Any], reason: str
) -> None:
    caller = Caller(answering({}))
    await caller.both_fail(ValueError, reason, "send_feedback", message, **said)
    assert caller.seen == []


def catalogue(rows: int, cap: int, info: Any, most: int | None = None) -> Answerer:
    """An account's catalogue; servers differ in what they cap and what they tell."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked = int(request.url.params.get("per_page", "20"))
        if most is not None and asked > most:
            return refusal(400 if cap > 20 else 422, 7000, "per_page is too large")
        page, size = int(request.url.params["page"]), min(asked, cap)
        names = [f"google/gemini-{n}" for n in range(rows)]
        # Gemini does not come first.
        all_rows = [{"model_id": f"openai/gpt-{n}"} for n in range(rows)]
        all_rows += [{"model_id": n, "task": "Text Generation"} for n in names]
        shown = all_rows[(page - 1) * size : page * size]
        said = {
            "page": page,
            "per_page": size,
            "count": len(shown),
            "total_count": len(all_rows),
            "total_pages": -(-len(all_rows) // size),
        }
        body = {"result": shown, "success": True, "errors": [], "messages": []}
        if info is not None:
            body["result_info"] = {name: said[name] for name in info}
        return httpx.Response(200, json=body)

    return answer


@pytest.mark.parametrize(
    ("cap", "most"),
    [(100, None), (50, None), (20, None), (50, 50), (25, 30), (20, 20), (10, None)],
)
@pytest.mark.parametrize(
    "info",
    [None, [], ["total_pages"], ["total_count"], ["page", "count", "total_count"]],
)
async def test_every_page_of_the_catalogue_is_read(
    cap: int, most: int | None, info: Any
) -> None:
    caller = Caller(catalogue(70, cap, info, most))
    for models in await caller.both("list_models"):
        assert [model.id for model in models] == [f"gemini-{n}" for n in range(70)]
        assert not any(model.packaged for model in models)


# As many rows of others' models; a page of ten may be full, whatever was asked for.
@pytest.mark.parametrize(("gemini", "info", "pages"), [
    *[(4, None, 1), (5, None, 2), (50, None, 2), (100, None, 3), (10_000, None, 49)],
    *[(50, ["total_pages"], 1), (50, ["total_count"], 1)],
])  # fmt: skip
def test_no_more_pages_are_asked_for_than_there_may_be(
    gemini: int, info: Any, pages: int
) -> None:
    caller = Caller(catalogue(gemini, 100, info))
    assert caller.model.list_models()
    asked = [dict(request.url.params) for request in caller.seen]
    numbers = range(1, pages + 1)
    assert asked == [{"page": str(page), "per_page": "100"} for page in numbers]


def test_a_server_that_counts_no_pages_is_asked_twice() -> None:
    rows = [{"model_id": f"google/gemini-{n}"} for n in range(100)]
    caller = Caller(answering(rows))
    assert len(caller.model.list_models()) == 100
    assert len(caller.seen) == 2


def test_pages_that_are_refused_after_the_first_are_left_out() -> None:
    first = answering([{"model_id": f"google/gemini-{n}"} for n in range(100)])
    caller = Caller(
        lambda asked: (
            first(asked) if asked.url.params["page"] == "1" else refusal(400, 7000)
        )
    )
    assert len(caller.model.list_models()) == 100
    assert len(caller.seen) == 2


@pytest.mark.parametrize(("most", "sizes"), [
    (100, ["100"]), (99, ["100", "50"]), (50, ["100", "50"]), (49, ["100", "50", None]),
])  # fmt: skip
def test_a_server_that_refuses_a_size_is_asked_for_less(
    most: int, sizes: list[str | None]
) -> None:
    caller = Caller(catalogue(5, 100, ["total_count"], most))
    assert len(caller.model.list_models()) == 5
    assert [r.url.params.get("per_page") for r in caller.seen] == sizes


def test_a_list_that_is_not_the_accounts_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert Caller(answering(None, 403)).model.list_models()[0].packaged
    assert "instead of the account's: Cloudflare returned 403" in caplog.text
    caplog.clear()
    assert not Caller(catalogue(3, 100, None)).model.list_models()[0].packaged
    assert not caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        answering(None, 403),
        answering(None, 404),
        answering(None, 400),
        answering([]),
        answering({"models": None}),
        answering([{"model_id": "openai/gpt-5", "task": "Text Generation"}]),
    ],
    ids=["forbidden", "missing", "no route", "empty", "another shape", "no gemini"],
)
async def test_without_a_catalogue_the_packaged_table_is_listed(
    answer: Answerer,
) -> None:
    for models in await Caller(answer).both("list_models"):
        assert len(models) > 10
        assert all(model.packaged for model in models)


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, CloudflareAuthenticationError), (500, CloudflareServerError)],
)
async def test_a_bad_token_or_a_fault_is_not_hidden(
    status: int, error: type[CloudflareGeminiError]
) -> None:
    caller = Caller(answering(None, status))
    await caller.both_fail(error, None, "list_models")
    await caller.both_fail(error, None, "send_feedback", ANSWER, feedback=-1)


def test_a_log_entry_that_is_not_there_yet_says_so() -> None:
    with pytest.raises(CloudflareNotFoundError, match="some seconds after"):
        Caller(lambda _: refusal(404, 7002)).model.read_log(ANSWER)


# ---- what a token may do


def account(**refused: tuple[int, int]) -> Answerer:
    """An account whose services refuse some callers."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        by_path = {
            "/user/tokens/verify": "user",
            "/tokens/verify": "token",
            "/ai/run": "run",
            ":generateContent": "gateway",
        }
        by_method = {"GET": "log", "PATCH": "feedback"}.get(request.method)
        ends = (name for end, name in by_path.items() if path.endswith(end))
        service = next(ends, by_method)
        if service in refused:
            return refusal(*refused[service])
        if service in ("log", "feedback"):
            # Should there be one, its feedback stays none.
            assert request.content in (b"", b'{"feedback":0}')
            return refusal(404, 7002)
        if service in ("token", "user"):
            return answering({"status": "active"})(request)
        body = json.loads(request.content)
        assert body.get("input", body) == {"contents": []}
        said = {"code": 400, "message": "contents", "status": "INVALID_ARGUMENT"}
        googles = httpx.Response(400, json={"error": said})
        return refusal(400, 5006) if service == "run" else googles

    return answer


@pytest.mark.parametrize(("refused", "outcomes", "is_ok"), [
    ({}, {}, True),
    # A token of a user is none of the account's.
    ({"token": (401, 1000)}, {}, True),
    ({"token": (401, 1000), "user": (401, 1000)}, {"token": "refused"}, True),
    ({"run": (401, 10000)}, {"run": "refused"}, False),
    ({"run": (403, 10000)}, {"run": "refused"}, False),
    ({"run": (400, 7003)}, {"run": "refused"}, False),
    ({"run": (402, 2021)}, {"run": "refused"}, False),
    ({"gateway": (401, 2009)}, {"gateway": "refused"}, False),
    ({"gateway": (400, 2001)}, {"gateway": "refused"}, False),
    *[({"run": (400, code)}, {"run": "refused"}, False)
      for code in (2001, 2008, 2040, 6003, 10000)],
    ({"run": (400, 2005)}, {}, True),
    ({"gateway": (503, 2002)}, {"gateway": "unknown"}, False),
    ({"run": (429, 2003)}, {"run": "unknown"}, False),
    ({"feedback": (403, 10000)}, {"feedback": "refused"}, True),
    ({"log": (401, 10000), "feedback": (401, 10000)},
     {"log": "refused", "feedback": "refused"}, True),
])  # fmt: skip
async def test_credentials_are_checked_in_one_call(
    refused: Any, outcomes: dict[str, str], is_ok: bool
) -> None:
    expected = dict.fromkeys(["token", "run", "gateway", "log", "feedback"], "ok")
    caller = Caller(account(**refused))
    for report in await caller.both("check_credentials"):
        assert {c.service: c.outcome for c in report.checks} == expected | outcomes
        assert report.is_ok is is_ok
        for check in report.checks:
            assert (check.error is None) == (check.outcome == "ok")
            assert check.needs in str(report)
        assert TOKEN not in str(report)
    unlogged = [r for r in caller.seen if "cf-aig-collect-log" in r.headers]
    assert len(unlogged) == 4


@pytest.mark.parametrize(("model", "on_run", "on_the_gateway"), [
    ({}, "gemini-3-flash", "gemini-3-flash-preview"),
    ({"model": "google/gemini-9"}, "gemini-9", "gemini-9"),
    ({"model": "gemini-9", "google_model": "gemini-9-001"}, "gemini-9", "gemini-9-001"),
])  # fmt: skip
def test_credentials_are_checked_with_the_model_that_is_set(
    model: dict[str, str], on_run: str, on_the_gateway: str
) -> None:
    cloudflare = Cloudflare(account())
    assert cloudflare.model(gateway="prod", **model).check_credentials().is_ok
    asked = {r.url.path: r for r in cloudflare.requests if r.method == "POST"}
    run, gateway = f"/client/v4/accounts/{ACCOUNT}/ai/run", f"/v1/{ACCOUNT}/prod"
    called = f"/google-ai-studio/v1beta/models/{on_the_gateway}:generateContent"
    assert asked.keys() == {run, gateway + called}
    assert json.loads(asked[run].content)["model"] == f"google/{on_run}"
    assert asked[run].headers["cf-aig-gateway-id"] == "prod"


def test_what_a_model_has_no_credentials_for_is_not_asked() -> None:
    cloudflare = Cloudflare(account())
    model = cloudflare.model(
        api_token=None, endpoint="gateway", google_api_key="AIza-own"
    )
    report = model.check_credentials()
    assert {c.service: c.outcome for c in report.checks} == {
        **dict.fromkeys(["token", "run", "log", "feedback"], "not used"),
        "gateway": "ok",
    }
    assert report.is_ok
    (asked,) = cloudflare.requests
    assert "authorization" not in asked.headers
    with pytest.raises(ValueError, match="CLOUDFLARE_API_TOKEN"):
        model.read_log(ANSWER)

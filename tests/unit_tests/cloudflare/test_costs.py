"""What calls cost, and how their sum is kept."""

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_cf_gemini import (
    CloudflareGeminiError,
    CostCallbackHandler,
    Prices,
    ResponseFormatError,
    cost,
    get_cost_callback,
)
from tests.support.cloudflare import usage_after_cache
from tests.support.models import (
    Cloudflare,
    Way,
    endpoints,
    event,
    every_way,
    packaged_models,
    refusal,
    text,
)
from tests.support.models import answer as wire_answer

PACKAGED = packaged_models()
HIT = {"cache_status": "HIT", "log_id": "x"}
MISS = {"cache_status": "MISS"}


def usage(prompt: int, written: int, **details: int) -> UsageMetadata:
    counts = UsageMetadata(
        input_tokens=prompt, output_tokens=written, total_tokens=prompt + written
    )
    if details:
        counts["input_token_details"] = details  # type: ignore[typeddict-item]
    return counts


def answer(
    counts: UsageMetadata | None,
    model: str | None = "gemini-3-flash",
    gateway: dict[str, Any] | None = None,
) -> AIMessage:
    metadata = {"model_name": model, "gateway": gateway}
    told = {name: value for name, value in metadata.items() if value is not None}
    return AIMessage("hi", usage_metadata=counts, response_metadata=told)


MILLION = 1_000_000

CASES: list[tuple[UsageMetadata, str, float | None]] = [
    (usage(MILLION, 0), "gemini-3-flash", 0.50),
    (usage(0, MILLION), "gemini-3-flash", 3.0),
    (usage(MILLION, MILLION), "google/gemini-3-flash", 3.5),
    (usage(MILLION, 0), "gemini-3-flash-preview", 0.50),
    (usage(MILLION, 0, cache_read=MILLION), "gemini-3-flash", 0.05),
    (usage(MILLION, 0, cache_read=500_000), "gemini-3-flash", 0.275),
    # More out of a cache than was read at all, which no bill can mean.
    (usage(MILLION, 0, cache_read=3 * MILLION), "gemini-3-flash", 0.05),
    (usage(MILLION, 0, cache_creation=3 * MILLION), "gemini-3.5-flash-lite", 0.03),
    (usage(MILLION, 0, cache_read=MILLION, cache_creation=MILLION), "gemini-3-flash",
     0.05),
    (usage(MILLION, 0, cache_creation=MILLION), "gemini-3.5-flash-lite", 0.03),
    (usage(MILLION, 0, cache_creation=MILLION), "gemini-3-flash", 0.50),
    # One price up to 200,000 tokens of prompt, another for the whole call beyond.
    (usage(200_000, 100_000), "gemini-3.1-pro", 0.4 + 1.2),
    (usage(200_001, 100_000), "gemini-3.1-pro", 0.800004 + 1.8),
    (usage(400_000, 0, cache_read=200_000), "gemini-3.1-pro", 0.8 + 0.08),
    (usage(400_000, 100_000), "gemini-3-flash", 0.2 + 0.3),
    (usage(0, 0), "gemini-3-flash", 0.0),
    # No price is listed for it, which is not free.
    (usage(MILLION, 0), "gemini-2.5-flash-lite", None),
    (usage(MILLION, 0), "gemini-9-flash", None),
]  # fmt: skip


def about(dollars: float | None) -> Any:
    """What a price comes to; None is not known, and not free."""
    return dollars if dollars is None else pytest.approx(dollars)


@pytest.mark.parametrize(("counts", "model", "expected"), CASES)
def test_a_call_costs_by_the_catalogue(
    counts: UsageMetadata, model: str, expected: float | None
) -> None:
    assert cost(counts, model) == cost(answer(counts, model)) == about(expected)


def test_counts_of_a_prompt_alone_are_its_cost() -> None:
    assert cost({"input_tokens": MILLION}, "gemini-3-flash") == about(0.50)


DATED: list[tuple[str, str, float | None]] = [
    # model, day, dollars for a million tokens in and a million out
    ("gemini-3.8-flash", "2026-12-31", 0.75 + 3.75),
    ("gemini-3.8-flash", "2027-01-01", 1.50 + 7.50),
    ("google/gemini-3.7-flash", "2026-09-01", 0.75 + 3.75),
    ("gemini-3.7-flash", "2028-02-29", 1.50 + 7.50),
    ("gemini-4-argon", "2026-11-30", 2.0 + 10.0),
    ("gemini-4-argon", "2026-12-01", 4.0 + 20.0),
    ("gemini-4-carbon", "2026-11-30", 2.0 + 10.0),
    ("gemini-4-carbon", "2026-12-24", 4.0 + 20.0),
    ("gemini-4-neon", "2027-12-01", 3.0 + 15.0),
    ("gemini-3-flash", "2030-01-01", 0.5 + 3.0),
    ("gemini-9-flash", "2030-01-01", None),
]


@pytest.mark.parametrize(("model", "day", "expected"), DATED)
def test_a_call_costs_by_the_prices_of_its_day(
    model: str, day: str, expected: float | None
) -> None:
    said = answer(usage(MILLION, MILLION), model)
    assert cost(said, day=date.fromisoformat(day)) == about(expected)
    said.response_metadata["create_time"] = f"{day}T23:59:59.999999Z"
    assert cost(said) == about(expected)


@pytest.mark.parametrize("created", [None, "", "soon", 7, "2026-13-01T00:00:00Z"])
def test_an_answer_without_a_day_is_of_today(created: Any) -> None:
    said = answer(usage(MILLION, 0))
    said.response_metadata["create_time"] = created
    assert cost(said) == 0.5


@pytest.mark.parametrize("row", PACKAGED.values(), ids=PACKAGED.keys())
def test_every_listed_price_is_charged(row: Any) -> None:
    before = date.fromisoformat(row.release_date)
    expected, prices = None, row.prices
    if prices is not None:
        cached = prices.input if prices.cached is None else prices.cached
        expected = (0.5 * prices.input + 0.5 * cached + prices.output) / 1000
    counts = usage(1000, 1000, cache_read=500)
    assert cost(counts, row.id, day=before) == about(expected)


@pytest.mark.parametrize(("message", "expected"), [
    (answer(None), None),
    (answer(usage(10, 10), None), None),
    (answer(usage(10, 10), "gemini-9-flash", gateway=HIT), 0.0),
    (answer(None, gateway=HIT), 0.0),
])  # fmt: skip
def test_a_message_knows_what_it_cost(
    message: AIMessage, expected: float | None
) -> None:
    assert cost(message) == expected


BYOK, UNIFIED = {"key_source": "BYOK"}, {"key_source": "Unified"}
OWN = {"key_source": "Request"}
PER_TOKEN = {"custom_cost": {"per_token_in": 2e-6, "per_token_out": 1e-6}}
CACHED = {"custom_cost": {**PER_TOKEN["custom_cost"], "per_cache_read_token": 1e-7}}
WHOLE = {"custom_cost": {"total_cost": 0.25}}


@pytest.mark.parametrize(("gateway", "cloudflare", "google"), [
    (None, 0.5, 0.0),
    (MISS, 0.5, 0.0),
    (UNIFIED, 0.5, 0.0),
    (BYOK, 0.0, 0.5),
    ({"key_source": "byok"}, 0.0, 0.5),
    (OWN, 0.0, 0.5),
    (BYOK | HIT, 0.0, 0.0),
    (PER_TOKEN, 2.0, 0.0),
    (PER_TOKEN | BYOK, 0.0, 2.0),
    (WHOLE | UNIFIED, 0.25, 0.0),
    (WHOLE | OWN, 0.0, 0.25),
    (WHOLE | HIT, 0.0, 0.0),
    ({"cache_status": "Hit"}, 0.0, 0.0),
])  # fmt: skip
def test_a_call_is_on_one_bill(
    gateway: dict[str, Any] | None, cloudflare: float, google: float
) -> None:
    message = answer(usage(MILLION, 0), gateway=gateway)
    handler = CostCallbackHandler()
    handler.on_llm_end(result(message))
    assert cost(message, paid_to="cloudflare") == about(cloudflare)
    assert cost(message, paid_to="google") == about(google)
    assert cost(message) == handler.total_cost == about(cloudflare)
    assert handler.google_cost == about(google)
    status = str((gateway or {}).get("cache_status"))
    assert handler.cached_calls == (status.upper() == "HIT")


def test_a_custom_cost_knows_the_providers_cache() -> None:
    counts = usage(MILLION, 0, cache_read=MILLION)
    assert cost(answer(counts, gateway=CACHED)) == about(0.1)
    assert cost(answer(counts, gateway=PER_TOKEN)) == about(2.0)
    assert cost(answer(counts, "gemini-9-flash", PER_TOKEN)) == about(2.0)


def test_a_caller_may_know_the_model_or_the_prices_better() -> None:
    message = answer(usage(MILLION, 0), "unknown")
    assert cost(message, "gemini-3-flash") == 0.5
    for one in (message, answer(usage(MILLION, 0), gateway=PER_TOKEN)):
        assert cost(one, prices=Prices(input=7.0, output=1.0)) == 7.0
    assert cost({}, "gemini-3-flash") is None


def test_a_cache_hit_keeps_its_counts_and_costs_nothing() -> None:
    counts = usage(10, 20)
    marked = usage_after_cache(counts, HIT)
    assert marked == {**counts, "total_cost": 0}
    assert "total_cost" not in counts
    assert cost(answer(marked)) == 0.0
    # langchain_core adds usages key by key and refuses what is no int.
    assert add_usage(marked, counts)["total_tokens"] == 60


def test_a_sum_with_a_cache_hit_is_not_free() -> None:
    counts = usage(10, 20)
    hit = usage_after_cache(counts, HIT)
    for total in (add_usage(hit, counts), add_usage(counts, hit), add_usage(hit, hit)):
        assert cost(total, "gemini-3-flash") is None
        # A name or a price does not tell more.
        assert cost(total, prices=Prices(input=7, output=1)) is None
    both = cost(add_usage(counts, counts), "gemini-3-flash")
    assert both == pytest.approx(2 * (cost(counts, "gemini-3-flash") or 0))


@pytest.mark.parametrize("gateway", [None, {}, MISS, {"cache_status": None}])
def test_other_answers_are_not_marked(gateway: dict[str, Any] | None) -> None:
    counts = usage(10, 20)
    assert usage_after_cache(counts, gateway) is counts
    assert usage_after_cache(None, HIT) is None


def result(*messages: AIMessage) -> LLMResult:
    return LLMResult(generations=[[ChatGeneration(message=one)] for one in messages])


MODELS = st.sampled_from(["gemini-3-flash", "gemini-3.5-flash-lite", "unknown"])
FROM_CACHE = st.sampled_from([HIT, MISS, None])


@given(st.lists(st.tuples(MODELS, st.integers(0, 10**6), FROM_CACHE, st.booleans())))
def test_handlers_of_processes_add_up_to_one(
    calls: list[tuple[str, int, dict[str, Any] | None, bool]],
) -> None:
    alone, one, other = (CostCallbackHandler() for _ in range(3))
    for model, tokens, gateway, is_mine in calls:
        told = result(answer(usage(tokens, 7), model, gateway))
        alone.on_llm_end(told)
        (one if is_mine else other).on_llm_end(told)
    travelled = pickle.loads(pickle.dumps(other))
    for total in (one + travelled, sum([travelled, one])):
        assert isinstance(total, CostCallbackHandler)
        assert total.total_cost == pytest.approx(alone.total_cost)
        assert total.costs == pytest.approx(alone.costs)
        for name in ("usage_metadata", "calls", "cached_calls", "unpriced_calls"):
            assert getattr(total, name) == getattr(alone, name)
        total.on_llm_end(result(answer(usage(1, 1))))
        assert total.calls == alone.calls + 1


def test_a_handler_travels_without_the_one_around_it() -> None:
    with get_cost_callback() as around, get_cost_callback() as spent:
        pickle.loads(pickle.dumps(spent)).on_llm_end(result(answer(usage(1, 1))))
    assert (around.calls, spent.calls) == (0, 0)
    with pytest.raises(TypeError):
        _ = spent + 1  # type: ignore[operator]


def test_the_handler_sums_tokens_and_cost() -> None:
    handler = CostCallbackHandler()
    for said in (
        answer(usage(MILLION, 0)),
        answer(usage(MILLION, 0), "gemini-3.5-flash-lite"),
        answer(usage(MILLION, 0), gateway=HIT),
        answer(usage(MILLION, 0), "gemini-9-flash"),
    ):
        handler.on_llm_end(result(said))
    assert handler.costs == {"gemini-3-flash": 0.5, "gemini-3.5-flash-lite": 0.3}
    assert handler.usage_metadata["gemini-3-flash"]["input_tokens"] == 2 * MILLION
    assert repr(handler) == (
        "CostCallbackHandler(total_cost=0.800000, calls=4, cached_calls=1, "
        "unpriced_calls=1)"
    )


@pytest.mark.parametrize(
    "other",
    [LLMResult(generations=[]), LLMResult(generations=[[Generation(text="x")]])],
)
def test_the_handler_passes_over_what_is_no_chat(other: LLMResult) -> None:
    handler = CostCallbackHandler()
    handler.on_llm_end(other)
    assert (handler.calls, handler.total_cost) == (0, 0.0)


def test_the_handler_sums_over_threads() -> None:
    handler = CostCallbackHandler()
    one = result(answer(usage(1000, 0)))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: handler.on_llm_end(one), range(400)))
    assert handler.calls == 400
    assert handler.total_cost == pytest.approx(400 * 0.0005)


def model_of(calls: int) -> GenericFakeChatModel:
    said = [answer(usage(MILLION, 0)) for _ in range(calls)]
    return GenericFakeChatModel(messages=iter(said))


def test_a_block_counts_what_runs_inside_it() -> None:
    model = model_of(3)
    with get_cost_callback() as outer:
        model.invoke("one")
        with get_cost_callback() as inner:
            chain: Runnable[str, AIMessage] = RunnableLambda(model.invoke)
            chain.invoke("two", {"callbacks": [inner]})  # given twice
        assert (inner.calls, inner.total_cost) == (1, 0.5)
    model.invoke("three")
    assert (outer.calls, outer.total_cost) == (2, 1.0)


def test_a_block_inside_a_run_counts_once_for_both() -> None:
    """The outer handler comes by inheritance as well as from the inner one."""
    model = model_of(4)
    inner_costs: list[float] = []

    def step(said: str) -> None:
        with get_cost_callback() as inner:
            model.invoke(said)
            model.batch([said])
        inner_costs.append(inner.total_cost)

    with get_cost_callback() as outer:
        (RunnableLambda(step) | RunnableLambda(str)).invoke("one")
        with get_cost_callback() as between:
            RunnableLambda(step).invoke("two")
    assert inner_costs == [1.0, 1.0]
    assert (between.calls, between.total_cost) == (2, 1.0)
    assert (outer.calls, outer.total_cost) == (4, 2.0)
    [counts] = outer.usage_metadata.values()
    assert counts["input_tokens"] == 4 * MILLION


async def test_a_block_counts_tasks_and_ends_with_an_error() -> None:
    model = model_of(4)
    with pytest.raises(ZeroDivisionError), get_cost_callback() as spent:  # noqa: PT012
        await asyncio.gather(*(model.ainvoke("x") for _ in range(3)))
        raise ZeroDivisionError
    await model.ainvoke("y")
    assert (spent.calls, spent.total_cost) == (3, 1.5)


# ---- answers that say little of themselves, or cannot be read

BILLED = {
    "promptTokenCount": MILLION,
    "candidatesTokenCount": MILLION,
    "totalTokenCount": 2 * MILLION,
}


@endpoints
@pytest.mark.parametrize("said", [None, "", ["gemini-3-flash"]])
@pytest.mark.parametrize("model", ["gemini-3-flash", "google/gemini-3-flash"])
def test_an_answer_without_a_model_is_of_the_one_that_was_asked(
    model: str, endpoint: str, said: Any
) -> None:
    whole = {**wire_answer(text("ok")), "usageMetadata": BILLED, "modelVersion": said}
    message = Cloudflare(whole).model(model=model, endpoint=endpoint).invoke("hi")
    assert "model_name" not in message.response_metadata
    assert message.response_metadata["requested_model"] == "gemini-3-flash"
    assert cost(message) == about(3.5)


UNREADABLE: dict[str, Any] = {
    "a text": "none",
    "a number": [3],
    "candidates": ["x"],
    "content": [{"content": "x", "finishReason": "STOP"}],
    "parts": [{"content": {"parts": 3}, "finishReason": "STOP"}],
    "none": [],
}


@pytest.mark.parametrize("candidates", UNREADABLE.values(), ids=UNREADABLE.keys())
@every_way
@endpoints
def test_an_answer_that_cannot_be_read_is_paid_for(
    candidates: Any, way: Way, endpoint: str
) -> None:
    whole = {**wire_answer(), "usageMetadata": BILLED, "candidates": candidates}
    model = Cloudflare(whole).model(endpoint=endpoint)
    with get_cost_callback() as spent, pytest.raises(ResponseFormatError) as caught:
        way(model, "hi")
    assert caught.value.usage_metadata == usage(MILLION, MILLION)
    assert caught.value.model_name == "gemini-3-flash-preview"
    assert spent.calls == 1
    assert spent.total_cost == about(3.5)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("last", [[], refusal(503, 1), httpx.ReadError("reset")])
def test_every_attempt_is_paid_for(
    streaming: bool, last: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGCHAIN_CF_GEMINI_TESTING", "1")  # no waits

    def ended(_: httpx.Request) -> Any:
        if isinstance(last, Exception):
            raise last
        return empty if last == [] else last

    empty = {**wire_answer(), "usageMetadata": BILLED, "candidates": []}
    model = Cloudflare(empty, empty, ended).model(max_retries=2)
    with pytest.raises(CloudflareGeminiError) as caught:
        list(model.stream("hi")) if streaming else model.invoke("hi")
    count = (3 if last == [] else 2) * MILLION
    assert caught.value.usage_metadata == usage(count, count)


def test_a_stream_that_breaks_is_paid_for_as_far_as_it_came() -> None:
    begun = {**event(text("Well")), "usageMetadata": BILLED, "modelVersion": None}
    model = Cloudflare([begun]).model(endpoint="gateway", google_api_key="AIza-x")
    with get_cost_callback() as spent, pytest.raises(ResponseFormatError) as caught:
        list(model.stream("hi"))
    assert caught.value.model_name == "gemini-3-flash"
    # With a key of one's own Google bills it.
    assert (spent.calls, spent.total_cost) == (1, 0.0)
    assert spent.google_cost == about(3.5)


def test_an_error_without_counts_costs_nothing() -> None:
    with get_cost_callback() as spent, pytest.raises(CloudflareGeminiError) as caught:
        Cloudflare(refusal(400, 1)).model().invoke("hi")
    assert caught.value.usage_metadata is None
    assert spent.calls == 0


@pytest.mark.parametrize("wrong", ["response", None, 5])
def test_only_a_response_has_a_cost(wrong: Any) -> None:
    with pytest.raises(TypeError, match="takes an AIMessage or its usage_metadata"):
        cost(wrong)

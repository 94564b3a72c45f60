"""What single models refuse or ignore, told before anything is sent."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import ConfigurableField

from langchain_cf_gemini import (
    ChatCloudflareGemini,
    ModelWarning,
    UnsupportedContentError,
)
from tests.support import models
from tests.support.models import (
    ACCOUNT,
    TOKEN,
    WAYS,
    Cloudflare,
    Json,
    Way,
    calling,
    result,
    silent,
    tool_call,
)
from tests.support.tables import rows

NEWER = ["3.5-flash-lite", "3.6-flash", "3.7-flash", "3.8-flash"]
FOUR = ["4-argon", "4-carbon", "4-hydrogen", "4-neon"]
OLDER = ["2.5-flash-lite", "2.5-flash", "2.5-pro", "3-flash", "3.1-flash-lite"]
OLDER += ["3.1-pro", "3.5-flash"]
UNKNOWN = ["9-flash", "3.8-flash-002", "flash-latest", "3.8-flash-image"]

# Which endpoint is asked, and in which way.
MODES = {
    "run": ("run", "invoke"),
    "gateway": ("gateway", "stream"),
    "gateway once": ("gateway", "invoke"),
    "run stream": ("run", "stream"),
}
REFUSED: list[tuple[str, str, Json, str]] = []
TAKEN: list[tuple[str, str, Json]] = []


def refused(models: list[str], arguments: Json, says: str, *at: str) -> None:
    """Note what these models refuse, on both endpoints unless they are named."""
    for model, mode in product(models, at or ("run", "gateway")):
        REFUSED.append((f"gemini-{model}", mode, arguments, says))


def taken(models: list[str], arguments: Json, *at: str) -> None:
    """Note what these models take."""
    for model, mode in product(models, at or ("run", "gateway")):
        TAKEN.append((f"gemini-{model}", mode, arguments))


OF_CONFIG: Json = {"generation_config": {"presence_penalty": 1}}
for penalty in ({"presence_penalty": 0.5}, {"frequency_penalty": -1}, OF_CONFIG):
    refused(NEWER + FOUR, penalty, "doesn't support presence_penalty")
    taken(OLDER + UNKNOWN, penalty)
refused(["3.7-flash", "3.8-flash", *FOUR], {"thinking_level": "minimal"}, "low, medium")
taken(["3-flash", "3.5-flash", "3.6-flash"], {"thinking_level": "MINIMAL"})
taken(["3-flash", "3.8-flash"], {"thinking_level": "THINKING_LEVEL_LOW"})
refused(["3-flash"], {"presence_penalty": 2}, "from -2 to below 2")
taken(["3-flash"], {"presence_penalty": -2, "frequency_penalty": 1.99})
refused([*NEWER, "4-argon", "4-carbon"], {"thinking_level": "xhigh"}, "not 'xhigh'")
taken(["4-hydrogen", "4-neon"], {"thinking_level": "xhigh"})
taken(UNKNOWN, {"reasoning_effort": "xhigh"})
taken(UNKNOWN, {"thinking_level": "ultra"})
NO_LEVEL = "support thinking_level"
refused(["2.5-flash-lite"], {"thinking_level": "low"}, NO_LEVEL, "gateway")
refused(FOUR, {"thinking_budget": 100}, "doesn't support thinking_budget")
taken([*NEWER, "2.5-flash-lite", *UNKNOWN], {"thinking_budget": 100})
refused(["3.1-pro"], {"thinking_budget": 0}, "thinking off.*endpoint='run'", "gateway")
taken(["3.1-pro"], {"thinking_budget": 0}, "run")
taken(["2.5-flash-lite", "3-flash", *UNKNOWN], {"thinking_budget": 0})
NO_THOUGHTS: Json = {"thinking_budget": 0, "include_thoughts": True}
TWO = ["3-flash", "2.5-flash-lite"]
refused(TWO, NO_THOUGHTS, "no thoughts to return", "gateway")
taken(UNKNOWN, NO_THOUGHTS)
refused(["3-flash", *NEWER], {"n": 2}, "one candidate.*endpoint='run'", "gateway once")
refused(FOUR, {"n": 2}, "returns one candidate", "run", "gateway once")
taken(["3-flash", *NEWER], {"n": 8}, "run")
taken(["2.5-flash-lite", *UNKNOWN], {"candidate_count": 2}, "run", "gateway once")
refused(FOUR, {"cached_content": "c/1"}, "no explicit context cache")
taken(["3-flash", *NEWER, *UNKNOWN], {"cached_content": "c/1"})
refused(["3-flash"], {"logprobs": True}, "logprobs", "gateway", "gateway once")
refused(["3-flash"], {"logprobs": 3, "stream_on_run": True}, "logprobs", "run stream")
taken(["3-flash"], {"logprobs": 3}, "run", "run stream")
taken(["3-flash"], {"logprobs": False})
BESIDE: Json = {"tools": ["google_search", {"name": "f"}]}
AS_JSON: Json = {"response_mime_type": "application/json"}
OF_2 = ["2.5-flash-lite", "2.5-flash", "2.5-pro"]
refused(OF_2, BESIDE, "functions together with Google's own tools")
refused(OF_2, {"tools": [{"name": "f"}], **AS_JSON}, "tools together with JSON output")
taken(["3-flash", *NEWER, *UNKNOWN], {**BESIDE, **AS_JSON})
taken(OF_2, {"tools": [{"name": "f"}]})
taken(OF_2, AS_JSON)
SEARCH: Json = {"tools": ["google_search"]}
NONE: Json = {"function_calling_config": {"mode": "NONE"}}
refused(["3-flash"], {**SEARCH, "tool_config": NONE}, "for functions only")
taken(["3-flash"], {**SEARCH, "tool_choice": "auto"})
taken(["3-flash"], SEARCH)
GERMAN: Json = {"tool_config": {"retrieval_config": {"language_code": "de"}}}
for name in ("c/1", "cachedContents/1"):
    for beside in (SEARCH, GERMAN, {"tool_choice": "none"}):
        refused(["3-flash"], {"cached_content": name, **beside}, "with cached_content")
taken(["3-flash"], {"cached_content": "c/1", "tool_choice": "auto"})

refused(["4-argon"], {"max_tokens": 32_769}, "streaming=True", "gateway once")
taken(["4-argon"], {"max_tokens": 1_000_000}, "run", "gateway")
taken(["4-argon"], {"max_tokens": 32_768}, "gateway once")
LATER: Json = {"max_tokens": 60_000, "continuation_token": "dA=="}
taken(["4-argon"], LATER, "gateway once")
taken(["4-neon", *UNKNOWN], {"max_tokens": 60_000}, "gateway once")


@pytest.mark.filterwarnings("ignore::langchain_cf_gemini.ModelWarning")
@pytest.mark.parametrize(("model", "mode", "arguments", "says"), REFUSED)
def test_what_a_model_refuses_is_not_sent(
    model: str, mode: str, arguments: Json, says: str
) -> None:
    endpoint, way = MODES[mode]
    asked = silent(model=model, endpoint=endpoint)
    with pytest.raises(ValueError, match=says) as caught:
        WAYS[way](asked.bind(**arguments), "hi")
    assert "None" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::langchain_cf_gemini.ModelWarning")
@pytest.mark.parametrize(("model", "mode", "arguments"), TAKEN)
def test_what_a_model_takes_is_sent(model: str, mode: str, arguments: Json) -> None:
    endpoint, way = MODES[mode]
    asked = Cloudflare().model(model=model, endpoint=endpoint)
    assert WAYS[way](asked.bind(**arguments), "hi").text == "ok"


@pytest.mark.parametrize(
    "field",
    [
        {"model": "gemini-3.8-flash", "presence_penalty": 0.1},
        {"model": "google/gemini-4-neon", "thinking_level": "minimal"},
        {"model": "gemini-3-flash", "endpoint": "gateway", "n": 2},
        {"model": "gemini-3-flash", "thinking_level": "xhigh"},
        {"model": "gemini-3-flash", "thinking_level": "THINKING_LEVEL_XHIGH"},
        {"model": "gemini-4-argon", "generation_config": {"frequencyPenalty": 1}},
    ],
)
def test_what_every_call_would_refuse_the_constructor_does(field: Json) -> None:
    with pytest.raises(ValueError, match=r"gemini-\d"):
        silent(**field)


_ALONE = [HumanMessage("hi")]
ENDINGS: dict[str, list[Any]] = {
    "prefill": [*_ALONE, AIMessage("Once")],
    "two agents": [*_ALONE, AIMessage("a"), AIMessage("b", name="critic")],
    "blocks": [*_ALONE, AIMessage([{"type": "text", "text": "So"}])],
}


@rows("history", ENDINGS)
@pytest.mark.parametrize("model", NEWER + FOUR)
def test_newer_models_refuse_a_last_turn_of_the_model(
    either_way: Way, history: list[Any], model: str
) -> None:
    with pytest.raises(UnsupportedContentError, match="End it with a HumanMessage"):
        either_way(silent(model=f"gemini-{model}"), history)


@rows("history", ENDINGS)
@pytest.mark.parametrize("model", OLDER + UNKNOWN)
def test_others_go_on_where_the_model_stopped(history: list[Any], model: str) -> None:
    cloudflare = Cloudflare()
    assert cloudflare.model(model=f"gemini-{model}").invoke(history).text == "ok"
    assert cloudflare.contents[-1]["role"] == "model"


@pytest.mark.parametrize("model", NEWER + FOUR)
def test_results_of_calls_end_a_history_well(model: str) -> None:
    history = [*_ALONE, calling(tool_call()), result()]
    assert Cloudflare().model(model=f"gemini-{model}").invoke(history).text == "ok"


def test_a_history_is_counted_however_it_ends() -> None:
    model = silent(model="gemini-4-neon")
    assert model.get_num_tokens_from_messages([HumanMessage("hi"), AIMessage("x")]) > 0


def test_a_cache_holds_the_system_message() -> None:
    model = silent(cached_content="c/1")
    with pytest.raises(UnsupportedContentError, match="with cached_content"):
        model.invoke([SystemMessage("Be brief."), HumanMessage("hi")])


@pytest.mark.parametrize(
    ("asked", "way", "host"),
    [
        # The gateway's backend refuses a budget of 0, Vertex AI takes it.
        ({"model": "gemini-3.1-pro", "thinking_budget": 0}, "stream", "api."),
        ({"model": "gemini-3.1-pro", "thinking_budget": 9}, "stream", "gateway."),
        ({"logprobs": 2}, "stream", "api."),
        ({"n": 2}, "invoke", "api."),
    ],
)
def test_what_one_endpoint_refuses_decides_for_the_other(
    asked: Json, way: str, host: str
) -> None:
    cloudflare = Cloudflare()
    WAYS[way](cloudflare.model(**asked), "hi")
    assert str(cloudflare.requests[0].url).startswith(f"https://{host}")


def test_a_key_of_googles_leaves_no_choice() -> None:
    model = silent(google_api_key="AIza-x", n=2)
    with pytest.raises(UnsupportedContentError, match="one candidate"):
        model.invoke("hi")


IGNORED = [
    ({"temperature": 0.2}, "ignores temperature"),
    ({"top_p": 0.5, "top_k": 3}, "ignores top_p, top_k"),
    ({"generation_config": {"topK": 3}}, "ignores top_k"),
]


def told_by(*acts: Callable[[], object]) -> list[str]:
    """What is warned of while these are done."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ModelWarning)
        for act in acts:
            act()
    return [str(one.message) for one in told]


_RETIRED: Json = {"model": "gemini-2.5-flash"}
_OLD: Json = {**_RETIRED, "account_id": ACCOUNT, "api_token": TOKEN}


def _answered() -> ChatCloudflareGemini:
    return Cloudflare().model()


def _chosen() -> Any:
    return _answered().configurable_fields(model=ConfigurableField(id="model"))


OLD: dict[str, Callable[[], object]] = {
    "constructor": lambda: silent(**_RETIRED),
    "copy": lambda: silent().model_copy(update=_RETIRED),
    "validated": lambda: ChatCloudflareGemini.model_validate(_OLD),
    "call": lambda: _answered().invoke("hi", **_RETIRED),
    "stream": lambda: list(_answered().stream("hi", **_RETIRED, endpoint="run")),
    "retried": lambda: _answered().with_retry().invoke("hi", **_RETIRED),
    "configured": lambda: _chosen().invoke("hi", {"configurable": _RETIRED}),
}


@rows("act", OLD)
def test_warnings_are_of_the_line_that_asked(act: Callable[[], object]) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ModelWarning)
        act()
    places = {one.filename for one in told if one.category is ModelWarning}
    assert places <= {__file__, models.__file__}
    assert places


@pytest.mark.parametrize(("setting", "says"), IGNORED)
@pytest.mark.parametrize("model", NEWER + FOUR)
def test_what_a_model_ignores_is_told_once(
    model: str, setting: Json, says: str
) -> None:
    cloudflare = Cloudflare()
    made: list[Any] = []
    of_fields = told_by(
        lambda: made.append(cloudflare.model(model=f"gemini-{model}", **setting)),
        lambda: made[0].invoke("hi"),
        lambda: made[0].invoke("hi"),
    )
    plain = cloudflare.model(model=f"gemini-{model}")
    of_calls = told_by(
        lambda: list(plain.bind(**setting).stream("hi")),
        lambda: plain.invoke("hi", **setting),
    )
    assert of_fields == of_calls
    assert len(of_calls) == 1
    assert says in of_calls[0]
    assert all("generationConfig" in body for body in cloudflare.bodies)


@pytest.mark.parametrize("model", [*OLDER, *UNKNOWN])
def test_others_heed_their_settings(model: str) -> None:
    asked = Cloudflare().model
    told = told_by(
        lambda: asked(model=f"gemini-{model}", temperature=0).invoke("hi", top_p=1)
    )
    assert not [one for one in told if "ignores" in one]


def test_a_retired_model_is_told_once() -> None:
    cloudflare = Cloudflare()
    name = "gemini-2.5-flash-lite"
    said = f"{name} was retired for endpoint='run' on 2026-10-20. Use another model."
    made: list[Any] = []
    by_field = told_by(
        lambda: made.append(cloudflare.model(model=name, endpoint="run")),
        lambda: made[0].invoke("hi"),
    )
    plain = cloudflare.model()
    by_call = told_by(
        lambda: plain.invoke("hi", model=f"google/{name}"),
        lambda: plain.invoke("hi", model=name),
    )
    assert by_field == by_call == [said]
    assert told_by(lambda: silent(model=name, endpoint="gateway")) == []

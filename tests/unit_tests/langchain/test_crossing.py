"""Threads that go from one backend to the other, which refuses foreign marks."""

from __future__ import annotations

import json
import logging
import pickle
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.load import dumpd, load
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    merge_message_runs,
    message_to_dict,
    messages_from_dict,
)

from langchain_cf_gemini import CloudflareInvalidRequestError, UnsupportedContentError
from tests.support.models import WAYS, Cloudflare, Json, answer, text
from tests.support.two_backends import DUMMY, TwoBackends, signature_of


def results_of(message: AIMessage) -> list[BaseMessage]:
    """What its tools say."""
    return [ToolMessage("seen", tool_call_id=str(c["id"])) for c in message.tool_calls]


def loop(
    cloudflare: TwoBackends, ways: Any, *, kept: Any = None, **settings: Any
) -> list[BaseMessage]:
    """Run a tool loop, each step in another way, until the model is done."""
    model = cloudflare.model(**settings)
    history: list[BaseMessage] = [HumanMessage("go")]
    for way in ways:
        message = WAYS[way](model, list(history))
        history += [message, *results_of(message)]
        history = kept(history) if kept else history
    assert isinstance(history[-1], AIMessage)
    assert history[-1].text == "Done"
    return history


EVERY_CHANGE = {
    "-".join(ways): ways
    for whole, streamed in product(("invoke", "ainvoke"), ("stream", "astream"))
    for ways in product((whole, streamed), repeat=3)
}


@pytest.mark.parametrize("ways", EVERY_CHANGE.values(), ids=EVERY_CHANGE.keys())
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_a_tool_loop_may_change_between_invoke_and_stream(
    ways: tuple[str, ...], output_version: str
) -> None:
    cloudflare = TwoBackends(steps=2, parallel=2)
    loop(cloudflare, ways, output_version=output_version)
    assert cloudflare.refused == 0
    # Crossing is for a stream after an invoke; what was streamed goes on there.
    streamed = [way.endswith("stream") for way in ways]
    first = streamed.index(True) if True in streamed else len(ways)
    wanted = ["vertex_ai" if n < first else "gemini_api" for n in range(len(ways))]
    assert cloudflare.asked == wanted


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("endpoint", ["run", "gateway", "auto"])
def test_on_one_backend_nothing_changes(way: str, endpoint: str) -> None:
    cloudflare = TwoBackends(steps=3, parallel=2)
    history = loop(cloudflare, [way] * 4, endpoint=endpoint)
    backend = cloudflare.asked[0]
    assert set(cloudflare.asked) == {backend}
    assert cloudflare.signatures == [signature_of(backend, n) for n in (1, 2, 3)]
    assert "replaced_signatures" not in history[-1].response_metadata
    assert history[-1].response_metadata["backend"] == backend


def test_what_must_cross_is_replaced_and_told(caplog: Any) -> None:
    """A stream after two invokes: one dummy for each step, no other signature."""
    cloudflare = TwoBackends(steps=3, parallel=2)
    history = loop(cloudflare, ["invoke", "invoke", "stream", "invoke"])
    third = [p for c in cloudflare.bodies[2]["contents"] for p in c["parts"]]
    calls = [p.get("thoughtSignature") for p in third if "functionCall" in p]
    assert calls == [DUMMY, None, DUMMY, None]
    told = [m.response_metadata.get("replaced_signatures") for m in history]
    assert [t and t["count"] for t in told if t] == [2, 2]
    # Both backends take the other's ids of calls, which only tell them apart.
    parts = [p for c in cloudflare.contents for p in c["parts"]]
    ids = [f"{step}-{n}" for step in (1, 2, 3) for n in (0, 1)]
    for key in ("functionCall", "functionResponse"):
        assert [p[key]["id"] for p in parts if key in p] == ids
    # The last step was asked where the stream was, and only the older ones are lost.
    assert cloudflare.asked == ["vertex_ai", "vertex_ai", "gemini_api", "gemini_api"]
    assert cloudflare.signatures == [DUMMY, DUMMY, signature_of("gemini_api", 3)]


def test_a_turn_that_is_over_takes_no_dummy() -> None:
    cloudflare = TwoBackends(steps=1)
    history = loop(cloudflare, ["invoke", "invoke"])
    model = cloudflare.model()
    list(model.stream([*history, HumanMessage("again")]))
    assert cloudflare.refused == 0
    assert cloudflare.signatures == []
    assert cloudflare.asked[-1] == "gemini_api"


def test_a_thread_stays_where_it_was_streamed() -> None:
    cloudflare = TwoBackends(steps=0)
    history = loop(cloudflare, ["stream"])
    WAYS["invoke"](cloudflare.model(), [*history, HumanMessage("again")])
    assert cloudflare.asked == ["gemini_api", "gemini_api"]
    assert cloudflare.signatures == [signature_of("gemini_api", 1)]


def test_an_endpoint_that_was_named_is_kept() -> None:
    cloudflare = TwoBackends(steps=2)
    model = cloudflare.model()
    first = WAYS["stream"](model, "go")
    history = [HumanMessage("go"), first, *results_of(first)]
    WAYS["invoke"](model.bind(endpoint="run"), history)
    assert cloudflare.asked == ["gemini_api", "vertex_ai"]
    assert cloudflare.refused == 0
    assert cloudflare.signatures == [DUMMY]


# ---- histories that went through something else


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


ROUND_TRIPS: dict[str, Any] = {
    "JSON": lambda history: messages_from_dict(as_json(
        [message_to_dict(m) for m in history])),
    "langchain load": lambda history: load(as_json(dumpd(history)),
                                           allowed_objects="messages"),
    "pickle": lambda history: pickle.loads(pickle.dumps(history)),
    "copies": lambda history: [m.model_copy(deep=True) for m in history],
    "pydantic": lambda history: [
        type(m).model_validate(json.loads(m.model_dump_json())) for m in history],
}  # fmt: skip
MIXED = ["invoke", "astream", "ainvoke", "stream"]


@pytest.mark.parametrize("kept", ROUND_TRIPS.values(), ids=ROUND_TRIPS.keys())
@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
def test_a_checkpoint_knows_its_backend(kept: Any, output_version: str) -> None:
    cloudflare = TwoBackends(steps=3, parallel=2)
    loop(cloudflare, MIXED, kept=kept, output_version=output_version)
    assert cloudflare.refused == 0


def without_backend(history: list[BaseMessage]) -> list[BaseMessage]:
    """A history as it was before messages knew their backend."""
    kept = [message.model_copy(deep=True) for message in history]
    for message in kept:
        message.response_metadata.pop("backend", None)
    return kept


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("before", ["invoke", "stream"])
def test_an_older_history_is_asked_again_with_dummies(
    way: str, before: str, caplog: Any
) -> None:
    cloudflare = TwoBackends(steps=3, parallel=2)
    model = cloudflare.model()
    history: list[BaseMessage] = [HumanMessage("go")]
    for _ in range(2):
        message = WAYS[before](model, list(history))
        history = without_backend([*history, message, *results_of(message)])
    asked = cloudflare.asked[-1]
    with caplog.at_level(logging.WARNING, "langchain_cf_gemini"):
        message = WAYS[way](model, list(history))
    told = message.response_metadata.get("replaced_signatures")
    if cloudflare.asked[-1] == asked:  # it fits where it goes
        assert (cloudflare.refused, told) == (0, None)
    else:
        assert cloudflare.refused == 1
        assert told == {"count": 2, "reason": "refused"}
        assert "rejected a thought signature" in caplog.text
        assert cloudflare.signatures == [DUMMY, DUMMY]


def foreign(backend: str, provider: str = "google_genai") -> list[BaseMessage]:
    """What other packages keep: signatures by call, and no backend."""
    calls: Any = [{"name": "look", "args": {}, "id": "c1", "type": "tool_call"}]
    key = "__gemini_function_call_thought_signatures__"
    turn = AIMessage(
        "",
        tool_calls=calls,
        additional_kwargs={key: {"c1": signature_of(backend, 1)}},
        response_metadata={"model_provider": provider},
    )
    return [HumanMessage("go"), turn, ToolMessage("seen", tool_call_id="c1")]


@pytest.mark.parametrize(
    ("backend", "provider"),
    [
        ("gemini_api", "google_genai"),
        ("vertex_ai", "google_genai"),
        ("vertex_ai", "google_vertexai"),  # which is known by its name
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_histories_of_other_packages_fit_or_are_asked_again(
    backend: str, provider: str, way: str
) -> None:
    cloudflare = TwoBackends(steps=1)
    message = WAYS[way](cloudflare.model(), foreign(backend, provider))
    assert message.text == "Done"
    fits = cloudflare.asked[-1] == backend
    is_known = provider == "google_vertexai"
    assert cloudflare.refused == (0 if fits or is_known else 1)
    assert ("replaced_signatures" in message.response_metadata) is not fits
    assert cloudflare.signatures == [signature_of(backend, 1) if fits else DUMMY]


@pytest.mark.parametrize("ways", list(product(("invoke", "stream"), repeat=2)))
@pytest.mark.parametrize("end", ["run", "gateway"])
def test_turns_that_were_merged_go_back(ways: tuple[str, str], end: str) -> None:
    """Merged turns say of themselves what the first said; the net is below."""
    cloudflare = TwoBackends(steps=0)
    model = cloudflare.model()
    turns = [WAYS[way](model, "go") for way in ways]
    merged = merge_message_runs([HumanMessage("go"), *turns, HumanMessage("on")])
    assert WAYS["invoke"](model.bind(endpoint=end), merged).text == "Done"
    assert cloudflare.refused <= (ways[0] != ways[1])


def test_the_net_is_spread_once() -> None:
    error = {"code": 400, "message": "Invalid thought signature.", "status": "X"}

    cloudflare = Cloudflare(httpx.Response(400, json={"error": error}))
    with pytest.raises(CloudflareInvalidRequestError, match="thought signature"):
        cloudflare.model().invoke(foreign("vertex_ai"))
    assert len(cloudflare.requests) == 2
    with pytest.raises(CloudflareInvalidRequestError, match="thought signature"):
        cloudflare.model().invoke("nothing is signed here")
    assert len(cloudflare.requests) == 3


def test_what_a_model_misses_unexpectedly_is_given() -> None:
    """A retired model's name is answered by a newer one, which wants signatures."""
    cloudflare = TwoBackends(steps=1)
    history = foreign("vertex_ai")
    history[1].additional_kwargs.clear()
    message = cloudflare.model(model="gemini-2.5-pro").invoke(history)
    assert message.text == "Done"
    assert cloudflare.refused == 1
    assert cloudflare.signatures == [DUMMY]


# ---- other marks of one backend

TOOL_CALL: Json = {"toolCall": {"id": "t"}, "thoughtSignature": "c2ln"}
TOOL_RESULT: Json = {"toolResponse": {"id": "t", "response": {}}}


@pytest.mark.parametrize("made", ["run", "gateway"])
@pytest.mark.parametrize("sent", ["run", "gateway"])
def test_what_a_backend_did_itself_stays_there(made: str, sent: str) -> None:
    """Google documents it of the Gemini API alone."""
    did = [TOOL_CALL, TOOL_RESULT]
    said = Cloudflare(answer(*did, text("Found.")))
    message = said.model(endpoint=made).invoke("go")
    cloudflare = Cloudflare()
    history = [HumanMessage("go"), message, HumanMessage("on")]
    cloudflare.model(endpoint=sent).invoke(history)
    parts = cloudflare.contents[1]["parts"]
    assert parts == [*(did if made == sent else []), text("Found.")]


NAMES: list[tuple[Json, Any, str]] = [
    ({"cached_content": "cachedContents/a1"}, "hi", "gateway"),
    ({"cached_content": "projects/p/locations/l/cachedContents/1"}, "hi", "run"),
    ({}, "https://generativelanguage.googleapis.com/v1beta/files/f1", "gateway"),
    ({}, "gs://bucket/film.mp4", "run"),
]


@pytest.mark.parametrize(("settings", "address", "endpoint"), NAMES)
@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_who_keeps_what_is_named_is_asked(
    settings: Json, address: str, endpoint: str, way: str
) -> None:
    film = {"type": "video", "url": address, "mime_type": "video/mp4"}
    content: Any = [film] if ":" in address else address
    asked = [HumanMessage(content)]
    cloudflare = Cloudflare(answer(text("ok")))
    WAYS[way](cloudflare.model(media_urls="pass", **settings), asked)
    on_gateway = cloudflare.requests[0].url.host.startswith("gateway.")
    assert on_gateway is (endpoint == "gateway")
    other = "run" if endpoint == "gateway" else "gateway"
    model = cloudflare.model(media_urls="pass", endpoint=other, **settings)
    with pytest.raises(UnsupportedContentError, match=f"use endpoint='{endpoint}'"):
        WAYS[way](model, asked)


@pytest.mark.parametrize("model", ["2.0-flash", "2.5-flash", "2.5-pro", "1.5-pro"])
def test_ids_stay_away_from_older_models(model: str) -> None:
    cloudflare = Cloudflare()
    cloudflare.model(model=f"gemini-{model}").invoke(foreign("vertex_ai"))
    _, turn, result = cloudflare.contents
    assert "id" not in turn["parts"][0]["functionCall"]
    assert "id" not in result["parts"][0]["functionResponse"]


def test_marks_of_processed_media_stay_away() -> None:
    mark = {"thoughtSignature": signature_of("gemini_api", 1)}
    cat = text("A cat.", signature_of("gemini_api", 2))
    said = Cloudflare([answer(mark, TOOL_CALL, cat)])
    streamed = WAYS["stream"](said.model(), "go")
    film = {"fileData": {"fileUri": "https://x/a.mp4", "mimeType": "video/mp4"}}
    agent = {"mediaProcessing": {"mode": "AGENT"}}
    for processing, count in (({}, 3), (agent, 2)):
        block: Any = {"type": "non_standard", "value": {**film, **processing}}
        cloudflare = Cloudflare()
        history = [HumanMessage([block]), streamed, HumanMessage("on")]
        cloudflare.model(endpoint="gateway").invoke(history)
        assert len(cloudflare.contents[1]["parts"]) == count


# Written by version 0.1 of this package, which noted no backend: text, two calls of
# which the first is signed, and their results.
OLD = json.loads(Path(__file__).with_name("histories_0_1.json").read_text("utf-8"))


# langchain-core calls `load` a beta once a process, whichever test is first.
@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("way", WAYS)
def test_histories_of_version_0_1_go_on(name: str, way: str) -> None:
    history = load(OLD[name], allowed_objects="messages")
    cloudflare = TwoBackends(steps=1)
    message = WAYS[way](cloudflare.model(), history)
    assert message.text == "Done"
    made_by = "vertex_ai" if name.startswith("invoke") else "gemini_api"
    fits = cloudflare.asked[-1] == made_by
    assert cloudflare.refused == (0 if fits else 1)
    turn = cloudflare.contents[1]["parts"]
    assert [part.get("text") for part in turn] == ["Let me look. ", None, None]
    signed = [part.get("thoughtSignature") for part in turn]
    assert signed == [None, signature_of(made_by, 1) if fits else DUMMY, None]

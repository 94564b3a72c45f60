"""Answers in several pages, and streams that break and go on from a checkpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from langchain_cf_gemini import (
    ChatCloudflareGemini,
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
    CloudflareServerError,
    cost,
)
from tests.support.models import (
    WAYS,
    Cloudflare,
    Json,
    answer,
    call,
    event,
    every_way,
    sse,
    text,
    thought,
)


def page(*parts: Json, token: str, used: int = 2, **notes: Any) -> Json:
    """A page that is not the last."""
    made = answer(*parts, finish="CONTINUATION", continuationToken=token, **notes)
    return {**made, "usageMetadata": usage(used)}


def usage(written: int, prompt: int = 7) -> Json:
    """What one page used."""
    return {
        "promptTokenCount": prompt,
        "candidatesTokenCount": written,
        "totalTokenCount": prompt + written,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
    }


def last(*parts: Json, used: int = 2, **notes: Any) -> Json:
    """The last page."""
    return {**answer(*parts, **notes), "usageMetadata": usage(used)}


def tokens(cloudflare: Cloudflare) -> list[str | None]:
    """What each request was asked with."""
    return [body.get("continuationToken") for body in cloudflare.bodies]


CALLS = [call("look", "c2ln", args={"n": 1}), call("look", args={"n": 2})]


@every_way
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_an_answer_is_followed_to_its_end(way: Any, output_version: str) -> None:
    cloudflare = Cloudflare(
        page(thought("Hm."), token="t1", used=100),
        page(text("The la"), token="t2", used=200),
        last(text("ws."), *CALLS, used=3),
    )
    model = cloudflare.model(output_version=output_version, max_tokens=999)
    message = way(model, "go")
    assert message.text == "The laws."
    assert [made["args"] for made in message.tool_calls] == [{"n": 1}, {"n": 2}]
    assert not message.invalid_tool_calls
    assert tokens(cloudflare) == [None, "t1", "t2"]
    # The same request, without what was said already, and the limit as it was.
    first, *others = cloudflare.bodies
    for body in others:
        del body["continuationToken"]
        assert body == first
    assert message.usage_metadata["output_tokens"] == 303
    assert message.usage_metadata["input_tokens"] == 21
    details = message.response_metadata["gemini_usage"]["prompt_tokens_details"]
    assert details == [{"modality": "TEXT", "token_count": 21}]
    assert message.response_metadata["finish_reason"] == "STOP"
    assert message.response_metadata["pages"] == 3
    assert "continuation_token" not in message.response_metadata


@every_way
@pytest.mark.parametrize("how", ["field", "call"])
def test_following_can_be_turned_off(way: Any, how: str) -> None:
    off: Json = {"automatic_continuation": False}
    cloudflare = Cloudflare(page(text("The la"), token="t1"))
    model = cloudflare.model(**(off if how == "field" else {}))
    message = way(model.bind(**off) if how == "call" else model, "go")
    assert message.text == "The la"
    assert len(cloudflare.requests) == 1
    assert message.response_metadata["finish_reason"] == "CONTINUATION"
    assert message.response_metadata["continuation_token"] == "t1"
    assert "pages" not in message.response_metadata


@every_way
def test_a_caller_may_go_on_by_hand(way: Any) -> None:
    """MAX_TOKENS may carry a token, too: with a higher limit the answer goes on."""
    cut = answer(text("The la"), finish="MAX_TOKENS", continuationToken="t1")
    cloudflare = Cloudflare(cut, last(text("ws.")))
    model = cloudflare.model(max_tokens=10)
    first = way(model, "go")
    assert first.response_metadata["finish_reason"] == "MAX_TOKENS"
    token = first.response_metadata["continuation_token"]
    second = way(model.bind(continuation_token=token, max_tokens=99), "go")
    assert (first.text, second.text) == ("The la", "ws.")
    assert tokens(cloudflare) == [None, "t1"]


@every_way
def test_a_token_that_a_caller_asked_with_is_not_asked_with_again(way: Any) -> None:
    cloudflare = Cloudflare(page(text("a"), token="t1"))
    message = way(cloudflare.model().bind(continuation_token="t1"), "go")
    assert tokens(cloudflare) == ["t1"]
    assert message.response_metadata["finish_reason"] == "CONTINUATION"


STOPS: dict[str, tuple[list[Json], int]] = {
    "no token": ([answer(text("a"), finish="CONTINUATION")], 1),
    "one token again": ([page(text("a"), token="t")], 2),
    "no reason": ([page(text("a"), token="t"), answer(text("b"), finish=None)], 2),
    "an old token": ([page(text("a"), token="t1"), page(text("b"), token="t1")], 2),
    "a safety stop": ([page(text("a"), token="t1"), answer(text("b"), finish="SAFETY")],
                      2),
}  # fmt: skip


@every_way
@pytest.mark.parametrize(("said", "count"), STOPS.values(), ids=STOPS.keys())
def test_following_ends_where_nothing_new_comes(
    way: Any, said: list[Json], count: int
) -> None:
    cloudflare = Cloudflare(*said)
    message = way(cloudflare.model(), "go")
    assert len(cloudflare.requests) == count
    reason = said[-1]["candidates"][0].get("finishReason")
    assert message.response_metadata.get("finish_reason") == reason
    assert message.text.startswith("a")


@every_way
def test_no_answer_has_pages_without_end(way: Any) -> None:
    def more(request: httpx.Request) -> httpx.Response:
        so_far = len(cloudflare.requests)
        return httpx.Response(200, json=page(text("a"), token=f"t{so_far}"))

    cloudflare = Cloudflare(more)
    message = way(cloudflare.model(), "go")
    assert tokens(cloudflare) == [None, *(f"t{page}" for page in range(1, 64))]
    assert message.text == "a" * 64
    assert message.response_metadata["continuation_token"] == "t64"


def fail(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route")


REFUSED = {"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT"}}
FAILING: list[tuple[Any, Any, str]] = [
    (httpx.Response(400, json=REFUSED), CloudflareInvalidRequestError, "No"),
    # A whole one's attempts are the transport's, as they are for any whole answer.
    (fail, CloudflareConnectionError, "no route"),
]


@every_way
@pytest.mark.parametrize(("said", "error", "why"), FAILING, ids=["refused", "lost"])
def test_a_page_that_fails_is_an_error(
    way: Any, said: Any, error: type[Exception], why: str
) -> None:
    cloudflare = Cloudflare(page(text("The la"), token="t1"), said)
    with pytest.raises(error, match=why):
        way(cloudflare.model(), "go")
    is_resumed = said is fail and way in (WAYS["stream"], WAYS["astream"])
    assert len(cloudflare.requests) == (5 if is_resumed else 2)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])  # a stream is one candidate
def test_candidates_are_one_page_each(way: str) -> None:
    """Several candidates have no pages: whose token would it be?"""
    one, two = page(text("a"), token="t1"), page(text("b"), token="t2")
    said = {**one, "candidates": [*one["candidates"], *two["candidates"]]}
    cloudflare = Cloudflare(said)
    assert WAYS[way](cloudflare.model(endpoint="run", n=2), "go").text == "a"
    assert len(cloudflare.requests) == 1


# ---- streams that break


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Bytes, and then a connection that is reset."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent

    def __iter__(self) -> Iterator[bytes]:
        yield self._sent
        raise httpx.ReadError("connection reset by peer")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def model_of(answering: Any, **settings: Any) -> ChatCloudflareGemini:
    """A model that streams, and whose connections may break."""
    transport = httpx.MockTransport(answering)
    return Cloudflare().model(
        endpoint="gateway",
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
        **settings,
    )


ERROR = b'data: {"error": {"code": 503, "message": "gone", "status": "X"}}\r\n\r\n'
ENDINGS: dict[str, Callable[[bytes], httpx.Response]] = {
    "reset": lambda sent: _events(Broken(sent)),
    "closed": lambda sent: _events(httpx.ByteStream(sent)),
    "in the middle of an event": lambda sent: _events(Broken(sent + b'data: {"cand')),
    "an error event": lambda sent: _events(httpx.ByteStream(sent + ERROR)),
}


def _events(stream: Any) -> httpx.Response:
    headers = {"content-type": "text/event-stream"}
    return httpx.Response(200, stream=stream, headers=headers)


class Script:
    """One answer as events with checkpoints; a token gives all that is behind it.

    What comes again is cut into other events, as no two streams are cut alike.

    Args:
        events: The events of the whole answer.
        cuts: After how many events each request breaks; the last is not cut.
        ending: How it breaks.
        size: Letters in an event of what comes again; 0 for as before.
    """

    def __init__(
        self, events: list[Json], cuts: list[int], ending: str, size: int = 0
    ) -> None:
        self.events, self.cuts, self.size = events, list(cuts), size
        self.ending = ENDINGS[ending]
        self.tokens: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        token = json.loads(request.content).get("continuationToken")
        self.tokens.append(token)
        rest = self.events[_behind(self.events, token) :]
        again = rest if token is None or not self.size else _recut(rest, self.size)
        if not self.cuts:
            return sse(*again)
        cut = self.cuts.pop(0)
        sent = sse(*again[:cut]).content
        return sse(*again) if cut >= len(again) else self.ending(sent)

    def model(self, **settings: Any) -> ChatCloudflareGemini:
        """A model that streams from here."""
        return model_of(self, **settings)


def _behind(events: list[Json], token: str | None) -> int:
    for at, each in enumerate(events, 1):
        if token and each["candidates"][0].get("continuationToken") == token:
            return at
    return 0


def _recut(events: list[Json], size: int) -> list[Json]:
    made: list[Json] = []
    for each in events:
        said = each["candidates"][0]
        parts = said["content"]["parts"]
        words = parts[0].get("text", "") if len(parts) == 1 else ""
        rest = {k: v for k, v in parts[0].items() if k != "text"} if parts else {}
        if len(words) <= size or "thoughtSignature" in rest:
            made.append(each)
            continue
        pieces = [words[at : at + size] for at in range(0, len(words), size)]
        made += [event({"text": piece, **rest}) for piece in pieces[:-1]]
        content = {**said["content"], "parts": [{"text": pieces[-1], **rest}]}
        made.append({**each, "candidates": [{**said, "content": content}]})
    return made


def stream_with(parts: list[Json], checkpoints: set[int]) -> list[Json]:
    """The events of an answer, with tokens after some of them."""
    made = []
    for at, part in enumerate(parts):
        token = {"continuationToken": f"t{at}"} if at in checkpoints else {}
        made.append(event(part, **token))
    return [*made, last(text("", "c2ln"))]


PARTS: list[Json] = [
    *map(thought, ("First I think. ", "Then I think more. ")),
    *map(text, ("The law", "s, ", "all thr", "ee of th", "em.")),
    *CALLS,
]


def asked(script: Script, **settings: Any) -> AIMessage:
    """What the chunks of a stream add up to."""
    return WAYS["stream"](script.model(**settings), "go")


def said_by(message: AIMessage) -> Any:
    """What an answer says, without how often it was asked for."""
    left_out = ("pages", "gateway", "gemini_usage")
    notes = {k: v for k, v in message.response_metadata.items() if k not in left_out}
    calls = [(c["name"], c["args"]) for c in message.tool_calls]
    blocks = [(b["type"], b.get("text"), b.get("reasoning")) for b in _blocks(message)]
    return message.text, calls, blocks, notes


def _blocks(message: AIMessage) -> list[Any]:
    return [b for b in message.content_blocks if b["type"] in ("text", "reasoning")]


UNBROKEN = Script(stream_with(PARTS, set()), [], "reset")
WHOLE = said_by(asked(UNBROKEN))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("cut", range(1, len(PARTS) + 1))
@pytest.mark.parametrize("size", [0, 1, 3])
def test_at_every_cut_nothing_is_lost_or_given_twice(
    cut: int, ending: str, size: int
) -> None:
    checkpoints = {0, 3, 6}
    script = Script(stream_with(PARTS, checkpoints), [cut], ending, size)
    message = asked(script)
    assert said_by(message) == WHOLE
    assert message.response_metadata["pages"] == 2
    behind = max(at for at in checkpoints if at < cut)
    assert script.tokens == [None, f"t{behind}"]


@given(
    words=st.lists(st.text(max_size=12), min_size=1, max_size=8),
    thinking=st.integers(0, 3),
    checkpoints=st.sets(st.integers(0, 10)),
    cuts=st.lists(st.integers(1, 12), max_size=3),
    size=st.integers(0, 5),
    ending=st.sampled_from(sorted(ENDINGS)),
    asked=st.sampled_from(["stream", "astream"]),
)
def test_a_stream_that_breaks_says_what_a_whole_one_says(
    words: list[str],
    thinking: int,
    checkpoints: set[int],
    cuts: list[int],
    size: int,
    ending: str,
    asked: str,
) -> None:
    parts = [
        thought(word) if at < thinking else text(word) for at, word in enumerate(words)
    ]
    events = stream_with(parts, {0} | checkpoints)
    whole = WAYS[asked](Script(events, [], ending).model(), "go")
    broken = WAYS[asked](Script(events, cuts, ending, size).model(), "go")
    assert broken.text == whole.text
    assert said_by(broken)[2:] == said_by(whole)[2:]


@pytest.mark.parametrize("cut", range(2, 7))
@pytest.mark.parametrize("again", [True, False])
def test_a_signature_of_nothing_comes_again_or_does_not(cut: int, again: bool) -> None:
    """An empty text may carry a signature; what is cut anew may carry it elsewhere."""
    parts = [text("The "), text("", "c2ln"), text("laws"), text("", "c2ln")]
    script = Script(stream_with([thought("Hm."), *parts], {0}), [cut], "reset", 2)
    if not again:
        first = sse(*script.events[:cut]).content
        script.ending = lambda _: _events(Broken(first))
        script.events = [e for e in script.events if e != event(text("", "c2ln"))]
    message = asked(script)
    assert message.text == "The laws"


LOST = CloudflareConnectionError
# Checkpoints, cuts, how it breaks, settings; the error, and the tokens asked with.
BREAKS: dict[str, tuple[set[int], list[int], str, Json, Any, list[Any]]] = {
    "before any checkpoint": ({5}, [3], "reset", {}, LOST, [None]),
    "where following is off": ({0}, [3], "reset", {"automatic_continuation": False},
                               LOST, [None]),
    "thrice without a new checkpoint": ({0}, [2, 1, 1, 1, 1, 1], "reset", {}, LOST,
                                        [None, "t0", "t0", "t0", "t0"]),
    "an error event": (set(), [2], "an error event", {}, CloudflareServerError, [None]),
}  # fmt: skip


@pytest.mark.parametrize("case", BREAKS.values(), ids=BREAKS.keys())
def test_a_break_that_is_an_error(case: Any) -> None:
    checkpoints, cuts, ending, given_, error, asked_with = case
    script = Script(stream_with(PARTS, checkpoints), cuts, ending)
    with pytest.raises(error, match="gone" if "error" in ending else "reset"):
        asked(script, **given_)
    assert script.tokens == asked_with


@pytest.mark.parametrize("size", [0, 2])
@pytest.mark.parametrize(
    ("checkpoints", "cuts", "tokens_"),
    [
        (set(range(9)), [1] * 8, [None, *(f"t{at}" for at in range(8))]),  # progress
        # Within what comes again.
        ({0}, [6, 1], [None, "t0", "t0"]),
        ({0}, [6, 2], [None, "t0", "t0"]),
        ({0}, [6, 3], [None, "t0", "t0"]),
    ],
)
def test_several_breaks_lose_nothing(
    checkpoints: set[int], cuts: list[int], tokens_: list[str | None], size: int
) -> None:
    size = size if len(cuts) == 2 else 0
    script = Script(stream_with(PARTS, checkpoints), cuts, "closed", size)
    message = asked(script)
    assert said_by(message) == WHOLE
    assert message.response_metadata["pages"] == len(tokens_)
    assert script.tokens == tokens_


def test_what_came_otherwise_the_second_time_ends_the_answer() -> None:
    """Text that was given cannot be taken back, and two beginnings are no answer."""
    events = stream_with(PARTS, {2})
    script = Script(events, [5], "reset")
    model = script.model()
    given: list[str] = []
    with pytest.raises(CloudflareConnectionError) as caught:  # noqa: PT012
        for chunk in model.stream("go"):
            given.append(chunk.text)
            events[3:] = stream_with([text("other words")], set())
    assert "".join(given) == "The laws, all thr"
    assert "not what had been given" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_refusal_to_resume_is_the_answers_end(status: int) -> None:
    error = {"error": {"code": status, "message": "No.", "status": "X"}}
    broken = ENDINGS["reset"](sse(*stream_with(PARTS, {0})[:3]).content)
    said = [broken, httpx.Response(status, json=error)]
    model = model_of(lambda _: said.pop(0))
    with pytest.raises(CloudflareGeminiError, match=f"{status}"):
        list(model.stream("go"))
    assert said == []


def test_usage_of_all_pages_is_summed_once() -> None:
    events = stream_with(PARTS[2:6], {0, 2})
    half = {**events[1], "usageMetadata": usage(5)}
    script = Script([events[0], half, *events[2:]], [2], "reset")
    message = asked(script)
    assert message.usage_metadata is not None
    # The page that broke had counted 5 tokens and its prompt, the next 2 and its own.
    assert message.usage_metadata["output_tokens"] == 7
    assert message.usage_metadata["input_tokens"] == 14


@every_way
@pytest.mark.parametrize(
    ("statuses", "is_free"),
    [("HIT HIT", True), ("MISS HIT", False), ("HIT MISS", False)],
)
def test_an_answer_is_free_if_all_its_pages_are(
    way: Any, statuses: str, is_free: bool
) -> None:
    pages = page(text("The la"), token="t1"), last(text("ws."))
    cached = [
        httpx.Response(200, json=said, headers={"cf-aig-cache-status": status})
        for said, status in zip(pages, statuses.split(), strict=True)
    ]
    message = way(Cloudflare(*cached).model(), "go")
    assert message.text == "The laws."
    assert (cost(message) == 0) is is_free
    status = message.response_metadata["gateway"].get("cache_status")
    assert (status == "HIT") is is_free

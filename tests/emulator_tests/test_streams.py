"""Streams, framed as Vertex frames them."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_cf_gemini.emulator import block, call, code, finish, image, reply
from tests.support.emulated import chunks_from_response
from tests.support.judge import HI, Client, ask, chunks_from_sse, config, function


def parts_of(chunks: list[Any]) -> list[dict[str, Any]]:
    candidates = [chunk["candidates"][0] for chunk in chunks]
    contents = [candidate.get("content", {}) for candidate in candidates]
    return [part for content in contents for part in content.get("parts", [])]


def reasons_of(chunks: list[Any]) -> list[str | None]:
    return [chunk["candidates"][0].get("finishReason") for chunk in chunks]


WORDS = reply("One two  three")
CALLS = call("a", x=1) + call("b")
EACH = (code("1", "1") + reply("Done.")).streamed(finish_each_part=True)
THINKING = config(thinkingConfig={"includeThoughts": True})
FAILED = "MALFORMED_FUNCTION_CALL"
# What is said, how it is asked, the keys of each chunk's part, the reasons to finish.
CHUNKS: dict[str, tuple[Any, Any, list[str], list[str | None]]] = {
    "words": (WORDS, HI, ["text"] * 3 + ["text thoughtSignature"], [None] * 3),
    "calls": (CALLS, HI, ["functionCall thoughtSignature", "functionCall", "text"],
              [None] * 2),
    "parts that are whole": (
        code("1", "1") + image(b"x"), HI,
        ["executableCode", "codeExecutionResult", "inlineData thoughtSignature",
         "text"], [None] * 3),
    "thoughts before the answer": (
        reply("Yes.", thoughts="Let me think"), THINKING,
        ["text thought"] * 3 + ["text", "text thoughtSignature"], [None] * 4),
    "a reason after every part": (
        EACH, HI, ["executableCode", "codeExecutionResult", "text",
                   "text thoughtSignature"], ["STOP"] * 3),
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "body", "keys", "reasons"), CHUNKS.values(), ids=CHUNKS
)
def test_what_each_chunk_holds(
    client: Client, answer: Any, body: Any, keys: list[str], reasons: Any
) -> None:
    client.emulator.script(answer)
    chunks = client.chunks(body)
    assert [" ".join(sorted(part)) for part in parts_of(chunks)] == keys
    assert reasons_of(chunks) == [*reasons, "STOP"]
    for chunk in chunks[:-1]:
        assert chunk["usageMetadata"] == {"trafficType": "ON_DEMAND"}
    assert chunks[-1]["usageMetadata"]["totalTokenCount"] > 0
    assert len({chunk["responseId"] for chunk in chunks}) == 1


def test_words_and_calls(client: Client) -> None:
    client.emulator.script(WORDS, CALLS)
    texts = [part["text"] for part in parts_of(client.chunks())]
    assert texts == ["One ", "two  ", "three", ""]
    called = [part.get("functionCall") for part in parts_of(client.chunks())]
    assert called == [{"name": "a", "args": {"x": 1}}, {"name": "b", "args": {}}, None]


def test_an_answer_without_content_is_one_chunk(client: Client) -> None:
    client.emulator.script(finish(FAILED), block())
    assert reasons_of(client.chunks()) == [FAILED]
    blocked = [chunk["promptFeedback"] for chunk in client.chunks()]
    assert blocked == [{"blockReason": "SAFETY"}]


def test_frames_on_the_wire(client: Client) -> None:
    answer = client.gateway()
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content.endswith(b"\r\n\r\n")
    lines = answer.content.split(b"\r\n")
    assert all(line.startswith(b"data: {") for line in lines if line)
    assert b"[DONE]" not in answer.content


def test_chunks_arrive_one_by_one(client: Client) -> None:
    client.emulator.reply("word " * 50)
    with client.opened() as answer:
        assert len(list(answer.iter_raw())) > 10


def test_without_alt_sse_it_is_one_array(client: Client) -> None:
    client.emulator.reply("One two")
    answer = client.gateway(method="streamGenerateContent")
    assert answer.headers["content-type"].startswith("application/json")
    assert [part["text"] for part in parts_of(answer.json())] == ["One ", "two", ""]


STREAMED = ask(
    tools=[{"functionDeclarations": [function("f", city={"type": "STRING"})]}],
    toolConfig={"functionCallingConfig": {"streamFunctionCallArguments": True}},
)


def on_vertex(client: Client, body: Any, **options: str) -> httpx.Response:
    """The answer of the gateway's path to Vertex AI."""
    project = "google-vertex-ai/v1/projects/p/locations/us/publishers/google"
    url = client.gateway_url(**options).replace("google-ai-studio/v1beta", project)
    return client.http.post(url, json=body, headers=client.gateway_headers)


def test_partial_arguments_on_vertex(client: Client) -> None:
    client.emulator.call("f", city="San Juan")
    chunks = chunks_from_sse(on_vertex(client, STREAMED))
    assert rebuilt(chunks) == {"$.city": "San Juan"}
    assert "thoughtSignature" in parts_of(chunks)[0]


def test_a_model_that_vertex_does_not_have(client: Client) -> None:
    answer = on_vertex(client, HI, model="gemini-9", method="generateContent")
    name = "projects/p/locations/us/publishers/google/models/gemini-9"
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"Publisher Model `{name}` not found."


def test_partial_arguments_on_request(client: Client) -> None:
    client.emulator.script(call("f", city="San Juan").streamed(partial_args=True))
    assert rebuilt(client.chunks()) == {"$.city": "San Juan"}


def test_partial_arguments_are_for_streams_on_vertex(client: Client) -> None:
    whole = on_vertex(client, STREAMED, method="generateContent")
    answers = [whole, client.run(STREAMED), client.gateway(STREAMED)]
    assert [answer.status_code for answer in answers] == [400, 400, 400]


def rebuilt(chunks: list[Any]) -> Any:
    """The arguments of one streamed call, put together by JSON path."""
    args: dict[str, Any] = {}
    for part in parts_of(chunks):
        for piece in part.get("functionCall", {}).get("partialArgs", []):
            path = piece["jsonPath"]
            values = {k: v for k, v in piece.items() if k.endswith("Value")}
            assert len(values) == 1
            kind, value = next(iter(values.items()))
            args[path] = args.get(path, "") + value if kind == "stringValue" else value
    return args


def partial(args: Any, **beside: str) -> list[Any]:
    part = {"functionCall": {"name": "f", "args": args}, **beside}
    whole = {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}
    return list(chunks_from_response(whole, partial_args=True))


def test_partial_arguments() -> None:
    args = {"city": "San Juan", "days": [1, 2.5], "deep": {"ok": True, "none": None}}
    chunks = partial(args, thoughtSignature="c2ln")
    first, *middle, last = parts_of(chunks)
    assert all(part["functionCall"]["willContinue"] for part in middle)
    started = {"name": "f", "willContinue": True}
    assert first == {"functionCall": started, "thoughtSignature": "c2ln"}
    assert rebuilt(chunks) == {
        "$.city": "San Juan",
        "$.days[0]": 1,
        "$.days[1]": 2.5,
        "$.deep.ok": True,
        "$.deep.none": None,
    }
    assert last == {"functionCall": {}}
    assert reasons_of(chunks)[-1] == "STOP"
    bare = [{"functionCall": {"name": "f"}}, {"text": ""}]
    assert parts_of(partial({})) == bare


@given(st.text(min_size=1))
def test_no_text_is_lost_or_gained(text: str) -> None:
    whole = {"candidates": [{"content": {"parts": [{"text": text}]}}]}
    parts = parts_of(list(chunks_from_response(whole)))
    assert "".join(part["text"] for part in parts) == text


@pytest.mark.parametrize(
    "odd",
    [
        {"candidates": None},
        {"candidates": []},
        {"candidates": ["x"]},
        {"candidates": [{"content": {"parts": "x"}}]},
        {"promptFeedback": {"blockReason": "SAFETY"}},
    ],
)
def test_what_cannot_be_cut_goes_out_whole(odd: dict[str, Any]) -> None:
    assert json.loads(json.dumps(list(chunks_from_response(odd)))) in ([odd], [{**odd}])


def test_candidates_keep_their_index(client: Client) -> None:
    chunks = client.chunks(config(candidateCount=2), model="gemini-2.5-flash")
    assert {chunk["candidates"][0]["index"] for chunk in chunks[:-1]} == {0, 1}
    assert [candidate["index"] for candidate in chunks[-1]["candidates"]] == [0, 1]

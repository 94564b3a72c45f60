"""Streams, framed as Vertex frames them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_cf_gemini.emulator import call, code, finish, image, reply
from tests.support.emulated import chunks_from_response
from tests.support.judge import Client, chunks_from_sse, function, user

HI = {"contents": [user("Hi")]}


def parts_of(chunks: list[Any]) -> list[dict[str, Any]]:
    return [
        part
        for chunk in chunks
        for part in chunk["candidates"][0].get("content", {}).get("parts", [])
    ]


def test_words_then_an_empty_text_with_the_signature(client: Client) -> None:
    client.emulator.reply("One two  three")
    chunks = chunks_from_sse(client.gateway(HI))
    texts = [part["text"] for part in parts_of(chunks)]
    assert texts == ["One ", "two  ", "three", ""]
    assert "thoughtSignature" in parts_of(chunks)[-1]
    reasons = [c["candidates"][0].get("finishReason") for c in chunks]
    assert reasons == [None] * 3 + ["STOP"]


def test_counts_come_last(client: Client) -> None:
    chunks = chunks_from_sse(client.gateway(HI))
    for chunk in chunks[:-1]:
        assert chunk["usageMetadata"] == {"trafficType": "ON_DEMAND"}
    assert chunks[-1]["usageMetadata"]["totalTokenCount"] > 0
    assert len({chunk["responseId"] for chunk in chunks}) == 1


def test_frames_on_the_wire(client: Client) -> None:
    answer = client.gateway(HI)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content.endswith(b"\r\n\r\n")
    lines = answer.content.split(b"\r\n")
    assert all(line.startswith(b"data: {") for line in lines if line)
    assert b"[DONE]" not in answer.content


def test_chunks_arrive_one_by_one(client: Client) -> None:
    client.emulator.reply("word " * 50)
    with client.http.stream(
        "POST",
        client.gateway_url(method="streamGenerateContent?alt=sse"),
        json=HI,
        headers=client.gateway_headers,
    ) as answer:
        assert len(list(answer.iter_raw())) > 10


def test_without_alt_sse_it_is_one_array(client: Client) -> None:
    client.emulator.reply("One two")
    answer = client.gateway(HI, method="streamGenerateContent")
    assert answer.headers["content-type"].startswith("application/json")
    assert [part["text"] for part in parts_of(answer.json())] == ["One ", "two", ""]


def test_calls_are_chunks_of_their_own(client: Client) -> None:
    client.emulator.script(call("a", x=1) + call("b"))
    parts = parts_of(chunks_from_sse(client.gateway(HI)))
    assert parts[0]["functionCall"] == {"name": "a", "args": {"x": 1}}
    assert "thoughtSignature" in parts[0]
    assert parts[1:] == [{"functionCall": {"name": "b", "args": {}}}, {"text": ""}]


def test_other_parts_come_whole(client: Client) -> None:
    client.emulator.script(code("1", "1") + image(b"x"))
    kinds = [set(part) for part in parts_of(chunks_from_sse(client.gateway(HI)))]
    assert kinds == [
        {"executableCode"},
        {"codeExecutionResult"},
        {"inlineData", "thoughtSignature"},
        {"text"},
    ]


def test_thoughts_stream_before_the_answer(client: Client) -> None:
    client.emulator.reply("Yes.", thoughts="Let me think")
    config = {"thinkingConfig": {"includeThoughts": True}}
    chunks = chunks_from_sse(client.gateway({**HI, "generationConfig": config}))
    parts = parts_of(chunks)
    assert [part.get("thought", False) for part in parts] == [True] * 3 + [False] * 2
    assert not any("thoughtSignature" in part for part in parts[:-1])


def test_a_finish_reason_after_every_part(client: Client) -> None:
    answer = code("1", "1") + reply("Done.")
    client.emulator.script(answer.streamed(finish_each_part=True))
    chunks = chunks_from_sse(client.gateway(HI))
    reasons = [chunk["candidates"][0].get("finishReason") for chunk in chunks]
    assert reasons == ["STOP", "STOP", "STOP", "STOP"]


def test_an_answer_without_content_is_one_chunk(client: Client) -> None:
    client.emulator.script(finish("MALFORMED_FUNCTION_CALL"))
    chunks = chunks_from_sse(client.gateway(HI))
    assert len(chunks) == 1
    assert chunks[0]["candidates"][0]["finishReason"] == "MALFORMED_FUNCTION_CALL"


STREAMED = {
    **HI,
    "tools": [{"functionDeclarations": [function("f", city={"type": "STRING"})]}],
    "toolConfig": {"functionCallingConfig": {"streamFunctionCallArguments": True}},
}


def vertex_url(client: Client, method: str) -> str:
    studio = client.gateway_url(method=method)
    project = "google-vertex-ai/v1/projects/p/locations/us/publishers/google"
    return studio.replace("google-ai-studio/v1beta", project)


def test_partial_arguments_on_vertex(client: Client) -> None:
    client.emulator.call("f", city="San Juan")
    url = vertex_url(client, "streamGenerateContent?alt=sse")
    answer = client.http.post(url, json=STREAMED, headers=client.gateway_headers)
    chunks = chunks_from_sse(answer)
    assert rebuilt(chunks) == {"$.city": "San Juan"}
    assert "thoughtSignature" in parts_of(chunks)[0]


def test_a_model_that_vertex_does_not_have(client: Client) -> None:
    url = vertex_url(client, "generateContent").replace("gemini-3-flash", "gemini-9")
    answer = client.http.post(url, json=HI, headers=client.gateway_headers)
    name = "projects/p/locations/us/publishers/google/models/gemini-9-preview"
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"Publisher Model `{name}` not found."


def test_partial_arguments_on_request(client: Client) -> None:
    client.emulator.script(call("f", city="San Juan").streamed(partial_args=True))
    assert rebuilt(chunks_from_sse(client.gateway(HI))) == {"$.city": "San Juan"}


def test_partial_arguments_are_for_streams_on_vertex(client: Client) -> None:
    url = vertex_url(client, "generateContent")
    answers = [
        client.http.post(url, json=STREAMED, headers=client.gateway_headers),
        client.run(STREAMED),
        client.gateway(STREAMED),
    ]
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


def test_partial_arguments() -> None:
    args = {"city": "San Juan", "days": [1, 2.5], "deep": {"ok": True, "none": None}}
    part = {"functionCall": {"name": "f", "args": args}, "thoughtSignature": "c2ln"}
    whole = {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}
    chunks = list(chunks_from_response(whole, partial_args=True))
    first = parts_of(chunks)[0]
    assert first == {
        "functionCall": {"name": "f", "willContinue": True},
        "thoughtSignature": "c2ln",
    }
    assert rebuilt(chunks) == {
        "$.city": "San Juan",
        "$.days[0]": 1,
        "$.days[1]": 2.5,
        "$.deep.ok": True,
        "$.deep.none": None,
    }
    assert parts_of(chunks)[-1] == {"functionCall": {}}
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_partial_call_without_arguments() -> None:
    part = {"functionCall": {"name": "f", "args": {}}}
    whole = {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}
    parts = parts_of(list(chunks_from_response(whole, partial_args=True)))
    assert parts == [{"functionCall": {"name": "f"}}, {"text": ""}]


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
    body = {**HI, "generationConfig": {"candidateCount": 2}}
    chunks = chunks_from_sse(client.gateway(body, model="gemini-2.5-flash"))
    assert {chunk["candidates"][0]["index"] for chunk in chunks[:-1]} == {0, 1}
    assert [candidate["index"] for candidate in chunks[-1]["candidates"]] == [0, 1]

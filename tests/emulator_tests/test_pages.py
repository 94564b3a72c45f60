"""Long answers of the emulator: pages, checkpoints, and what a token is good for."""

from __future__ import annotations

from typing import Any

import pytest

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import call, reply, thought
from tests.support.judge import Client, chunks_from_sse, user

HI = {"contents": [user("Hi")]}
ARGON = "google/gemini-4-argon"


def parts_of(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of the only candidate."""
    parts: list[dict[str, Any]] = payload["candidates"][0]["content"].get("parts", [])
    return parts


def pages_of(client: Client, model: str) -> list[dict[str, Any]]:
    """All pages of an answer, each with the token of the one before."""
    pages: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while not pages or "continuationToken" in pages[-1]["candidates"][0]:
        answered = client.run({**HI, **token}, model=model).json()["result"]
        pages.append(answered)
        token = {
            key: value
            for key, value in answered["candidates"][0].items()
            if key == "continuationToken"
        }
    return pages


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_any_answer_comes_in_pages(client: Client, count: int) -> None:
    said = reply("One two three four five.") + call("look", n=1)
    client.emulator.script(said.unchecked().paged(count))
    pages = pages_of(client, ARGON)
    assert len(pages) == count
    reasons = [page["candidates"][0]["finishReason"] for page in pages]
    assert reasons == ["CONTINUATION"] * (count - 1) + ["STOP"]
    parts = [part for page in pages for part in parts_of(page)]
    assert "".join(p.get("text", "") for p in parts) == "One two three four five."
    assert [p["functionCall"]["name"] for p in parts if "functionCall" in p] == ["look"]
    assert all(page["usageMetadata"]["promptTokenCount"] for page in pages)


def test_a_token_is_for_one_request(client: Client) -> None:
    client.emulator.script(reply("One two three.").paged(2))
    first = client.run(HI, model=ARGON).json()["result"]
    token = {"continuationToken": first["candidates"][0]["continuationToken"]}
    others: list[tuple[dict[str, Any], str]] = [
        ({"contents": [user("Ho")]}, "google/gemini-4-argon"),
        ({**HI, "systemInstruction": {"parts": [{"text": "x"}]}}, ARGON),
        (HI, "google/gemini-4-neon"),
    ]
    for body, model in others:
        refused = client.run({**body, **token}, model=model)
        assert refused.status_code == 400
        assert "Invalid continuation token" in refused.text
    assert client.gateway({**HI, **token}, model="gemini-4-argon").status_code == 400
    unknown = {"continuationToken": "bm9uZQ=="}
    assert client.run({**HI, **unknown}, model=ARGON).status_code == 400
    # A higher limit is no other request.
    more = {**HI, **token, "generationConfig": {"maxOutputTokens": 9000}}
    assert client.run(more, model=ARGON).json()["result"]["candidates"][0][
        "finishReason"
    ]


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_stream_goes_on_from_any_checkpoint(client: Client, every: int) -> None:
    words = ["One ", "two ", "three ", "four ", "five."]
    client.emulator.script(reply("".join(words)).checkpointed(every))
    chunks = chunks_from_sse(client.gateway(HI, model="gemini-4-argon"))
    tokens = [chunk["candidates"][0].get("continuationToken") for chunk in chunks]
    assert [at for at, token in enumerate(tokens, 1) if token] == [
        at for at in range(every, len(chunks), every)
    ]
    for at, token in enumerate(tokens, 1):
        if token is None:
            continue
        body = {**HI, "continuationToken": token}
        rest = chunks_from_sse(client.gateway(body, model="gemini-4-argon"))
        said = "".join(p.get("text", "") for chunk in rest for p in parts_of(chunk))
        assert said == "".join(words[at:])


def model_of(client: Client, endpoint: Any) -> ChatCloudflareGemini:
    """This package's own model, asking the emulator."""
    return ChatCloudflareGemini(
        model="gemini-4-argon",
        endpoint=endpoint,
        include_thoughts=True,
        **client.emulator.client,
    )


SAID = thought("Well. ") + reply("One two three four five six.")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_the_client_follows_pages(client: Client, stream: bool, endpoint: Any) -> None:
    client.emulator.script(SAID.paged(3))
    model = model_of(client, endpoint)
    asked = model.stream("Hi") if stream else [model.invoke("Hi")]
    whole: Any = None
    for chunk in asked:
        whole = chunk if whole is None else whole + chunk
    assert whole.text == "One two three four five six."
    assert whole.response_metadata["pages"] == 3
    assert whole.usage_metadata["input_tokens"] >= 3


@pytest.mark.parametrize("after", range(1, 8))
def test_the_client_resumes_a_broken_stream(client: Client, after: int) -> None:
    client.emulator.script(SAID.checkpointed(2).cut(after=after))
    model = model_of(client, "gateway")
    if after < 2:
        with pytest.raises(Exception, match="closed before the response"):
            list(model.stream("Hi"))
        return
    said = "".join(chunk.text for chunk in model.stream("Hi"))
    assert said == "One two three four five six."

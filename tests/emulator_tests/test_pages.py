"""Long answers of the emulator: pages, checkpoints, and what a token is good for."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages.ai import add_ai_message_chunks

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import call, reply, thought
from tests.support.judge import HI, Client, ask

ARGON = "google/gemini-4-argon"
WORDS = ["One ", "two ", "three ", "four ", "five ", "six."]


def parts_of(payloads: list[Any]) -> list[dict[str, Any]]:
    """The parts of the only candidates, one after the other."""
    contents = [payload["candidates"][0]["content"] for payload in payloads]
    return [part for content in contents for part in content.get("parts", [])]


def text_of(payloads: list[Any]) -> str:
    return "".join(part.get("text", "") for part in parts_of(payloads))


def token_of(payload: Any) -> str | None:
    token: str | None = payload["candidates"][0].get("continuationToken")
    return token


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_any_answer_comes_in_pages(client: Client, count: int) -> None:
    said = reply("".join(WORDS)) + call("look", n=1)
    client.emulator.script(said.unchecked().paged(count))
    pages = [client.result(model=ARGON)]
    while token := token_of(pages[-1]):
        pages.append(client.result({**HI, "continuationToken": token}, model=ARGON))
    reasons = [page["candidates"][0]["finishReason"] for page in pages]
    assert reasons == ["CONTINUATION"] * (count - 1) + ["STOP"]
    assert text_of(pages) == "".join(WORDS)
    calls = [p["functionCall"] for p in parts_of(pages) if "functionCall" in p]
    assert [each["name"] for each in calls] == ["look"]
    assert all(page["usageMetadata"]["promptTokenCount"] for page in pages)


def test_a_token_is_for_one_request(client: Client) -> None:
    client.emulator.script(reply("One two three.").paged(2))
    token = {"continuationToken": token_of(client.result(model=ARGON))}
    others: list[tuple[dict[str, Any], str]] = [
        (ask("Ho", **token), ARGON),
        (ask(systemInstruction={"parts": [{"text": "x"}]}, **token), ARGON),
        (ask(**token), "google/gemini-4-neon"),
        (ask(continuationToken="bm9uZQ=="), ARGON),
    ]
    for body, model in others:
        refused = client.run(body, model=model)
        assert refused.status_code == 400
        assert "Invalid continuation token" in refused.text
    assert client.gateway(ask(**token), model="gemini-4-argon").status_code == 400
    # A higher limit is no other request.
    more = ask(**token, generationConfig={"maxOutputTokens": 9000})
    assert client.result(more, model=ARGON)["candidates"][0]["finishReason"]


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_stream_goes_on_from_any_checkpoint(client: Client, every: int) -> None:
    client.emulator.script(reply("".join(WORDS)).checkpointed(every))
    chunks = client.chunks(model="gemini-4-argon")
    tokens = {at: token_of(chunk) for at, chunk in enumerate(chunks, 1)}
    checkpoints = {at: token for at, token in tokens.items() if token}
    assert [*checkpoints] == [*range(every, len(chunks), every)]
    for at, token in checkpoints.items():
        rest = client.chunks(ask(continuationToken=token), model="gemini-4-argon")
        assert text_of(rest) == "".join(WORDS[at:])


def model_of(client: Client, endpoint: Any) -> ChatCloudflareGemini:
    """This package's own model, asking the emulator."""
    return ChatCloudflareGemini(
        model="gemini-4-argon",
        endpoint=endpoint,
        include_thoughts=True,
        **client.emulator.client,
    )


SAID = thought("Well. ") + reply("".join(WORDS))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_the_client_follows_pages(client: Client, stream: bool, endpoint: Any) -> None:
    client.emulator.script(SAID.paged(3))
    model = model_of(client, endpoint)
    whole: Any = (
        add_ai_message_chunks(*model.stream("Hi")) if stream else model.invoke("Hi")
    )
    assert whole.text == "".join(WORDS)
    assert whole.response_metadata["pages"] == 3
    assert whole.usage_metadata["input_tokens"] >= 3


@pytest.mark.parametrize("after", range(2, 8))
def test_the_client_resumes_a_broken_stream(client: Client, after: int) -> None:
    client.emulator.script(SAID.checkpointed(2).cut(after=after))
    said = [chunk.text for chunk in model_of(client, "gateway").stream("Hi")]
    assert "".join(said) == "".join(WORDS)


def test_a_stream_broken_before_its_first_checkpoint(client: Client) -> None:
    client.emulator.script(SAID.checkpointed(2).cut(after=1))
    with pytest.raises(Exception, match="closed before the response"):
        list(model_of(client, "gateway").stream("Hi"))

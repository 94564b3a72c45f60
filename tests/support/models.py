"""A Cloudflare without sockets: what it answers, and what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, cast

import httpx
import httpx2
import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    message_chunk_to_message,
)

from langchain_cf_gemini import ChatCloudflareGemini, ModelInfo

Json = dict[str, Any]

ACCOUNT = "0123456789abcdef"
TOKEN = "token-that-must-not-be-seen"
USAGE: Json = {"promptTokenCount": 7, "candidatesTokenCount": 2, "totalTokenCount": 9}

ENDS = ("run", "gateway")
endpoints = pytest.mark.parametrize("endpoint", ENDS)


def text(said: str, signature: str | None = None, **beside: Any) -> Json:
    """A text part."""
    signed = {"thoughtSignature": signature} if signature is not None else {}
    return {"text": said, **signed, **beside}


def thought(said: str) -> Json:
    """A part of a thought summary."""
    return {"text": said, "thought": True}


def inline(mime: str, data: str = "YQ==") -> Json:
    """A part that holds a file in base64."""
    return {"inlineData": {"mimeType": mime, "data": data}}


def stored(mime: str, uri: str) -> Json:
    """A part that names a file by its URI."""
    return {"fileData": {"mimeType": mime, "fileUri": uri}}


def code(written: str = "1", **wire: Any) -> Json:
    """A part of code that Google runs."""
    return {"executableCode": {"language": "PYTHON", "code": written, **wire}}


def printed(output: str = "1", outcome: str = "OUTCOME_OK", **wire: Any) -> Json:
    """A part of what code printed."""
    return {"codeExecutionResult": {"outcome": outcome, "output": output, **wire}}


def call(name: str, signature: str | None = None, **wire: Any) -> Json:
    """A function call part; `wire` is what stands in functionCall beside the name."""
    signed = {"thoughtSignature": signature} if signature is not None else {}
    return {"functionCall": {"name": name, **wire}, **signed}


def candidate(*parts: Json, finish: str | None = "STOP", **notes: Any) -> Json:
    """A candidate with these parts."""
    made: Json = {"content": {"role": "model", "parts": list(parts)}, **notes}
    return {**made, "finishReason": finish} if finish else made


def answer(*parts: Json, finish: str | None = "STOP", **notes: Any) -> Json:
    """A whole GenerateContentResponse."""
    return {
        "candidates": [candidate(*parts, finish=finish, **notes)],
        "usageMetadata": USAGE,
        "modelVersion": "gemini-3-flash-preview",
        "createTime": "2026-11-22T05:00:00.000000Z",
        "responseId": "answer-1",
    }


def event(*parts: Json, finish: str | None = None, **notes: Any) -> Json:
    """An event of a stream before the last: no counts yet, as on Vertex."""
    whole = answer(*parts, finish=finish, **notes)
    if finish is None:
        whole["usageMetadata"] = {"trafficType": "ON_DEMAND"}
    return whole


def sse(*payloads: Json) -> httpx.Response:
    """Payloads framed as Vertex frames them."""
    frames = "".join(f"data: {json.dumps(payload)}\r\n\r\n" for payload in payloads)
    headers = {"content-type": "text/event-stream", "cf-ray": "ray-1"}
    return httpx.Response(200, content=frames.encode(), headers=headers)


def models_listed(*rows: Any) -> list[ModelInfo]:
    """The models of an account whose catalogue has these rows."""
    return Cloudflare({"result": list(rows), "success": True}).model().list_models()


def packaged_models() -> dict[str, ModelInfo]:
    """The catalogue of the package, by id: what an account without one is told."""
    models = Cloudflare(refusal(404, 7000)).model().list_models()
    return {model.id: model for model in models}


def refusal(status: int, code: int, message: str = "refused") -> httpx.Response:
    """An error in Cloudflare's v4 envelope."""
    errors = [{"code": code, "message": message}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return httpx.Response(status, json=body)


class Cloudflare:
    """Answers one request after the other, the last answer again and again.

    Dicts are whole answers, lists the events of a stream; anything else goes out as
    it is.
    """

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers or [answer(text("ok"))])
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        said = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append(request)
        if callable(said):
            said = said(request)
        if isinstance(said, list):
            return sse(*said)
        if isinstance(said, dict):
            # In ASCII, so that half a character may come, too.
            head = {"content-type": "application/json"}
            return httpx.Response(200, content=json.dumps(said), headers=head)
        # A response is read once; the next request wants it whole again.
        return httpx.Response(
            said.status_code, content=said.content, headers=said.headers
        )

    @property
    def bodies(self) -> list[Json]:
        """What Google was asked, without Cloudflare's own wrapping."""
        sent = [json.loads(request.content) for request in self.requests]
        return [body.get("input", body) for body in sent]

    @property
    def contents(self) -> list[Json]:
        """The contents of the last request."""
        found: list[Json] = self.bodies[-1]["contents"]
        return found

    def model(self, **settings: Any) -> ChatCloudflareGemini:
        """A model that asks here."""
        transport = httpx.MockTransport(self)
        chosen: Json = {
            "model": "gemini-3-flash",
            "account_id": ACCOUNT,
            "api_token": TOKEN,
            "max_retries": 0,
            "http_client": httpx.Client(transport=transport),
            "http_async_client": httpx.AsyncClient(transport=transport),
        }
        return ChatCloudflareGemini(**{**chosen, **settings})


class Pieces(
    httpx.SyncByteStream,
    httpx.AsyncByteStream,
    httpx2.SyncByteStream,
    httpx2.AsyncByteStream,
):
    """A body in pieces, perhaps with a fault at its end; knows if it was closed."""

    def __init__(self, *pieces: bytes, fault: Exception | None = None) -> None:
        self._pieces = pieces
        self._fault = fault
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._fault:
            raise self._fault

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


def untouchable(request: httpx.Request) -> httpx.Response:
    """Fail the test: nothing was to be sent."""
    raise AssertionError(f"sent to {request.url}: {request.content!r}")


def silent(**settings: Any) -> ChatCloudflareGemini:
    """A model whose every request fails the test."""
    return Cloudflare(untouchable).model(**settings)


def contents_of(messages: Sequence[Any], **settings: Any) -> list[Json]:
    """The contents that a conversation becomes."""
    cloudflare = Cloudflare()
    cloudflare.model(**settings).invoke(list(messages))
    return cloudflare.contents


def body_of(messages: Any = "hi", /, **settings: Any) -> Json:
    """The body that a call sends, for settings of the instance."""
    cloudflare = Cloudflare()
    cloudflare.model(**settings).invoke(messages)
    return cloudflare.bodies[-1]


def body_of_call(messages: Any = "hi", /, **arguments: Any) -> Json:
    """The body that a call sends, for arguments of the call."""
    cloudflare = Cloudflare()
    cloudflare.model().invoke(messages, **arguments)
    return cloudflare.bodies[-1]


def read(whole: Any, /, **settings: Any) -> AIMessage:
    """The message that a whole answer becomes."""
    return Cloudflare(whole).model(**settings).invoke("hi")


def message_of(*parts: Json, model: Json | None = None, **notes: Any) -> AIMessage:
    """The message that a whole answer of these parts becomes."""
    return read(answer(*parts, **notes), **(model or {}))


def readings(
    *parts: Json, model: Json | None = None, **notes: Any
) -> tuple[AIMessage, AIMessage]:
    """What parts become as a whole answer, and as a stream of an event for each."""
    events = [*map(event, parts[:-1]), answer(*parts[-1:], **notes)]
    whole = message_of(*parts, model=model, **notes)
    return whole, streamed(*events, **(model or {}))


def folded(chunks: Sequence[AIMessageChunk]) -> AIMessageChunk:
    """Chunks added up one by one, as most programs do."""
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole


def chunks_of(*events: Json, **settings: Any) -> list[AIMessageChunk]:
    """The chunks of a stream."""
    model = Cloudflare(list(events)).model(**settings)
    return list(model.stream("hi"))


def streamed(*events: Json, **settings: Any) -> AIMessage:
    """The message that a stream adds up to."""
    message = message_chunk_to_message(folded(chunks_of(*events, **settings)))
    assert isinstance(message, AIMessage)
    return message


def back(message: BaseMessage, *, is_over: bool = False, **settings: Any) -> list[Json]:
    """The parts of the model's turn when the message is sent back.

    With `is_over` the user has spoken since, and no signatures are wanted.
    """
    history: list[BaseMessage] = [*history_of(message)]
    history += [HumanMessage("and now?")] if is_over else []
    turns = [c for c in contents_of(history, **settings) if c["role"] == "model"]
    return [part for turn in turns for part in turn["parts"]]


def tool_call(id_: str | None = "a", name: str = "look", /, **args: Any) -> Any:
    """A call as it stands in a message's `tool_calls`."""
    return {"name": name, "args": args, "id": id_, "type": "tool_call"}


def calling(*calls: Any, content: Any = "", **fields: Any) -> AIMessage:
    """A turn of the model with these calls."""
    return AIMessage(content, tool_calls=list(calls), **fields)


def result(content: Any = "done", id_: str = "a", **fields: Any) -> ToolMessage:
    """What a tool returned for a call."""
    return ToolMessage(content, tool_call_id=id_, **fields)


def history_of(message: BaseMessage) -> list[BaseMessage]:
    """A conversation that goes on after a message."""
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    after: list[BaseMessage] = [
        ToolMessage("done", tool_call_id=str(call["id"])) for call in calls
    ]
    return [HumanMessage("hi"), message, *(after or [HumanMessage("go on")])]


Way = Callable[[Any, Any], AIMessage]


def _invoke(model: Any, asked: Any) -> AIMessage:
    return cast("AIMessage", model.invoke(asked))


def _ainvoke(model: Any, asked: Any) -> AIMessage:
    return cast("AIMessage", asyncio.run(model.ainvoke(asked)))


def _stream(model: Any, asked: Any) -> AIMessage:
    return folded(list(model.stream(asked)))


def _astream(model: Any, asked: Any) -> AIMessage:
    async def ask() -> AIMessage:
        return folded([chunk async for chunk in model.astream(asked)])

    return asyncio.run(ask())


WAYS: dict[str, Way] = {
    "invoke": _invoke,
    "ainvoke": _ainvoke,
    "stream": _stream,
    "astream": _astream,
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())

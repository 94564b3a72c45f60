"""A Worker that streams an agent's answer: Gemini through the binding `env.AI`.

    curl 'http://localhost:8787/?ask=How+warm+is+it+in+Lima'

The agent is a loop, since LangGraph needs ormsgpack, which Pyodide does not have.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import js
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.tools import tool
from pyodide.ffi import create_proxy, to_js
from workers import Response, WorkerEntrypoint

from langchain_cf_gemini import ChatCloudflareGemini, CloudflareGeminiError

MOST_TURNS = 5


@tool
def temperature(city: str) -> str:
    """Tell the temperature in a city."""
    return f"18 °C in {city}"


TOOLS = {each.name: each for each in (temperature,)}


async def answer(binding: Any, question: str) -> AsyncGenerator[str]:
    """Give an agent's answer, text by text; an error is its last."""
    model = ChatCloudflareGemini(model="gemini-3-flash", binding=binding, timeout=60)
    asked = model.bind_tools(list(TOOLS.values()))
    messages: list[BaseMessage] = [HumanMessage(question)]
    try:
        for _ in range(MOST_TURNS):
            turn: AIMessageChunk | None = None
            async for chunk in asked.astream(messages):
                turn = chunk if turn is None else turn + chunk
                if chunk.text:
                    yield chunk.text
            if turn is None or not turn.tool_calls:
                return
            messages.append(turn)
            for call in turn.tool_calls:
                messages.append(await TOOLS[call["name"]].ainvoke(call))
    except CloudflareGeminiError as error:
        yield f"\n[{type(error).__name__}]"


def stream_of(texts: AsyncGenerator[str]) -> Any:
    """Return a ReadableStream of texts, which end when its reader leaves."""
    coming: asyncio.Future[str | None] | None = None
    loop = asyncio.get_running_loop()

    async def pull(controller: Any) -> None:
        nonlocal coming
        coming = asyncio.ensure_future(anext(texts, None))
        if (text := await coming) is None:
            controller.close()
            loop.call_soon(end)
        else:
            controller.enqueue(to_js(text.encode()))

    async def cancel(_reason: Any = None) -> None:
        if coming is not None:
            coming.cancel()
            await asyncio.wait([coming])
        await texts.aclose()
        loop.call_soon(end)

    def end() -> None:
        for proxy in source.values():
            proxy.destroy()

    source = {"pull": create_proxy(pull), "cancel": create_proxy(cancel)}
    return js.ReadableStream.new(to_js(source, dict_converter=js.Object.fromEntries))


class Default(WorkerEntrypoint):
    """The Worker."""

    async def fetch(self, request: Any) -> Any:
        """Answer `?ask=...` as a stream of text."""
        asked = parse_qs(urlsplit(request.url).query).get("ask")
        if not asked:
            return Response("Ask something: /?ask=...", status=400)
        stream = stream_of(answer(self.env.AI, asked[0]))
        return Response(stream, headers={"content-type": "text/plain; charset=utf-8"})

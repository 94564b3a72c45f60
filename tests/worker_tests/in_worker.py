"""What is tried on Pyodide; run.mjs runs it, and test_pyodide.py looks at what came.

Each `test_` gets a fresh emulator. Nothing here knows pytest, which is not there.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import js
from worker_side import emulator, env, left, megabytes

_BEGUN = time.perf_counter()
# All of LangChain that the package loads; what that draws, Cloudflare lets pass.
import langsmith.run_trees  # noqa: E402, F401

_LANGCHAIN_LOADED, _DRAWN = time.perf_counter(), left.drawn()

from langchain_cf_gemini import (  # noqa: E402
    ChatCloudflareGemini,
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareNotFoundError,
    CloudflareRateLimitError,
    CloudflareTimeoutError,
    UnsupportedContentError,
    get_cost_callback,
)

_LOADED = time.perf_counter()
ChatCloudflareGemini(model="gemini-3-flash", binding=env.AI)
FACTS = {
    "langchain_ms": round((_LANGCHAIN_LOADED - _BEGUN) * 1000),
    "package_ms": round((_LOADED - _LANGCHAIN_LOADED) * 1000),
    "draws_before": _DRAWN,
    "package_draws": left.drawn() - _DRAWN,
    "imported_mb": megabytes(),
    "httpx2": sorted({"httpx2", "httpcore2"} & sys.modules.keys()),
}

ENDS = ("run", "gateway")
Json = dict[str, Any]


def model_of(binding: Any = None, **settings: Any) -> ChatCloudflareGemini:
    chosen = {"model": "gemini-3-flash", "binding": binding or env.AI}
    return ChatCloudflareGemini(**{**chosen, "max_retries": 0, **settings})


async def control(action: str, body: Any = None) -> Any:
    """Ask the emulator to do something."""
    asked: Json = {"method": "POST", "body": json.dumps(body)}
    if action == "exchanges":
        asked = {"method": "GET"}
    root = emulator.baseUrl.removesuffix("/client/v4")
    answer = await js.fetch(f"{root}/_emulator/{action}", to_plain(asked))
    return json.loads(await answer.text())


def to_plain(value: Any) -> Any:
    return js.JSON.parse(json.dumps(value))


async def script(*answers: Json) -> None:
    told = await control("script", {"answers": list(answers)})
    assert told == {"added": len(answers)}, told


async def streamed(model: Any, asked: Any = "hi", **arguments: Any) -> Any:
    whole: Any = None
    async for chunk in model.astream(asked, **arguments):
        whole = chunk if whole is None else whole + chunk
    return whole


@contextmanager
def raises(kind: type[Exception], *words: str) -> Iterator[list[Any]]:
    """Expect an error that says something; it is in what comes."""
    caught: list[Any] = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
    assert caught, f"{kind.__name__} was not raised"
    missing = [word for word in words if word not in str(caught[0])]
    assert not missing, (missing, str(caught[0]))


# ---- answers


async def test_whole_answers() -> None:
    for endpoint in ENDS:
        await script({"answer": "Grüße aus Lima, 18 °C"})
        message = await model_of(endpoint=endpoint).ainvoke("Wie warm? 🌡")
        assert message.text == "Grüße aus Lima, 18 °C"
        assert message.usage_metadata is not None
        facts = message.response_metadata["gateway"]
        assert (facts["endpoint"], facts["id"]) == (endpoint, "default")
    sent = (await control("exchanges"))["exchanges"]
    assert "Wie warm? 🌡" in json.dumps(sent, ensure_ascii=False)


async def test_auto_invokes_on_run_and_streams_on_the_gateway() -> None:
    left.calls()
    await model_of().ainvoke("hi")
    await streamed(model_of())
    assert list(left.calls()) == ["run", "gateway.run"]


async def test_streams_come_piece_by_piece() -> None:
    await script({"answer": "one two three four"})
    chunks = [chunk async for chunk in model_of().astream("hi")]
    texts = [chunk.text for chunk in chunks if chunk.text]
    assert len(texts) > 2, texts
    assert "".join(texts) == "one two three four"


async def test_each_answer_has_its_own_log_id() -> None:
    messages = await model_of().abatch([f"Number {n}?" for n in range(12)])
    ids = {m.response_metadata["gateway"]["log_id"] for m in messages}
    assert len(ids) == 12


async def test_tools_and_structured_output() -> None:
    schema = {
        "title": "City",
        "description": "A city.",
        "type": "object",
        "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
        "required": ["name", "people"],
    }
    for endpoint in ENDS:
        model = model_of(endpoint=endpoint)
        called = await streamed(model.bind_tools([schema], tool_choice="any"))
        assert called.tool_calls[0]["name"] == "City", called
        for method in ("json_schema", "function_calling"):
            city = await model.with_structured_output(schema, method=method).ainvoke(
                "Lima?"
            )
            assert set(city) == {"name", "people"}, city


async def test_options_arrive() -> None:
    options = {
        "cache_ttl": 60,
        "metadata": {"team": "Zürich 🏔", "n": 3},
        "max_attempts": 2,
        "custom_cost": {"total_cost": 0.25},
    }
    for endpoint in ENDS:
        await control("clear")
        await model_of(endpoint=endpoint).ainvoke("hi", gateway=options)
        (exchange,) = (await control("exchanges"))["exchanges"]
        sent = exchange["headers"]
        assert json.loads(sent["cf-aig-metadata"]) == options["metadata"], sent
        assert sent["cf-aig-cache-ttl"] == "60"
        assert sent["cf-aig-max-attempts"] == "2"
        assert json.loads(sent["cf-aig-custom-cost"]) == {"total_cost": 0.25}


async def test_cost_feedback_and_logs() -> None:
    with get_cost_callback() as costs:
        message = await model_of().ainvoke("hi")
    assert costs.total_cost > 0
    await model_of().asend_feedback(message, score=80, metadata={"by": "me"})
    entry = await model_of().aread_log(message)
    assert entry["score"] == 80, entry
    assert entry["created_at"].endswith("Z"), entry
    with raises(CloudflareNotFoundError, "not found"):
        await model_of().aread_log("no-such-log")


async def test_what_the_sdk_wraps_is_taken_too() -> None:
    from workers.rpc import _EnvWrapper

    wrapped = _EnvWrapper(env).AI
    assert type(wrapped).__module__ == "workers.rpc"
    for endpoint in ENDS:
        await script({"answer": "one two"}, {"answer": "one two"})
        model = model_of(wrapped, endpoint=endpoint)
        assert (await model.ainvoke("hi")).text == "one two"
        message = await streamed(model)
        assert message.text == "one two"
        assert (await model.aread_log(message))["success"] is True
    with raises(CloudflareNotFoundError):
        await model.aread_log("no-such-log")


async def test_a_binding_of_python_is_taken_too() -> None:
    class Ai:
        async def run(self, model: str, inputs: Json, options: Json) -> Any:
            """Say what was asked, as a dict."""
            asked = inputs["contents"][0]["parts"][0]["text"]
            parts = [{"text": f"{model}: {asked}"}]
            answer = {"content": {"role": "model", "parts": parts}}
            return {"candidates": [{**answer, "finishReason": "STOP"}]}

        def gateway(self, gateway_id: str) -> Any:
            """Have none."""

    message = await model_of(Ai(), endpoint="run").ainvoke("hi")
    assert message.text == "google/gemini-3-flash: hi"


# ---- errors


async def test_errors_are_typed() -> None:
    for endpoint in ENDS:
        await script({"answer": {"fault": "status code=429 retry_after=61"}})
        with raises(CloudflareRateLimitError) as caught:
            await model_of(endpoint=endpoint).ainvoke("hi")
        assert (caught[0].status_code, caught[0].retry_after) == (429, 61)


async def test_failed_attempts_are_repeated() -> None:
    fault = {"fault": "status code=503"}
    await script({"answer": fault}, {"answer": fault}, {"answer": "at last"})
    begun = time.monotonic()
    message = await model_of(max_retries=2).ainvoke("hi")
    assert message.text == "at last"
    assert time.monotonic() - begun > 0.8


async def test_what_another_call_swaps_is_read() -> None:
    """The answer without its head, its stream, or its error."""
    model = model_of(env.SWAPPED, endpoint="run")
    await script({"answer": "whole"}, {"answer": {"fault": "status code=429"}})
    assert (await model.ainvoke("hi")).text == "whole"
    with raises(CloudflareGeminiError):
        await model.ainvoke("hi")
    model = model_of(env.HEADLESS, endpoint="run")
    await script({"answer": "whole"}, {"answer": {"fault": "status code=429"}})
    assert (await model.ainvoke("hi")).text == "whole"
    with raises(CloudflareGeminiError):
        await model.ainvoke("hi")


async def test_calls_of_others_at_the_same_time() -> None:
    options = to_plain({"gateway": {"id": "default"}})
    inputs = {"contents": [{"role": "user", "parts": [{"text": "of others"}]}]}

    async def other() -> bool:
        answer = await env.AI.run("google/gemini-3-flash", to_plain(inputs), options)
        if hasattr(answer, "arrayBuffer"):  # as one of ours wants it
            await answer.arrayBuffer()
        elif hasattr(answer, "getReader"):
            await answer.cancel()
        return answer is not None

    async def ours() -> bool:
        return bool((await model_of(endpoint="run").ainvoke("ours")).text)

    asked = [ours() if n % 2 else other() for n in range(20)]
    assert all(await asyncio.gather(*asked))


async def test_numbers_that_would_be_rounded_are_refused() -> None:
    schema = {
        "title": "Thing",
        "type": "object",
        "properties": {"id": {"type": "integer", "maximum": 2**53 + 1}},
    }
    left.calls()
    for endpoint in ENDS:
        asked = model_of(endpoint=endpoint, response_schema=schema)
        with raises(UnsupportedContentError, "9007199254740993", "Send it as text"):
            await asked.ainvoke("hi")
        await model_of(endpoint=endpoint).ainvoke("Is 9007199254740993 a prime?")
    assert len(left.calls()) == 2


async def test_a_long_image_goes_whole() -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    data = pixel + "A" * 400_000
    image = {"type": "image", "base64": data, "mime_type": "image/png"}
    for endpoint in ENDS:
        await control("clear")
        text = {"type": "text", "text": "1234567890123456789"}
        asked: Any = [("user", [image, text])]
        await model_of(endpoint=endpoint).ainvoke(asked)
        (exchange,) = (await control("exchanges"))["exchanges"]
        assert data in json.dumps(exchange["body"])


async def test_blocking_calls_say_what_to_do() -> None:
    model = model_of()
    blocking: dict[str, Callable[[], Any]] = {
        "invoke": lambda: model.invoke("hi"),
        "stream": lambda: list(model.stream("hi")),
        "batch": lambda: model.batch(["hi", "ho"]),
        "log": lambda: model.read_log("log-1"),
    }
    for ask in blocking.values():
        with raises(NotImplementedError, "ainvoke, astream or abatch"):
            ask()


async def test_connections_of_its_own_say_what_to_do() -> None:
    model = ChatCloudflareGemini(
        model="gemini-3-flash", account_id="account", api_token="token"
    )
    with raises(NotImplementedError, "binding=env.AI"):
        await model.ainvoke("hi")
    with raises(NotImplementedError, "binding=env.AI"):
        model.batch(["hi", "ho"])
    asked: Any = [("user", [{"type": "image", "url": "https://example.com/a.png"}])]
    with raises(NotImplementedError, "media_urls='pass'"):
        await model_of().ainvoke(asked)
    await model_of(media_urls="pass").ainvoke(asked)


# ---- the end of a call


async def test_deadlines_abort() -> None:
    for endpoint in ENDS:
        for late in ("late seconds=3", "stall seconds=3 after_frames=1"):
            await control("reset")
            await script({"answer": "one two three", "spoil": [late]})
            aborted = left.aborted()
            with raises(CloudflareTimeoutError, "env.ai"):
                await streamed(model_of(endpoint=endpoint, timeout=0.3))
            await settled()
            assert late.startswith("stall") or left.aborted() > aborted


async def test_a_connection_that_breaks() -> None:
    for endpoint in ENDS:
        await script({"answer": {"fault": "reset"}})
        with raises(CloudflareConnectionError, "binding"):
            await model_of(endpoint=endpoint).ainvoke("hi")


async def test_a_pause_that_is_cancelled_leaves_no_timer() -> None:
    await script({"answer": {"fault": "status code=503 retry_after=50"}})
    before = left.timers()
    task = asyncio.ensure_future(model_of(max_retries=1).ainvoke("hi"))
    while left.timers() == before or left.open():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await settled()
    assert left.timers() <= before


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0.02)
        gc.collect()
        if left.open() == 0:
            return


async def test_300_calls_leave_nothing() -> None:
    # What is known of the rate keeps a thousand calls in mind.
    model = model_of(adaptive_rate=False)
    answered, number = 0, 0

    async def one(number: int) -> None:
        nonlocal answered
        if number % 3 == 0:
            await model.ainvoke("hi")
        else:
            async for _ in model.astream("hi"):
                if number % 3 == 1:
                    break
        answered += 1

    async def several(count: int) -> None:
        nonlocal number
        for _ in range(count):
            number += 1
            task = asyncio.ensure_future(one(number))
            if number % 2:
                await asyncio.sleep(0.002 * (number % 13))
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    await several(30)  # what is made once
    await settled()
    before = (left.timers(), left.proxies(), len(gc.get_objects()))
    answered = 0
    await several(300)
    await settled()
    after = (left.timers(), left.proxies(), len(gc.get_objects()))
    assert 50 < answered < 290, answered
    assert left.open() == 0
    grown = [now - then for now, then in zip(after, before, strict=True)]
    FACTS["left_after_300_calls"] = grown
    assert grown[0] <= 1, grown
    assert grown[1] <= 20, grown
    assert grown[2] <= 100, grown


# ---- the example


async def test_the_example_streams_an_agents_answer() -> None:
    from src.entry import Default
    from workers import Request

    await script(
        {
            "answer": {"call": "temperature", "args": {"city": "Lima"}},
            "text": "Lima",
            "turn": 0,
        },
        {"answer": "It is 18 °C in Lima.", "result": "18"},
    )
    worker = Default(to_plain({}), env)
    asked = Request(js.Request.new("http://localhost/?ask=How+warm+is+it+in+Lima"))
    answer = await worker.fetch(asked)
    assert answer.js_object.headers.get("content-type").startswith("text/plain")
    reader, pieces = answer.js_object.body.getReader(), []
    while not (part := await reader.read()).done:
        pieces.append(part.value.to_bytes())
    assert b"".join(pieces).decode() == "It is 18 °C in Lima."
    assert len(pieces) > 2
    await script({"answer": {"fault": "status code=401"}})
    failed = await worker.fetch(asked)
    assert "[CloudflareAuthenticationError]" in await failed.text()
    assert (await worker.fetch(Request("http://localhost/"))).status == 400


async def test_the_example_stops_when_its_reader_leaves() -> None:
    from src.entry import Default
    from workers import Request

    await script({"answer": "a long answer " * 50, "times": None})

    async def read_some(count: int, pieces: int) -> None:
        for _ in range(count):
            asked = Request(js.Request.new("http://localhost/?ask=much"))
            answer = await Default(to_plain({}), env).fetch(asked)
            reader = answer.js_object.body.getReader()
            for _ in range(pieces):
                await reader.read()
            await reader.cancel()
        await settled()

    await read_some(3, 1)
    before = len(gc.get_objects())
    await read_some(20, 1)
    await read_some(5, 1000)
    assert len(gc.get_objects()) < before + 50


# ---- running them


async def main(only: str = "") -> str:
    """Run all of it; what became of each test, and the facts, as JSON."""
    outcomes = {}
    tests = {n: it for n, it in globals().items() if n.startswith("test_")}
    for name, test in tests.items():
        if only and only not in name:
            continue
        assert inspect.iscoroutinefunction(test)
        print(name, file=sys.stderr)
        await control("reset")
        try:
            await asyncio.wait_for(test(), 60)
            await settled()
            assert left.open() == 0, "answers are left open"
        except Exception:
            outcomes[name] = traceback.format_exc()[-3000:]
            left.forget()
        else:
            outcomes[name] = "passed"
    FACTS["after_mb"] = megabytes()
    return json.dumps({**FACTS, "outcomes": outcomes})

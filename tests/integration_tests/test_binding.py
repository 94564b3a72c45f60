"""A Worker's binding before the emulator: what an application asks, and the end.

The binding is a Python object that sends over a real socket, as `env.AI` does for a
Worker; `make worker` asks a binding of JavaScript.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from typing import Any, Literal

import httpx
import httpx2
import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessageChunk
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_cf_gemini import (
    ChatCloudflareGemini,
    CloudflareTimeoutError,
    get_cost_callback,
)
from langchain_cf_gemini.emulator import Emulator, call, reply
from tests.support.ai_binding import Ai
from tests.support.models import endpoints
from tests.support.process import default_trust


@pytest.fixture
async def ai(emulator: Emulator) -> AsyncIterator[Ai]:
    async with httpx.AsyncClient(verify=default_trust()) as client:
        yield Ai(client, **emulator.client)


def model_of(ai: Any, **settings: Any) -> ChatCloudflareGemini:
    chosen = {"model": "gemini-3-flash", "binding": ai, "max_retries": 0}
    return ChatCloudflareGemini(**{**chosen, **settings})


# ---- what an application asks


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    return f"18 °C in {city}"


@pytest.mark.parametrize("endpoint", ["auto", "run", "gateway"])
async def test_an_agent_streams(emulator: Emulator, ai: Ai, endpoint: Any) -> None:
    emulator.answer(call("weather", city="Lima"), text="Lima", turn=0)
    emulator.answer("It is 18 °C in Lima.", result="18")
    agent = create_agent(model_of(ai, endpoint=endpoint), [weather])
    asked: Any = {"messages": [("user", "How warm is it in Lima?")]}
    said = [
        message.text
        async for message, _ in agent.astream(asked, stream_mode="messages")
        if isinstance(message, AIMessageChunk)
    ]
    assert "".join(said).endswith("It is 18 °C in Lima.")
    assert ai.open == 0


class City(BaseModel):
    """A city."""

    name: str
    people: int


@endpoints
async def test_structured_output(ai: Ai, endpoint: Literal["run", "gateway"]) -> None:
    model = model_of(ai, endpoint=endpoint)
    for method in ("json_schema", "function_calling"):
        city = await model.with_structured_output(City, method=method).ainvoke("Lima?")
        assert isinstance(city, City)


@endpoints
async def test_facts_of_the_gateway_and_cost(ai: Ai, endpoint: Any) -> None:
    model = model_of(ai, endpoint=endpoint, gateway="default")
    with get_cost_callback() as costs:
        message = await model.ainvoke("hi")
    facts = message.response_metadata["gateway"]
    assert (facts["endpoint"], facts["id"]) == (endpoint, "default")
    assert costs.total_cost > 0
    await model.asend_feedback(message, score=90)
    entry = await model.aread_log(message)
    assert (entry["id"], entry["score"]) == (facts["log_id"], 90)


# ---- the end of a call


@endpoints
@pytest.mark.parametrize("timeout", [0.1, httpx2.Timeout(5, read=0.1)], ids=str)
async def test_deadlines(
    emulator: Emulator, ai: Ai, endpoint: Any, timeout: Any
) -> None:
    emulator.answer(reply("late", delay=5), times=2)
    model = model_of(ai, endpoint=endpoint, timeout=timeout)
    begun = time.monotonic()
    with pytest.raises(CloudflareTimeoutError, match=r"waiting for env\.ai"):
        await model.ainvoke("hi")
    with pytest.raises(CloudflareTimeoutError):
        async for _ in model.astream("hi"):
            pass
    assert time.monotonic() - begun < 10
    assert ai.open == 0


@endpoints
async def test_cancelled_calls_leave_nothing(ai: Ai, endpoint: Any) -> None:
    model = model_of(ai, endpoint=endpoint)
    before = len(asyncio.all_tasks())
    answered = 0

    async def one(number: int) -> None:
        nonlocal answered
        if number % 2:
            await model.ainvoke("hi")
        else:
            async for _ in model.astream("hi"):
                if number % 4:
                    break
        answered += 1

    # Twice each moment, in another of the four ways.
    for number in range(82):
        task = asyncio.create_task(one(number))
        step = number % 41
        await asyncio.wait([task], timeout=None if step == 40 else 0.0002 * step)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    gc.collect()
    await asyncio.sleep(0.05)
    assert 0 < answered < 82
    assert (ai.open, len(asyncio.all_tasks())) == (0, before)

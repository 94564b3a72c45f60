"""The first call of a process: nothing in it holds the event loop."""

from __future__ import annotations

import json

import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.process import run_python

pytestmark = pytest.mark.slow

# As where httpx is not installed for another package's sake; rich is.
PROGRAM = """
    import asyncio, json, sys, time
    sys.modules["httpx_aiohttp"] = None

    from blockbuster import blockbuster_ctx
    from pydantic import BaseModel
    from langchain_cf_gemini import ChatCloudflareGemini, CloudflareGeminiError

    assert "httpx" not in sys.modules
    import rich

    class Laws(BaseModel):
        "The three laws."
        names: list[str]

    def look(place: str) -> str:
        "Look at a place."
        return place

    model = ChatCloudflareGemini(**json.loads(sys.argv[1]))

    async def ainvoke():
        await model.ainvoke("hi")

    async def astream():
        async for _ in model.astream("hi"):
            pass

    async def tools():
        await model.bind_tools([look]).ainvoke("hi")

    async def structured():
        await model.with_structured_output(Laws).ainvoke("hi")

    async def made_there():
        made = ChatCloudflareGemini(**json.loads(sys.argv[1]))
        await made.ainvoke("hi", temperature=0.5)

    async def refused():
        try:
            await model.ainvoke("hi", model="gemini-9-none")
        except CloudflareGeminiError:
            return
        raise SystemExit("not refused")

    async def main():
        holds = []

        async def beat():
            last = time.thread_time()
            while True:
                await asyncio.sleep(0)
                now = time.thread_time()
                holds.append(now - last)
                last = now

        beating = asyncio.create_task(beat())
        await asyncio.sleep(0.01)
        with blockbuster_ctx():
            await globals()[sys.argv[2]]()
        beating.cancel()
        print(max(holds))

    asyncio.run(main())
"""


WAYS = ["ainvoke", "astream", "tools", "structured", "made_there", "refused"]


@pytest.mark.parametrize("way", WAYS)
def test_a_first_call_holds_the_event_loop_less_than_a_tenth_of_a_second(
    emulator: Emulator, way: str
) -> None:
    settings = json.dumps({"model": "gemini-3-flash", **emulator.client})
    # In the loop's own processor time, which other programs do not stretch.
    assert float(run_python(PROGRAM, settings, way).stdout) < 0.1

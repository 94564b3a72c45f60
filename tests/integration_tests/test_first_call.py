"""The first call of a process: nothing in it holds the event loop."""

from __future__ import annotations

import json
import os

import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.process import run_python

pytestmark = pytest.mark.slow

# As where httpx is not installed for another package's sake; rich is.
PROGRAM = """
    import asyncio, json, os, sys, time
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

    async def main(way):
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
            await way()
        beating.cancel()
        print(way.__name__, max(holds), flush=True)

    # Each is the first call of its process.
    for way in (ainvoke, astream, tools, structured, made_there, refused):
        child = os.fork()
        if not child:
            asyncio.run(main(way))
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, way
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_first_call_holds_the_event_loop_less_than_a_tenth_of_a_second(
    emulator: Emulator,
) -> None:
    settings = json.dumps({"model": "gemini-3-flash", **emulator.client})
    lines = run_python(PROGRAM, settings).stdout.splitlines()
    # In the loop's own processor time, which other programs do not stretch.
    held = {way: float(seconds) for way, seconds in map(str.split, lines)}
    assert len(held) == 6
    assert max(held.values()) < 0.1, held

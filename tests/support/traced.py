"""A program that other people's tracers watch: one call in every way, and an agent."""

import os
import subprocess
import sys

_PROGRAM = """
import asyncio, sys
{setup}
from langchain.agents import create_agent
from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import Emulator, call

def search(q: str) -> str:
    "Search the web."
    return q

def weather(place: str) -> str:
    "Tell the weather."
    return place

said = {{"temperature": 0.5, "max_output_tokens": 900}}
config = {{"callbacks": callbacks}}
asked = {{"messages": [("human", "Weather in Lima?")]}}

async def ask(model):
    await model.ainvoke("hi", config, **said)
    async for _ in model.astream("hi", config, **said):
        pass

with Emulator() as emulator:
    model = ChatCloudflareGemini(model="google/gemini-3-flash",
        default_headers={{"x-access": "header-that-must-not-be-seen"}},
        **emulator.client)
    bound = model.bind_tools([search, weather])
    bound.invoke("hi", config, **said)
    list(bound.stream("hi", config, **said))
    bound.batch(["hi"], config, **said)
    asyncio.run(ask(bound))
    agent = create_agent(model.bind(**said), [search, weather])
    emulator.answer(call("weather", place="Lima"))
    agent.invoke(asked, config)
    emulator.answer(call("weather", place="Lima"))
    for _ in agent.stream(asked, config, stream_mode="messages"):
        pass
{end}
sys.stdout.flush()
"""
CALLS = 5 + 2 + 2
"""How often the model is asked: each agent asks twice."""


def run_traced(setup: str, end: str, **variables: str) -> str:
    """Run the program; `setup` makes `callbacks`, and `end` tells what was seen.

    Returns:
        What it printed.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(setup=setup, end=end)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

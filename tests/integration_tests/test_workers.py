"""Models and chains sent to other processes, which read their own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

from langchain_cf_gemini.emulator import Emulator

pytestmark = pytest.mark.slow

# The parent has used its model when it sends it, and keeps its token to itself.
PROGRAM = """
    import json, multiprocessing, os, sys
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_cf_gemini import ChatCloudflareGemini

    model = ChatCloudflareGemini(model="gemini-3-flash", **json.loads(sys.argv[1]))
    prompt = ChatPromptTemplate.from_template("Say {word}")
    weather = {"name": "get_weather", "parameters": {"type": "object"}}
    chain = prompt | model.bind_tools([weather], tool_choice="none") | StrOutputParser()
    words = [{"word": word} for word in ("one", "two", "three", "four")]
    chain.invoke(words[0])

    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(json.dumps(pool.map(chain.invoke, words)))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(json.dumps(pool.map(chain.invoke, words)))
    import dask

    tasks = [dask.delayed(lambda word: chain.invoke(word))(word) for word in words]
    answers = dask.compute(*tasks, scheduler="processes", num_workers=2)
    print(json.dumps(answers))
"""


def test_chains_work_in_other_processes() -> None:
    """Forked, spawned, and of dask."""
    with Emulator() as emulator:
        settings = dict(emulator.client)
        token = settings.pop("api_token")
        code = textwrap.dedent(PROGRAM)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, json.dumps(settings)],
            env={**os.environ, "CLOUDFLARE_API_TOKEN": str(token)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        kinds = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(kinds) == 3
        for answers in kinds:
            said = zip(answers, ("one", "two", "three", "four"), strict=True)
            assert all(word in answer for answer, word in said)
        emulator.assert_request_count(1 + 3 * 4)
    assert token not in done.stdout + done.stderr

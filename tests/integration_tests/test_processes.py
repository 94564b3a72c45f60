"""Programs of their own: forks, pools, limits of the system, first calls, the end."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.loopback import Loopback, Wire, answer
from tests.support.process import run_python
from tests.support.ways import OURS

pytestmark = pytest.mark.slow
forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

# What programs of their own begin with.
BEGUN = """
    import asyncio, multiprocessing, os, sys
    from tests.support.http import Transport, TransportSettings
    from tests.support.ways import asaid, request_of, said, streaming

    root = sys.argv[1]
    request = request_of("send", root)
    transport = Transport(TransportSettings())

    async def calls(times):
        return await asyncio.gather(*(asaid(transport, request) for _ in range(times)))
"""
UNNOTICED = """
    for _ in range(6):
        transport = Transport(TransportSettings())
        loop = asyncio.new_event_loop()
        loop.run_until_complete(calls(1))
        loop.close()
    print("answered")
"""
FORKED = """
    said(transport, request)
    asyncio.run(calls(1))
    child = os.fork()
    said(transport, request)
    said(transport, request)
    asyncio.run(calls(1))
    if child:
        _, status = os.waitpid(child, 0)
        said(transport, request)
        print("child", status)
"""
POOL = """
    def call(_):
        return len(said(transport, request))

    call(0)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(sum(pool.map(call, range(9))))
"""
LEFT_OPEN = """
    asyncio.run(calls(5))
    said(transport, request)
    left_open = streaming(transport, root)
    next(left_open.__enter__())
"""


@pytest.mark.fault(row=34)
def test_a_loop_closed_without_notice_is_forgotten() -> None:
    # Who closes a loop without shutdown_asyncgens leaves its sockets to the collector.
    with Loopback() as server:
        done = run_python(BEGUN + UNNOTICED, server.root, warnings="ignore")
    assert "answered" in done.stdout


@pytest.mark.fault(row=35)
@forking
def test_a_forked_child_opens_its_own_connections() -> None:
    with Loopback() as server:
        assert "child 0" in run_python(BEGUN + FORKED, server.root).stdout
        # One for the parent's threads, one for the child's, one for each loop.
        assert server.opened == 5
        assert run_python(BEGUN + POOL, server.root).stdout.strip() == "9"


def test_the_interpreter_ends_without_a_warning() -> None:
    with Loopback() as server:
        assert run_python(BEGUN + LEFT_OPEN, server.root).stderr == ""


RESOLVED = """
    import itertools, os, socket, time
    from concurrent.futures import ThreadPoolExecutor
    from tests.support.ways import OURS, ask

    full = socket.socket()
    full.bind(("0.0.0.0", 0))
    full.listen(0)
    port = full.getsockname()[1]
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", port))

    def getaddrinfo(host, *_, **__):
        if host == "slow.invalid":
            time.sleep(6)
        addresses = [(f"127.0.0.{last}", port) for last in range(1, 5)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", at) for at in addresses]

    socket.getaddrinfo = getaddrinfo
    lines = []

    def asked(host, way):
        started = time.monotonic()
        outcome = ask(way, f"https://{host}:{port}", timeout=0.5, max_retries=0)
        in_time = time.monotonic() - started < 5
        lines.append(f"{host} {way} {type(outcome.error).__name__} {in_time}")

    hosts = ("slow.invalid", "silent.invalid")
    with ThreadPoolExecutor() as threads:
        list(threads.map(asked, *zip(*itertools.product(hosts, OURS))))
    print("\\n".join(lines), flush=True)
    os._exit(0)  # nor does it wait for the resolver
"""


@pytest.mark.fault(row=66)
def test_names_and_addresses_have_the_attempt_s_time() -> None:
    """A resolver that hangs, and four addresses where nobody takes the connection."""
    done = run_python(RESOLVED, warnings="ignore")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == 2 * len(OURS), done.stderr
    for line in lines:
        assert line[2:] == ["CloudflareTimeoutError", "True"], line


CROWD = (
    """
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
"""
    + BEGUN
    + """
    from concurrent.futures import ThreadPoolExecutor

    print(len(asyncio.run(calls(600))))
    request = request_of("send", sys.argv[2])
    with ThreadPoolExecutor(600) as threads:
        print(len(list(threads.map(lambda _: said(transport, request), range(600)))))
"""
)


@pytest.mark.fault(row=50)
def test_more_calls_than_descriptors_wait_for_each_other() -> None:
    async def late(wire: Wire) -> None:
        await asyncio.sleep(0.05)
        await answer()(wire)

    with Loopback([late]) as in_loop, Loopback([late]) as in_threads:
        done = run_python(CROWD, in_loop.root, in_threads.root, warnings="default")
        assert done.stdout.split() == ["600", "600"]
        assert 64 < in_loop.opened <= 96
        assert 64 < in_threads.opened <= 96


# ---- models

# The parent has used its model when it sends it, and keeps its token to itself.
WORKERS = """
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


def test_chains_work_in_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forked, spawned, and of dask."""
    with Emulator() as emulator:
        settings = dict(emulator.client)
        token = settings.pop("api_token")
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", token)
        done = run_python(WORKERS, json.dumps(settings))
        kinds = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(kinds) == 3
        for answers in kinds:
            said = zip(answers, ("one", "two", "three", "four"), strict=True)
            assert all(word in answer for answer, word in said)
        emulator.assert_request_count(1 + 3 * 4)
    assert token not in done.stdout + done.stderr


# As where httpx is not installed for another package's sake; rich is.
FIRST_CALL = """
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


@forking
def test_a_first_call_holds_the_event_loop_less_than_a_tenth_of_a_second(
    emulator: Emulator,
) -> None:
    settings = json.dumps({"model": "gemini-3-flash", **emulator.client})
    lines = run_python(FIRST_CALL, settings).stdout.splitlines()
    # In the loop's own processor time, which other programs do not stretch.
    held = {way: float(seconds) for way, seconds in map(str.split, lines)}
    assert len(held) == 6
    assert max(held.values()) < 0.1, held

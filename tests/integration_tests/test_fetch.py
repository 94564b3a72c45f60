"""Media downloads from a real server, and those that are refused."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from langchain_cf_gemini.exceptions import UnsupportedContentError
from tests.support.http import (
    FetchSettings,
    File,
    Files,
    addresses_from_host,
    afetch,
    fetch,
)
from tests.support.loopback import (
    Act,
    Loopback,
    Wire,
    answer,
    chunked_head,
    cut,
    drip,
    head,
    one_chunk,
    stall,
)
from tests.support.process import settled

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100
Fetch = Callable[[str, FetchSettings], tuple[bytes, str]]


def in_thread(url: str, settings: FetchSettings) -> tuple[bytes, str]:
    return fetch([url], settings=settings)[0]


def in_loop(url: str, settings: FetchSettings) -> tuple[bytes, str]:
    return asyncio.run(afetch([url], settings=settings))[0]


both = pytest.mark.parametrize("get", [in_thread, in_loop])
LOCAL = FetchSettings(allow_loopback=True)


def media(body: bytes = PNG, kind: str = "image/png", **more: str) -> Act:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return answer(body, 200, {"content-type": kind, **named})


@both
@pytest.mark.parametrize("kind", ["Image/PNG; charset=x", "", "application/zip"])
def test_a_file_and_the_type_that_the_server_says(get: Fetch, kind: str) -> None:
    """What it is worth, the bytes decide; see the types of media."""
    with Loopback([media(kind=kind)]) as server:
        assert get(f"{server.root}/a/b.png?sig=1", LOCAL) == (PNG, kind)
        (received,) = server.received
        assert asyncio.run(settled(lambda: server.open == 0))
    assert received.method == "GET"
    assert received.path == "/a/b.png?sig=1"
    assert received.headers["host"] == f"127.0.0.1:{server.port}"
    assert not {"authorization", "cookie"} & received.headers.keys()


@both
def test_the_connection_goes_to_the_address_that_was_checked(get: Fetch) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        # A name that would be another machine's if it were asked again.
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with Loopback([media()]) as server:
        settings = FetchSettings(allow_loopback=True, resolve=resolve)
        url = f"http://pictures.example:{server.port}/a.png"
        assert get(url, settings)[0] == PNG
    assert asked == ["pictures.example"]
    assert server.received[0].headers["host"] == f"pictures.example:{server.port}"


def redirect(to: str, status: int = 302) -> Act:
    return answer(b"", status, {"location": to})


@both
def test_redirects_are_followed_and_checked_again(get: Fetch) -> None:
    with Loopback() as server:
        server.acts = [redirect("/b.png"), redirect(f"{server.root}/c.png", 308)]
        server.acts.append(media())
        assert get(f"{server.root}/a.png", LOCAL) == (PNG, "image/png")
        assert [one.path for one in server.received] == ["/a.png", "/b.png", "/c.png"]


def refused(get: Fetch, act: Act, said: str, **settings: Any) -> list[str]:
    """The paths that were asked before a download was refused with these words."""
    with Loopback([act]) as server:
        with pytest.raises(UnsupportedContentError, match=said) as caught:
            get(
                f"{server.root}/a.png?signature=secret",
                FetchSettings(allow_loopback=True, **settings),
            )
        assert "secret" not in str(caught.value)
        return [one.path for one in server.received]


@pytest.mark.fault(row=58)
@both
@pytest.mark.parametrize(
    ("to", "said", "asked"),
    [
        ("http://169.254.169.254/latest/meta-data", "host isn't public", 1),
        ("http://10.0.0.1/", "host isn't public", 1),
        ("file:///etc/passwd", "http or https", 1),
        ("http://user:pw@127.0.0.1/", "user name", 1),
        ("", "redirects too many times", 6),
        ("http://[::1", "with a host", 1),
        ("http://127.0.0.1:99999/", "port", 1),
        ("http://[x]", "with a host", 1),
        ("/again.png", "redirects too many times", 6),
    ],
)
def test_redirects_that_are_refused(get: Fetch, to: str, said: str, asked: int) -> None:
    assert len(refused(get, redirect(to), said)) == asked


async def chunks_without_end(wire: Wire) -> None:
    wire.cut()
    named = {"content-type": "image/png", "transfer-encoding": "chunked"}
    await wire.send(head(200, named))
    try:
        while not wire.writer.transport.is_closing():
            await wire.chunk(b"x" * 65536)
    except ConnectionError:
        return


CHUNKED = chunked_head("image/png")


@both
@pytest.mark.parametrize(
    ("act", "said"),
    [
        (media(b"x" * 5000), "more than 4,096 bytes"),
        (drip(CHUNKED, one_chunk(b"x" * 4096), every=0), "more than 4,096"),
        (answer(b"no", 404), "404"),
        (answer(b"no", 500), "500"),
        (cut, "Server|disconnected|Remote"),
        (media(gzip.compress(PNG), content_encoding="gzip"), "compressed"),
    ],
    ids=["large", "without end", "404", "500", "cut", "gzip"],
)
def test_failures_are_typed(get: Fetch, act: Act, said: str) -> None:
    refused(get, act, said, max_bytes=4096)


@pytest.mark.fault(row=47)
@both
@pytest.mark.parametrize(
    "act",
    [
        stall,
        drip(CHUNKED),
        drip(b"HTTP/1.1 200 ", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nx-slow: ", b"x"),
        drip(CHUNKED + b"0\r\nx-trailer: ", b"x"),
    ],
    ids=["stall", "body", "status", "header", "trailer"],
)
def test_downloads_that_take_too_long_end(get: Fetch, act: Act) -> None:
    refused(get, act, r"within 0\.1 seconds", timeout=0.1)


@pytest.mark.fault(row=47)
@both
def test_a_name_that_resolves_slowly_ends(get: Fetch) -> None:
    def slow(_: str, __: int) -> list[str]:
        time.sleep(1)
        return ["127.0.0.1"]

    settings = FetchSettings(allow_loopback=True, timeout=0.1, resolve=slow)
    started = time.monotonic()
    with pytest.raises(UnsupportedContentError, match=r"within 0\.1 seconds"):
        get("http://slow.example/a.png", settings)
    assert time.monotonic() - started < 0.9


@pytest.mark.fault(row=48)
def test_the_first_download_that_fails_ends_the_others() -> None:
    async def act(wire: Wire) -> None:
        if "bad" in wire.received.path:
            await answer(b"no", 404)(wire)
        else:
            await stall(wire)

    async def run(server: Loopback) -> None:
        urls = [f"{server.root}/{name}.png" for name in ("a", "b", "bad", "c", "d")]
        with pytest.raises(UnsupportedContentError, match="404"):
            await afetch(urls, settings=LOCAL)
        assert await settled(lambda: server.open == 0)
        assert len(asyncio.all_tasks()) == 1

    with Loopback([act]) as server:
        asyncio.run(run(server))
        assert len(server.received) <= 4


@pytest.mark.fault(row=48)
def test_a_few_at_once_in_the_order_of_their_blocks() -> None:
    at_once: list[int] = []

    async def act(wire: Wire) -> None:
        at_once.append(server.open)
        await asyncio.sleep(0.02)
        wire.cut()
        await media(wire.received.path.encode())(wire)

    with Loopback([act]) as server:
        urls = [f"{server.root}/{number}.png" for number in range(12)]
        for files in (
            asyncio.run(afetch(urls, settings=LOCAL)),
            fetch(urls, settings=LOCAL),
        ):
            assert [data for data, _ in files] == [
                f"/{number}.png".encode() for number in range(12)
            ]
        assert max(at_once) <= 5  # one more may be closing


@pytest.mark.fault(row=48)
def test_all_files_of_a_request_together_have_a_limit() -> None:
    settings = FetchSettings(allow_loopback=True, max_sum=250)
    with Loopback([media(b"x" * 100)]) as server:
        urls = [f"{server.root}/{number}.png" for number in range(3)]
        with pytest.raises(UnsupportedContentError, match="more than 250 bytes toget"):
            asyncio.run(afetch(urls, settings=settings))
        with pytest.raises(UnsupportedContentError, match="more than 250 bytes toget"):
            fetch(urls, settings=settings)
        assert len(fetch(urls[:2], settings=settings)) == 2


@pytest.mark.fault(row=49)
@both
def test_the_next_address_of_a_host_is_asked(get: Fetch) -> None:
    settings = FetchSettings(
        allow_loopback=True, resolve=lambda _, __: ["::1", "127.0.0.1"]
    )
    with Loopback([media()]) as server:  # which listens on 127.0.0.1 alone
        assert get(f"http://two.example:{server.port}/a.png", settings)[0] == PNG


@both
def test_a_server_may_say_neither_type_nor_length(get: Fetch) -> None:
    async def act(wire: Wire) -> None:
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\n" + PNG)
        wire.cut()

    with Loopback([act]) as server:
        assert get(f"{server.root}/a.png", LOCAL) == (PNG, "")


@both
def test_a_host_that_refuses_is_typed(get: Fetch) -> None:
    with pytest.raises(UnsupportedContentError):
        get("http://127.0.0.1:1/a.png", LOCAL)


def test_a_cancelled_download_closes_its_connection() -> None:
    async def run(server: Loopback) -> None:
        task = asyncio.ensure_future(afetch([f"{server.root}/a.png"], settings=LOCAL))
        assert await settled(lambda: len(server.received) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await settled(lambda: server.open == 0)

    with Loopback([stall]) as server:
        asyncio.run(run(server))


def test_addresses_from_host() -> None:
    assert addresses_from_host("127.0.0.1", 80) == ["127.0.0.1"]


# ---- remembered


class Web:
    """Files that were fetched, and how often they were asked for."""

    def __init__(self, size: int) -> None:
        self.asked = ""
        self._size = size
        self._files = Files(most_bytes=100)

    async def _fetch(self, urls: Sequence[str]) -> list[File]:
        self.asked += "".join(url[-1] for url in urls)
        if any("!" in url for url in urls):
            raise UnsupportedContentError("404")
        return [(bytes(self._size), "image/png") for _ in urls]

    def fetch(self, names: str) -> list[int]:
        """The sizes of files whose addresses differ in a letter; ! is none."""
        urls = [f"https://x/a?signature={name}" for name in names]
        found = asyncio.run(self._files.behind(urls, self._fetch))
        return [len(data) for data, _ in found.values()]


@pytest.mark.parametrize(
    ("size", "fetched", "asked"),
    [
        pytest.param(10, ["a", "a", "b"], "ab", id="each address once"),
        pytest.param(10, ["b", "abca"], "bac", id="only new ones together"),
        pytest.param(40, ["a", "b", "a", "c", "a", "b"], "abcb",
                     id="what was not used for longest makes room"),
        pytest.param(200, ["a", "a"], "aa", id="beyond all room"),
    ],
)  # fmt: skip
def test_files_are_remembered(size: int, fetched: list[str], asked: str) -> None:
    web = Web(size)
    for names in fetched:
        assert web.fetch(names) == [size] * len(set(names))
    assert web.asked == asked


def test_a_failure_is_not_remembered() -> None:
    web = Web(10)
    for _ in range(2):
        with pytest.raises(UnsupportedContentError):
            web.fetch("!")
    assert web.asked == "!!"


def test_many_threads_may_fetch_at_once() -> None:
    web = Web(40)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: web.fetch("abcde"[n % 5]), range(500)))
    assert got == [[40]] * 500

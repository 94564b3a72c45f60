"""Batches against a rate limit, an outage and a dead server, beside other classes.

    python -m tests.benchmarks.batches [--rows N] [--peer name=python ...]

A peer is `openai` or `google` and the interpreter of an environment that has
langchain-openai or langchain-google-genai. The server is one process of plain asyncio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from itertools import product
from typing import Any

LATENCY = 0.05
_GOOGLE: dict[str, Any] = {
    "candidates": [{"content": {"parts": [{"text": "ok"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 4},
}
_SAID = {"role": "assistant", "content": "ok"}
_OPENAI: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": _SAID, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


class Server:
    """One server; `GET /count` says how often it was asked, and begins anew.

    Args:
        kind: "bucket" (holds 10), "window" (10 s), "outage" (3 s of 503) or "dead".
        rate: Requests a second.
        says_when: Whether refusals say when to come back.
    """

    def __init__(self, kind: str, rate: float, *, says_when: bool) -> None:
        self.kind, self.rate, self.says_when = kind, rate, says_when
        self.count, self.left, self.since = 0, 10.0, time.monotonic()
        self.used = 0

    def refused(self) -> tuple[int, float] | None:
        """Status and seconds until a request would be answered."""
        now = time.monotonic()
        if not self.count:
            self.since = now
        self.count += 1
        if self.kind == "dead" or (self.kind == "outage" and now - self.since < 3):
            return 503, 0.0
        if self.kind == "outage":
            return None
        if self.kind == "window":
            if now - self.since >= 10:
                self.since, self.used = now - (now - self.since) % 10, 0
            self.used += 1
            is_over = self.used > self.rate * 10
            return (429, self.since + 10 - now) if is_over else None
        self.left = min(10.0, self.left + (now - self.since) * self.rate)
        self.since = now
        if self.left < 1:
            return 429, 1.0
        self.left -= 1
        return None

    async def answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer what comes on one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                await self._say(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _say(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        status, body, more = 200, _GOOGLE, ""
        if head.startswith(b"get /count"):
            body, self.count = {"count": self.count}, 0
        elif refused := self.refused():
            status, wait = refused
            body = {"error": {"message": "slow down", "code": status}}
            if self.says_when and wait:
                more = f"retry-after: {max(1, round(wait + 0.49))}\r\n"
        else:
            await asyncio.sleep(LATENCY)
            body = _OPENAI if b"/chat/completions" in head else _GOOGLE
        data = json.dumps(body).encode()
        writer.write(
            f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{more}"
            f"content-length: {len(data)}\r\n\r\n".encode()
            + data
        )
        await writer.drain()

    async def serve(self) -> None:
        """Serve until killed; prints the port."""
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0, backlog=1000)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


def model_of(name: str, root: str, max_retries: int) -> Any:
    """A chat model that asks the server."""
    if name == "openai":
        from langchain_openai import ChatOpenAI  # type: ignore[import-not-found]

        return ChatOpenAI(
            model="m", base_url=f"{root}/v1", api_key="k", max_retries=max_retries
        )
    if name == "google":
        from langchain_google_genai import ChatGoogleGenerativeAI

        return ChatGoogleGenerativeAI(
            model="gemini-3-flash", base_url=root, api_key="k", max_retries=max_retries
        )
    from langchain_cf_gemini import ChatCloudflareGemini

    return ChatCloudflareGemini(
        model="google/gemini-3-flash",
        account_id="a",
        api_token="t",
        base_url=f"{root}/client/v4",
        max_retries=max_retries,
    )


def asked(
    name: str, root: str, way: str, rows: int, max_retries: int
) -> tuple[int, float]:
    """Ask for all rows by 50 threads or 200 coroutines: lost rows, and seconds."""
    model, texts = model_of(name, root, max_retries), ["x"] * rows
    began = time.monotonic()
    if way == "threads":
        outcomes = model.batch(texts, {"max_concurrency": 50}, return_exceptions=True)
    else:
        limit = {"max_concurrency": 40 if way == "40" else 200}
        outcomes = asyncio.run(model.abatch(texts, limit, return_exceptions=True))
    lost = sum(isinstance(outcome, Exception) for outcome in outcomes)
    return lost, time.monotonic() - began


def measured(
    python: str, name: str, case: tuple[str, float, bool], asking: tuple[str, int, int]
) -> str:
    """One line of the table."""
    kind, rate, says_when = case
    way, rows, max_retries = asking
    here = [sys.executable, "-m", "tests.benchmarks.batches"]
    serving = [*here, "--serve", kind, str(rate), str(int(says_when))]
    server = subprocess.Popen(serving, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    root = f"http://127.0.0.1:{int(server.stdout.readline())}"
    try:
        asking_of = [name, root, way, str(rows), str(max_retries)]
        ran = subprocess.run(
            [python, "-m", "tests.benchmarks.batches", "--ask", *asking_of],
            capture_output=True,
            text=True,
            check=True,
        )
        lost, seconds = json.loads(ran.stdout.splitlines()[-1])
        with urllib.request.urlopen(f"{root}/count") as said:
            requests = json.load(said)["count"]
    finally:
        server.kill()
    windows = -(-rows // int(rate * 10)) - 1 if rate else 0
    ideal = {"bucket": (rows - 10) / (rate or 1), "window": windows * 10 + 0.1}
    ratio = f"{seconds / max(1, ideal[kind]):.2f}" if kind in ideal else "-"
    return (
        f"| {name} | {kind} {rate:g}/s | {'yes' if says_when else 'no'} | {way} | "
        f"{max_retries} | {lost / rows:.1%} | {requests / rows:.2f} ({requests}) | "
        f"{seconds:.1f} s | {ratio} |"
    )


def cases(rows: int) -> list[tuple[tuple[str, float, bool], tuple[str, int, int]]]:
    """What is measured: the limits in both ways, an outage, a dead server."""
    found = []
    for rate, kind, says_when, way, max_retries in product(
        (20, 50, 200),
        ("bucket", "window"),
        (True, False),
        ("threads", "asyncio"),
        (2, 8),
    ):
        many = max(rows, 12 * rate if kind == "bucket" else 20 * rate)
        found.append(((kind, float(rate), says_when), (way, many, max_retries)))
    found.append((("outage", 0.0, False), ("40", 200, 8)))
    found.append((("dead", 0.0, False), ("asyncio", 5000, 2)))
    return found


def main() -> None:
    """Measure, or be the server or the client of a measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", nargs=3)
    parser.add_argument("--ask", nargs=5)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--only", default="", help="measure cases with these words")
    parser.add_argument("--peer", action="append", default=[])
    args = parser.parse_args()
    if args.serve:
        kind, rate, says_when = args.serve
        server = Server(kind, float(rate), says_when=says_when == "1")
        asyncio.run(server.serve())
    if args.ask:
        name, root, way, rows, max_retries = args.ask
        print(json.dumps(asked(name, root, way, int(rows), int(max_retries))))
        return
    columns = "class|limit|says when|by|retries|lost|requests a row|time|of the ideal"
    print(f"|{columns}|\n|{columns.count('|') * '---|'}---|")
    peers = dict(peer.split("=", 1) for peer in args.peer)
    for case, asking in cases(args.rows):
        if all(word in f"{case} {asking}" for word in args.only.split()):
            for name, python in {"this": sys.executable, **peers}.items():
                print(measured(python, name, case, asking), flush=True)


if __name__ == "__main__":
    main()

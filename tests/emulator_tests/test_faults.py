"""Faults on the wire: what a client sees when things go wrong."""

import gzip
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from langchain_cf_gemini.emulator import Emulator, block, faults, reply
from langchain_cf_gemini.emulator.faults import Fault
from tests.support.judge import Client, ask, chunks_from_sse, told
from tests.support.process import default_trust


def run(client: Client, fault: Fault) -> httpx.Response:
    client.emulator.fail(fault)
    return client.run()


def stream(client: Client, fault: Fault) -> httpx.Response:
    client.emulator.spoil(reply("one two three"), fault)
    return client.gateway()


CODES = (
    *(400, 401, 402, 403, 404, 408, 409, 413, 422, 429),
    *(500, 502, 503, 504, 520, 521, 522, 523, 524, 529),
)
WAITS = (1, 0.5, "Wed, 21 Oct 2099 07:28:00 GMT", "soon", -1, 250)
FINDING = {"cf-aig-dlp": '{"action": "BLOCK"}'}
ELSEWHERE = "http://127.0.0.1:1/elsewhere"
FAILED = '{"result": null, "success": true}'


def broken(shape: Any) -> Fault:
    return faults.status(503, shape=shape, message="Broken.", error_code=2016)


# A fault, and what comes in place of an answer: status, headers, JSON or text.
ANSWERED: list[tuple[Fault, int, dict[str, str], Any]] = [
    *((faults.status(code), code, {}, {"error": {"code": code}}) for code in CODES),
    *((faults.status(429, retry_after=wait), 429, {"retry-after": str(wait)}, {})
      for wait in WAITS),
    *((faults.status(429, retry_after_ms=wait), 429, {"retry-after-ms": str(wait)}, {})
      for wait in WAITS),
    (faults.status(429, retry_info="37s"), 429, {},
     {"error": {"status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "37s"}]}}),
    (broken("google"), 503, {}, {"error": {"message": "Broken."}}),
    (broken("v4"), 503, {}, {"errors": [{"message": "Broken."}]}),
    (broken("gateway"), 503, {}, {"error": [{"message": "Broken."}]}),
    (broken("structured"), 503, {}, {"name": "AiGatewayError", "message": "Broken."}),
    (broken("run"), 503, {}, {"state": "Failed", "error": {"message": "Broken."}}),
    (faults.status(424, shape="structured", error_code=2029, headers=FINDING), 424,
     FINDING, {"internalCode": 2029}),
    (faults.status(500, shape="empty"), 500, {}, ""),
    (faults.status(500, shape="text", message="no"), 500, {}, "no"),
    (faults.failed(code=1234, message="Oh."), 200, {},
     {"success": False, "errors": [{"code": 1234, "message": "Oh."}]}),
    (faults.failed(state=True), 200, {}, {"state": "Failed"}),
    (faults.redirect(ELSEWHERE), 307, {"location": ELSEWHERE}, ""),
    (faults.body(""), 200, {"content-type": "application/json"}, ""),
    (faults.body("nonsense", content_type="a/b"), 200, {"content-type": "a/b"},
     "nonsense"),
    (faults.body(FAILED), 200, {}, FAILED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "status", "headers", "body"),
    ANSWERED,
    ids=[str(row[0]) for row in ANSWERED],
)
def test_what_comes_in_place_of_an_answer(
    client: Client, fault: Fault, status: int, headers: dict[str, str], body: Any
) -> None:
    answer = run(client, fault)
    assert answer.status_code == status
    assert headers.items() <= answer.headers.items()
    said = answer.text if isinstance(body, str) else told(body, answer.json())
    assert said == body


def test_pages_of_errors(client: Client) -> None:
    page = run(client, faults.html(502))
    assert (page.status_code, page.headers["content-type"][:9]) == (502, "text/html")
    assert "<title>502: Bad Gateway</title>" in page.text
    assert run(client, faults.status(520, shape="html")).text.count("520: Error") == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("candidates", None),
        ("candidates.0", "text"),
        ("candidates.0.content", None),
        ("candidates.0.content.parts", {}),
        ("candidates.0.finishReason", 1),
        ("usageMetadata", []),
        ("", None),
    ],
)
def test_wrong_shapes(client: Client, path: str, value: Any) -> None:
    node = run(client, faults.wrong(path, value)).json()["result"]
    for key in path.split("."):
        if key:
            node = node[int(key)] if isinstance(node, list) else node[key]
    assert node == value


def test_wrong_shapes_in_a_stream(client: Client) -> None:
    chunks = chunks_from_sse(stream(client, faults.wrong("candidates", "x")))
    assert {chunk["candidates"] for chunk in chunks} == {"x"}
    whole = chunks_from_sse(stream(client, faults.wrong("", [])))
    assert all(chunk == [] for chunk in whole)


def test_a_gzip_bomb(client: Client) -> None:
    client.emulator.fail(faults.gzip_bomb(megabytes=8))
    with client.opened() as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert len(packed) < 16_000
    assert len(gzip.decompress(packed)) == 8 << 20


def test_a_body_of_many_megabytes(client: Client) -> None:
    answer = run(client, faults.big(megabytes=3))
    assert len(answer.content) == int(answer.headers["content-length"]) == 3 << 20


def test_json_where_a_stream_was_asked(client: Client) -> None:
    answer = stream(client, faults.json_for_stream())
    assert answer.headers["content-type"].startswith("application/json")
    candidate = answer.json()["candidates"][0]
    said = "".join(part["text"] for part in candidate["content"]["parts"])
    assert (said, candidate["finishReason"]) == ("one two three", "STOP")
    assert answer.json()["usageMetadata"]["totalTokenCount"]
    client.emulator.spoil(block(), faults.json_for_stream())
    assert client.gateway().json()["promptFeedback"] == {"blockReason": "SAFETY"}


def test_a_stream_where_json_was_asked(client: Client) -> None:
    answer = run(client, faults.stream_for_json())
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert chunks_from_sse(answer)[0]["candidates"]


def test_a_malformed_chunk(client: Client) -> None:
    frames = stream(client, faults.malformed(after_frames=1)).text.split("\r\n\r\n")
    json.loads(frames[0].removeprefix("data: "))
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(frames[1].removeprefix("data: "))
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        run(client, faults.malformed()).json()


def test_an_error_in_a_stream(client: Client) -> None:
    chunks = chunks_from_sse(stream(client, faults.error_event(429, after_frames=2)))
    assert len(chunks) == 3
    assert chunks[-1]["error"]["status"] == "RESOURCE_EXHAUSTED"
    bare = stream(client, faults.error_event(499, bare=True)).text.split("\r\n\r\n")
    assert json.loads(bare[-1])["error"]["status"] == "CANCELLED"


def test_a_stream_without_a_finish_reason(client: Client) -> None:
    answer = stream(client, faults.no_finish())
    assert len(chunks_from_sse(answer)) == 3
    assert "finishReason" not in answer.text


FRAMINGS: dict[str, Callable[[str], bool]] = {
    "lf": lambda text: "\r" not in text and "\n\n" in text,
    "cr": lambda text: "\n" not in text and "\r\r" in text,
    "comments": lambda text: text.startswith(": keep-alive\r\n\r\nevent: message\r\n"),
    "multiline": lambda text: text.startswith("data: {\r\ndata:  "),
    "bom": lambda text: text.startswith("\ufeffdata: "),
    "u2028": lambda text: '"text": "\u2028one ' in text,
    "bytes": lambda text: text.startswith("data: {"),
}


@pytest.mark.parametrize("style", FRAMINGS)
def test_other_framings(client: Client, style: Any) -> None:
    answer = stream(client, faults.framing(style))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert FRAMINGS[style](answer.content.decode())
    assert answer.content.count(b'"candidates"') == 4


def test_utf_8_split_across_reads(client: Client) -> None:
    client.emulator.spoil(reply("ñ"), faults.framing("bytes"))
    with client.opened() as answer:
        reads = list(answer.iter_raw())
    assert any(read.endswith("ñ".encode()[:1]) for read in reads)
    assert "ñ" in b"".join(reads).decode()


# A fault that breaks a stream, what the client meets, and how many events it has then.
BROKEN: list[tuple[Fault, type[Exception], str, int]] = [
    (faults.stall(), httpx.ReadTimeout, "timed out", 0),
    (faults.stall(after_frames=1), httpx.ReadTimeout, "timed out", 1),
    (faults.cut(after_frames=0), httpx.RemoteProtocolError, "incomplete chunked", 0),
    (faults.cut(after_frames=2), httpx.RemoteProtocolError, "incomplete chunked", 2),
]


@pytest.mark.parametrize(("fault", "error", "words", "received"), BROKEN, ids=str)
def test_a_stream_that_breaks_off(
    client: Client, fault: Fault, error: type[Exception], words: str, received: int
) -> None:
    client.emulator.spoil(reply("one two three"), fault)
    read: list[bytes] = []

    def talk() -> None:
        timeout = 0.2 if error is httpx.ReadTimeout else 10
        with client.opened(timeout=timeout) as answer:
            read.extend(answer.iter_raw())  # keeps what came before the error

    with pytest.raises(error, match=words):
        talk()
    assert b"".join(read).count(b"data: ") == received
    assert client.run().status_code == 200


@pytest.mark.parametrize("after_frames", [0, 1])
def test_a_stall_that_ends(client: Client, after_frames: int) -> None:
    started = time.monotonic()
    answer = stream(client, faults.stall(after_frames=after_frames, seconds=0.05))
    assert time.monotonic() - started >= 0.05
    assert len(chunks_from_sse(answer)) == 4


def test_a_late_answer(client: Client) -> None:
    answer = run(client, faults.late(0.05))
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.05


def test_a_slow_drip(client: Client) -> None:
    client.emulator.fail(faults.slow(0.01, piece=100))
    started = time.monotonic()
    with client.opened() as answer:
        pieces = list(itertools.islice(answer.iter_raw(), 4))
    assert all(len(piece) <= 100 for piece in pieces)
    assert time.monotonic() - started >= 0.02
    whole = stream(client, faults.slow(0, piece=500))
    assert len(chunks_from_sse(whole)) == 4


REFUSED: list[tuple[Fault, type[Exception], str]] = [
    (faults.cut(), httpx.RemoteProtocolError, "without sending complete"),
    (faults.hang_up(), httpx.RemoteProtocolError, "without sending a response"),
    (faults.reset(), httpx.ReadError, "reset by peer"),
    (faults.reset(after_frames=1), httpx.ReadError, "reset by peer"),
]


@pytest.mark.parametrize(("fault", "error", "words"), REFUSED, ids=str)
def test_a_plain_answer_that_breaks_off(
    client: Client, fault: Fault, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run(client, fault)


def test_a_kept_alive_connection_is_closed(emulator: Emulator) -> None:
    with httpx.Client(verify=default_trust()) as http:
        client = Client(emulator, http)
        emulator.fail(faults.close_after())
        assert client.run().status_code == 200
        time.sleep(0.05)  # the close arrives while the client is idle
        assert client.run().status_code == 200


def test_a_fault_by_header(client: Client) -> None:
    asked = {"x-emulator-fault": "status code=429 retry_after=2 retry_info=3s"}
    answer = client.run(headers=asked)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert client.run().status_code == 200
    note = "fault: status code=429 retry_after=2 retry_info=3s"
    assert note in client.emulator.requests[0].notes


@pytest.mark.parametrize("header", ["explode", "status", "cut after=1", "slow seconds"])
def test_a_fault_that_cannot_be_read(client: Client, header: str) -> None:
    answer = client.run(headers={"x-emulator-fault": header})
    assert answer.status_code == 400
    assert "x-emulator-fault: Can't read" in answer.json()["errors"][0]["message"]


def test_a_refused_request_takes_no_step(client: Client) -> None:
    client.emulator.fail(503)
    assert client.run(ask(nonsense=1)).status_code == 400
    assert client.run().status_code == 503

"""Scripting over HTTP, script files, recordings: for other languages and processes."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from langchain_cf_gemini.emulator import Emulator, call, reply
from tests.support.judge import HI, Client, Emulating, ask, function

ROOT = Path(__file__).parents[2]


def post(client: Client, action: str, body: Any = None, **more: Any) -> httpx.Response:
    return client.http.post(
        f"{client.emulator.url}/_emulator/{action}", json=body, **more
    )


def get(client: Client, action: str) -> httpx.Response:
    return client.http.get(f"{client.emulator.url}/_emulator/{action}")


ENTRIES: list[tuple[Any, Any]] = [
    ("plain", {"text": "plain"}),
    ({"text": "plain"}, {"text": "plain"}),
    ({"call": "f", "args": {"a": 1}},
     {"functionCall": {"name": "f", "args": {"a": 1}}}),
    ({"json": {"a": 1}}, {"text": '{"a": 1}'}),
    ({"text": "short", "finish_reason": "MAX_TOKENS"}, {"text": "short"}),
    ([{"code": "1 + 1", "output": "2"}, "2"],
     {"executableCode": {"language": "PYTHON", "code": "1 + 1"}}),
    ([{"thought": "hm"}, "said"], {"text": "said"}),
    ([{"text": "plain"}, {"call": "f"}], {"text": "plain"}),
    ({"response": {"candidates": [{"content": {"parts": [{"text": "whole"}]}}]}},
     {"text": "whole"}),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "part"), ENTRIES, ids=range(len(ENTRIES)))
def test_answers(client: Client, answer: Any, part: dict[str, Any]) -> None:
    script = {"answers": [{"answer": answer, "text": "Hi", "turn": 0}]}
    assert post(client, "script", script).json() == {"added": 1}
    told = client.parts()[0]
    assert {key: told[key] for key in part} == part
    assert post(client, "verify").json()["ok"] is True


def test_faults_patterns_and_times(client: Client) -> None:
    entries = [
        {"answer": {"fault": "status code=429 retry_after=3"}, "text": "/^Hi$/"},
        {"answer": "late", "spoil": ["late seconds=0.05"], "times": 2},
        {"answer": "for ever", "times": None},
    ]
    assert post(client, "script", entries).json() == {"added": 3}
    refused = client.run()
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
    assert client.run().elapsed.total_seconds() >= 0.05
    texts = [client.text() for _ in range(3)]
    assert texts == ["late", "for ever", "for ever"]


def scripted(answer: Any, **beside: Any) -> Any:
    return {"answers": [{"answer": answer, **beside}]}


GOOD = {"answer": "good"}
NO_SCRIPTS: dict[str, Any] = {
    "nothing": None,
    "no answers": {},
    "answers that are no list": {"answers": {}},
    "an entry that is a text": {"answers": ["text"]},
    "no answer": {"answers": [{"text": "Lima"}]},
    "an unknown answer": scripted({"said": 1}),
    "arguments that are no object": scripted({"call": "f", "args": 1}),
    "an unknown fault": scripted({"fault": "explode"}),
    "an unknown condition": scripted("x", town="Lima"),
    "times in words": scripted("x", times="many"),
    "a fault's unknown option": scripted("x", spoil=["cut after=1"]),
    "a pattern that is none": scripted("x", text="/(/"),
    "no times": {"answers": [GOOD, {"answer": "x", "times": 0}]},
    "a turn in words": {"answers": [GOOD, {"answer": "x", "turn": "0"}]},
    "a text that is a number": scripted({"text": 5}),
    "an unknown option": scripted({"text": "x", "finish_reson": "STOP"}),
    "two answers in one": scripted({"text": "x", "call": "f"}),
    "an answer of nothing": scripted([]),
    "an answer that is null": scripted(None),
    "a fault that is spoiled": scripted({"fault": "cut"}, spoil="late seconds=1"),
    "seconds in words": scripted("x", spoil="late seconds=x"),
}


@pytest.mark.parametrize("body", NO_SCRIPTS.values(), ids=NO_SCRIPTS)
def test_a_script_that_is_none(client: Client, body: Any) -> None:
    answer = post(client, "script", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]
    client.emulator.assert_script_used()


WRONG = [
    ("GET", "nothing", None, 404, "Unknown action 'nothing'. Known: health, "),
    ("GET", "script", None, 405, "/_emulator/script takes POST, not GET."),
    ("DELETE", "reset", None, 405, "/_emulator/reset takes POST, not DELETE."),
    ("POST", "script", b"{", 422, "The body isn't JSON: "),
    ("POST", "script", b'[{"answr": 5}]', 422, 'needs the key "answer", but is'),
    ("GET", "reset", None, 405, "/_emulator/reset takes POST, not GET."),
    ("GET", "clear", None, 405, "/_emulator/clear takes POST, not GET."),
    ("POST", "restart", None, 404, "Unknown action 'restart'. Known: health, "),
    ("GET", "exchanges?after=x", None, 422, "must be whole numbers, not ['x', '0']"),
    ("GET", "exchanges?after=-1", None, 422, "must be whole numbers, not ['-1', '0']"),
    ("GET", "exchanges?last=²", None, 422, "must be whole numbers, not ['0', '²']"),
    ("GET", f"exchanges?after={'9' * 30}", None, 422, "must be whole numbers, not "),
]


@pytest.mark.parametrize(("method", "action", "body", "status", "words"), WRONG)
def test_what_is_wrong_is_answered_in_words(
    client: Client, method: str, action: str, body: Any, status: int, words: str
) -> None:
    url = f"{client.emulator.url}/_emulator/{action}"
    answer = client.http.request(method, url, content=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_exchanges_clear_verify_and_reset(client: Client) -> None:
    client.emulator.answer("never", text="Oslo")
    client.run()
    (exchange,) = get(client, "exchanges").json()["exchanges"]
    assert (exchange["text"], exchange["status"]) == ("Hi", 200)
    assert exchange["usage"]["totalTokenCount"]
    assert client.emulator.api_token not in json.dumps(exchange)
    assert post(client, "clear").json() == {"status": "ok"}
    assert get(client, "exchanges").json() == {"exchanges": []}
    # What is cleared is not the script.
    (left,) = get(client, "state").json()["left"]
    assert left.startswith("'never' for text 'Oslo'")
    verified = post(client, "verify")
    assert verified.status_code == 409
    assert "'never' for text 'Oslo'" in verified.json()["problem"]
    client.run()
    assert post(client, "reset").json() == {"status": "ok"}
    assert get(client, "exchanges").json() == {"exchanges": []}
    assert get(client, "state").json()["left"] == []
    assert get(client, "health").json() == {"status": "ok"}


def test_the_page_is_all_there_is(client: Client) -> None:
    """Nothing comes from elsewhere, and nothing of an exchange is in its source."""
    client.run(ask("<script>alert(1)</script>"))
    page = client.http.get(client.emulator.url)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "No exchange yet" in page.text
    assert 'name="viewport"' in page.text
    assert "alert(1)" not in page.text
    assert client.emulator.api_token not in page.text


def test_the_exchanges_after_a_number(client: Client) -> None:
    for text in "abcd":
        client.run(ask(text))
    for query, numbers in [
        ("", [1, 2, 3, 4]),
        ("?after=2", [3, 4]),
        ("?last=1", [4]),
        ("?after=1&last=2", [3, 4]),
        ("?after=9", []),
    ]:
        told = get(client, f"exchanges{query}").json()["exchanges"]
        assert [exchange["number"] for exchange in told] == numbers


HOSTS = (
    *("rebound.example", "rebound.example:80", "[::2]", "[", "127.0.0.1.example"),
    *("10.0.0.1", "evil.example@127.0.0.1", "127.0.0.1/evil.example", "0.0.0.0"),
    *("127.0.0.1:80@evil.example", "127.0.0.1, evil.example"),
)
ORIGINS = (
    *("http://localhost.evil.example", "https://127.0.0.1@evil.example", "null"),
    *("null, http://localhost", "https://elsewhere.example"),
)
FOREIGN = [*({"host": it} for it in HOSTS), *({"origin": it} for it in ORIGINS)]


@pytest.mark.parametrize(
    ("headers", "action"),
    [*zip(FOREIGN, itertools.cycle(["exchanges", "script", "reset", "verify"]))],
    ids=str,
)
def test_other_sites_are_refused(
    client: Client, headers: dict[str, str], action: str
) -> None:
    client.emulator.answer("kept", times=None)
    refused = post(client, action, [GOOD], headers=headers)
    assert refused.status_code == 403
    page = client.http.get(client.emulator.url, headers=headers)
    assert (page.status_code, "exchange" in page.text) == (403, False)
    allowed = post(client, action, [GOOD], headers={**headers, **client.authorized})
    assert allowed.status_code != 403


def test_localhost_by_name(client: Client) -> None:
    port = client.emulator.url.rpartition(":")[2]
    mapped = f"[::ffff:127.0.0.1]:{port}"
    for host in (f"LocalHost:{port}", "127.0.0.1", f"[::1]:{port}", mapped):
        page = client.http.get(client.emulator.url, headers={"host": host})
        assert page.status_code == 200


def test_what_was_recorded_is_a_script(
    tmp_path: Path, client: Client, emulating: Emulating
) -> None:
    """Recorded from another emulator, which stands for Cloudflare here."""
    path, real = tmp_path / "script.json", client.emulator
    real.script(reply("one"), reply("streamed answer"), call("f", a=1), 404)
    tools = [{"functionDeclarations": [function("f", a={"type": "INTEGER"})]}]
    one, two, three, four = (ask(text, tools=tools) for text in "abcd")
    source = (real.base_url, real.gateway_base_url)
    with emulating(record=path, record_from=source) as recording:
        first = recording.run(one)
        assert first.headers["cf-aig-log-id"]
        streamed = recording.gateway(two)
        assert "text/event-stream" in streamed.headers["content-type"]
        recording.run(three)
        assert recording.run(four).status_code == 404
        assert "recorded" in recording.emulator.requests[0].notes
        # What asks no model goes on as well, and is no answer of the script.
        url = recording.account_url("ai/catalog/models?per_page=2")
        listed = recording.http.get(url, headers=client.authorized)
        assert listed.json()["result_info"]["per_page"] == 2
        assert recording.gateway(one, method="countTokens").json()["totalTokens"]
        assert [e.route for e in real.exchanges[-2:]] == ["catalogue", "countTokens"]
    assert real.api_token not in path.read_text()
    assert real.account_id not in path.read_text()
    with emulating(unscripted="fail") as replaying:
        assert replaying.emulator.script_file(path) == 4
        assert replaying.run(four).status_code == 404
        assert replaying.parts(three)[0]["functionCall"]["args"] == {"a": 1}
        assert replaying.text(one) == "one"
        assert "answer" in replaying.gateway(two).text
        replaying.emulator.assert_script_used()


def test_cloudflare_cannot_be_reached(tmp_path: Path, emulating: Emulating) -> None:
    nowhere = ("http://127.0.0.1:1/client/v4", "http://127.0.0.1:1/v1")
    with emulating(record=tmp_path / "s.json", record_from=nowhere) as client:
        answer = client.run()
    assert answer.status_code == 502
    assert "can't reach Cloudflare" in answer.json()["errors"][0]["message"]
    with pytest.raises(FileNotFoundError):
        Emulator(record=tmp_path / "none" / "s.json")


CASSETTES = sorted((ROOT / "cassettes").rglob("*.yaml"))


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_cassettes_are_scripts(path: Path, emulating: Emulating) -> None:
    yaml = pytest.importorskip("yaml")
    (told,) = yaml.safe_load(path.read_text("utf-8"))["interactions"]
    body = json.loads(told["request"]["body"])
    with emulating(unscripted="fail", foreign_signatures=True) as client:
        assert client.emulator.script_file(path) == 1
        text = client.text(body.get("input", body))
        client.emulator.assert_script_used()
    recorded = json.dumps(told["response"]["body"]["string"], ensure_ascii=False)
    assert text.split()[0] in recorded


@pytest.mark.slow
def test_the_command_takes_a_script(tmp_path: Path, http: httpx.Client) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"answers": [{"answer": "from the file"}]}))
    command = [sys.executable, "-m", "langchain_cf_gemini", "emulator", "--port", "0"]
    command += ["--script", str(path), "--unscripted", "fail"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        address = server.stdout.readline().split()[3]
        health = http.get(f"{address}/_emulator/health")
        assert health.json() == {"status": "ok"}
        url = f"{address}/v1beta/models/gemini-3-flash-preview:generateContent"
        key = {"x-goog-api-key": "emulator-token-not-a-secret"}
        answers = [http.post(url, json=HI, headers=key) for _ in range(2)]
        server.terminate()
        assert server.wait(10) == 143
    assert "from the file" in answers[0].text
    assert answers[1].status_code == 422

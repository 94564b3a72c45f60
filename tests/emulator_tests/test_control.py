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
from tests.support.judge import Client, function, user
from tests.support.process import default_trust

HI = {"contents": [user("Hi")]}
ROOT = Path(__file__).parents[2]


def post(
    emulator: Emulator, action: str, body: Any = None, **more: Any
) -> httpx.Response:
    return httpx.post(
        f"{emulator.url}/_emulator/{action}", json=body, verify=default_trust(), **more
    )


def get(url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.get(url, headers=headers, verify=default_trust())


def said(answer: httpx.Response) -> Any:
    return answer.json()["result"]["candidates"][0]["content"]["parts"][0]


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
    assert post(client.emulator, "script", script).json() == {"added": 1}
    told = said(client.run(HI))
    assert {key: told[key] for key in part} == part
    assert post(client.emulator, "verify").json()["ok"] is True


def test_faults_patterns_and_times(client: Client) -> None:
    entries = [
        {"answer": {"fault": "status code=429 retry_after=3"}, "text": "/^Hi$/"},
        {"answer": "late", "spoil": ["late seconds=0.05"], "times": 2},
        {"answer": "for ever", "times": None},
    ]
    assert post(client.emulator, "script", entries).json() == {"added": 3}
    refused = client.run(HI)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
    late = client.run(HI)
    assert late.elapsed.total_seconds() >= 0.05
    texts = [said(client.run(HI))["text"] for _ in range(3)]
    assert texts == ["late", "for ever", "for ever"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"answers": {}},
        {"answers": ["text"]},
        {"answers": [{"text": "Lima"}]},
        {"answers": [{"answer": {"said": 1}}]},
        {"answers": [{"answer": {"call": "f", "args": 1}}]},
        {"answers": [{"answer": {"fault": "explode"}}]},
        {"answers": [{"answer": "x", "town": "Lima"}]},
        {"answers": [{"answer": "x", "times": "many"}]},
        {"answers": [{"answer": "x", "spoil": ["cut after=1"]}]},
        {"answers": [{"answer": "x", "text": "/(/"}]},
        {"answers": [{"answer": "good"}, {"answer": "x", "times": 0}]},
        {"answers": [{"answer": "good"}, {"answer": "x", "turn": "0"}]},
        {"answers": [{"answer": {"text": 5}}]},
        {"answers": [{"answer": {"text": "x", "finish_reson": "STOP"}}]},
        {"answers": [{"answer": {"text": "x", "call": "f"}}]},
        {"answers": [{"answer": []}]},
        {"answers": [{"answer": None}]},
        {"answers": [{"answer": {"fault": "cut"}, "spoil": "late seconds=1"}]},
        {"answers": [{"answer": "x", "spoil": "late seconds=x"}]},
    ],
    ids=range(21),
)
def test_a_script_that_is_none(client: Client, body: Any) -> None:
    answer = post(client.emulator, "script", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]
    client.emulator.assert_script_used()


WRONG = [
    ("GET", "nothing", None, 404, "Unknown action 'nothing'. Known: health, "),
    ("GET", "script", None, 405, "/_emulator/script takes POST, not GET."),
    ("POST", "script", b"{", 422, "The body isn't JSON: "),
    ("POST", "script", b'[{"answr": 5}]', 422, 'needs the key "answer", but is'),
    ("GET", "exchanges?after=x", None, 422, "must be whole numbers, not ['x', '0']"),
]


@pytest.mark.parametrize(("method", "action", "body", "status", "words"), WRONG)
def test_what_is_wrong_is_answered_in_words(
    client: Client, method: str, action: str, body: Any, status: int, words: str
) -> None:
    url = f"{client.emulator.url}/_emulator/{action}"
    answer = httpx.request(method, url, content=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_exchanges_verify_and_reset(client: Client) -> None:
    emulator = client.emulator
    emulator.answer("never", text="Oslo")
    client.run(HI)
    url = f"{emulator.url}/_emulator"
    (exchange,) = get(f"{url}/exchanges").json()["exchanges"]
    assert exchange["text"] == "Hi"
    assert exchange["status"] == 200
    assert exchange["usage"]["totalTokenCount"]
    assert emulator.api_token not in json.dumps(exchange)
    verified = post(emulator, "verify")
    assert verified.status_code == 409
    assert "'never' for text 'Oslo'" in verified.json()["problem"]
    assert post(emulator, "reset").json() == {"status": "ok"}
    assert get(f"{url}/exchanges").json() == {"exchanges": []}
    assert get(f"{url}/health").json() == {"status": "ok"}
    assert get(f"{url}/reset").status_code == 405
    assert post(emulator, "restart").status_code == 404


FOREIGN: list[dict[str, str]] = [
    {"host": "rebound.example"},
    {"host": "rebound.example:80"},
    {"host": "[::2]"},
    {"host": "["},
    {"host": "127.0.0.1.example"},
    {"host": "10.0.0.1"},
    {"host": "evil.example@127.0.0.1"},
    {"host": "127.0.0.1/evil.example"},
    {"host": "127.0.0.1:80@evil.example"},
    {"host": "127.0.0.1, evil.example"},
    {"host": "0.0.0.0"},
    {"origin": "http://localhost.evil.example"},
    {"origin": "https://127.0.0.1@evil.example"},
    {"origin": "null, http://localhost"},
    {"origin": "https://elsewhere.example"},
    {"origin": "null"},
]


@pytest.mark.parametrize(
    ("headers", "action"),
    [*zip(FOREIGN, itertools.cycle(["exchanges", "script", "reset", "verify"]))],
    ids=str,
)
def test_other_sites_are_refused(
    client: Client, headers: dict[str, str], action: str
) -> None:
    emulator = client.emulator
    emulator.answer("kept", times=None)
    refused = post(emulator, action, [{"answer": "x"}], headers=headers)
    assert refused.status_code == 403
    page = get(emulator.url, headers)
    assert (page.status_code, "exchange" in page.text) == (403, False)
    token = {"authorization": f"Bearer {emulator.api_token}"}
    allowed = post(emulator, action, [{"answer": "x"}], headers={**headers, **token})
    assert allowed.status_code != 403


def test_localhost_by_name(client: Client) -> None:
    port = client.emulator.url.rpartition(":")[2]
    mapped = f"[::ffff:127.0.0.1]:{port}"
    for host in (f"LocalHost:{port}", "127.0.0.1", f"[::1]:{port}", mapped):
        page = get(client.emulator.url, {"host": host})
        assert page.status_code == 200


def test_what_was_recorded_is_a_script(
    tmp_path: Path, client: Client, http: httpx.Client
) -> None:
    """Recorded from another emulator, which stands for Cloudflare here."""
    path, real = tmp_path / "script.json", client.emulator
    real.script(reply("one"), reply("streamed answer"), call("f", a=1))
    real.fail(404)
    tools = [{"functionDeclarations": [function("f", a={"type": "INTEGER"})]}]
    asked = [{"contents": [user(text)], "tools": tools} for text in "abcd"]
    source = (real.base_url, real.gateway_base_url)
    with Emulator(record=path, record_from=source) as recording:
        through = Client(recording, http)
        first = through.run(asked[0])
        assert first.headers["cf-aig-log-id"]
        streamed = through.gateway(asked[1])
        through.run(asked[2])
        assert through.run(asked[3]).status_code == 404
        assert "recorded" in recording.requests[0].notes
        # What asks no model goes on as well, and is no answer of the script.
        account = f"{recording.base_url}/accounts/{real.account_id}"
        token = {"authorization": f"Bearer {real.api_token}"}
        listed = http.get(f"{account}/ai/catalog/models?per_page=2", headers=token)
        assert listed.json()["result_info"]["per_page"] == 2
        assert through.gateway(asked[0], method="countTokens").json()["totalTokens"]
        assert [e.route for e in real.exchanges[-2:]] == ["catalogue", "countTokens"]
    assert real.api_token not in path.read_text()
    assert real.account_id not in path.read_text()
    with Emulator(unscripted="fail") as replaying:
        assert replaying.script_file(path) == 4
        again = Client(replaying, http)
        assert again.run(asked[3]).status_code == 404
        assert said(again.run(asked[2]))["functionCall"]["args"] == {"a": 1}
        assert said(again.run(asked[0])) == said(first)
        assert "answer" in again.gateway(asked[1]).text
        assert "text/event-stream" in streamed.headers["content-type"]
        replaying.assert_script_used()


def test_cloudflare_cannot_be_reached(tmp_path: Path, http: httpx.Client) -> None:
    nowhere = ("http://127.0.0.1:1/client/v4", "http://127.0.0.1:1/v1")
    with Emulator(record=tmp_path / "s.json", record_from=nowhere) as emulator:
        answer = Client(emulator, http).run(HI)
        assert answer.status_code == 502
        assert "can't reach Cloudflare" in answer.json()["errors"][0]["message"]
    with pytest.raises(FileNotFoundError):
        Emulator(record=tmp_path / "none" / "s.json")


CASSETTES = sorted((ROOT / "cassettes").rglob("*.yaml"))


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_cassettes_are_scripts(path: Path, http: httpx.Client) -> None:
    yaml = pytest.importorskip("yaml")
    (told,) = yaml.safe_load(path.read_text("utf-8"))["interactions"]
    body = json.loads(told["request"]["body"])
    with Emulator(unscripted="fail", foreign_signatures=True) as emulator:
        assert emulator.script_file(path) == 1
        answer = said(Client(emulator, http).run(body.get("input", body)))
        emulator.assert_script_used()
    recorded = json.dumps(told["response"]["body"]["string"], ensure_ascii=False)
    assert answer["text"].split()[0] in recorded


@pytest.mark.slow
def test_the_command_takes_a_script(tmp_path: Path, http: httpx.Client) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"answers": [{"answer": "from the file"}]}))
    command = [sys.executable, "-m", "langchain_cf_gemini", "emulator", "--port", "0"]
    options = ["--script", str(path), "--unscripted", "fail"]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, text=True
    ) as server:
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

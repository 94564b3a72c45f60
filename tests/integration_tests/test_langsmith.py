"""LangSmith's own client: what it posts of our calls, read at a server on loopback."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from tests.support.traced import CALLS, run_traced

pytestmark = pytest.mark.slow

Json = dict[str, Any]

# As LangSmith's own server says them.
LIMITS = {
    "scale_up_qsize_trigger": 1000,
    "scale_up_nthreads_limit": 16,
    "scale_down_nempty_trigger": 4,
    "size_limit": 100,
    "size_limit_bytes": 20_971_520,
}


class LangSmith(BaseHTTPRequestHandler):
    """Takes runs as LangSmith does, in batches of JSON."""

    posted: ClassVar[list[Json]] = []

    def do_GET(self) -> None:
        """Say which form runs are wanted in."""
        self._say({"batch_ingest_config": {**LIMITS, "use_multipart_endpoint": False}})

    def do_POST(self) -> None:
        """Take runs that began, and runs that ended."""
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.path == "/runs/batch"
        self.posted.append(json.loads(body))
        self._say({})

    def _say(self, value: Json) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def posted() -> list[Json]:
    """What LangSmith's client posted of the program's runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), LangSmith) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        run_traced(
            "callbacks = []",
            "from langchain_core.tracers.langchain import wait_for_all_tracers\n"
            "wait_for_all_tracers()",
            LANGSMITH_TRACING="true",
            LANGSMITH_API_KEY="lsv2_pt_none",
            LANGSMITH_ENDPOINT=f"http://127.0.0.1:{server.server_port}",
        )
        server.shutdown()
    return LangSmith.posted


@pytest.fixture(scope="module")
def runs(posted: list[Json]) -> list[Json]:
    """The runs of the model, each put together of its beginning and its end."""
    found: dict[str, Json] = {}
    for batch in posted:
        for run in (*batch.get("post", ()), *batch.get("patch", ())):
            told = {k: v for k, v in run.items() if v is not None}
            found.setdefault(run["id"], {}).update(told)
    return [run for run in found.values() if run["run_type"] == "llm"]


def test_every_call_is_a_run_with_its_counts(runs: list[Json]) -> None:
    assert len(runs) == CALLS
    for run in runs:
        [[generation]] = run["outputs"]["generations"]
        message = generation["message"]["kwargs"]
        usage = message["usage_metadata"]
        assert usage["input_tokens"] > 0
        assert usage["output_tokens"] > 0
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        # Where LangSmith reads counts from, whatever the message's class.
        assert run["extra"]["metadata"]["usage_metadata"] == usage
        assert generation["generation_info"] == {
            "finish_reason": "STOP",
            "model_name": "gemini-3-flash",
        }


def test_the_model_its_settings_and_tools_are_told(runs: list[Json]) -> None:
    for run in runs:
        metadata, asked = run["extra"]["metadata"], run["extra"]["invocation_params"]
        assert metadata["ls_provider"] == "cloudflare_gemini"
        assert metadata["ls_model_name"] == "gemini-3-flash"
        assert metadata["ls_model_type"] == "chat"
        assert metadata["ls_temperature"] == 0.5
        assert metadata["ls_max_tokens"] == 900
        assert asked["model"] == "gemini-3-flash"
        assert asked["max_tokens"] == 900
        assert [tool["name"] for tool in asked["tools"]] == ["search", "weather"]


def test_calls_and_results_are_told(runs: list[Json]) -> None:
    said = [run["outputs"]["generations"][0][0]["message"]["kwargs"] for run in runs]
    asked = [(c["name"], c["args"]) for message in said for c in message["tool_calls"]]
    assert asked == [("weather", {"place": "Lima"})] * 2


def test_no_secret_is_posted(posted: list[Json]) -> None:
    said = json.dumps(posted)
    assert "must-not-be-seen" not in said
    assert "Bearer" not in said

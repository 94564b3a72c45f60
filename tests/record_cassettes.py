"""Record the cassettes again and show what changed: `make record`.

LangChain's timing tests are recorded from the emulator. The exchanges of Cloudflare's
model pages are asked of Cloudflare itself when CLOUDFLARE_ACCOUNT_ID and
CLOUDFLARE_API_TOKEN are set; without them they stay what they are. Recording costs 24
short answers.
"""

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import yaml
from vcr.request import Request

from langchain_cf_gemini import ChatCloudflareGemini, CloudflareGeminiError
from tests.support import cassettes
from tests.support.verified import Recorder, Scrubber

_VARIABLES = ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN")
_TIMED = "tests/integration_tests/test_standard.py"
_TIMED_CLASSES = {"run": "TestRunV0", "gateway": "TestGatewayV0"}
_FROM_EMULATOR = (
    "# Recorded from the emulator of this project, not from Cloudflare: the answer of\n"
    "# LangChain's test_stream_time. `make record` writes this file.\n"
)
_FROM_CLOUDFLARE = "# Recorded from Cloudflare. `make record` writes this file.\n"


def main() -> int:
    """Record, then print the differences; the exit status tells of failures."""
    before = {path: path.read_text("utf-8") for path in _all()}
    failures = [*_record_timed_tests(), *_record_documented_exchanges()]
    for path in _all():
        _show_change(path, before.get(path, ""), path.read_text("utf-8"))
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _all() -> list[Path]:
    return sorted(cassettes.DIRECTORY.rglob("*.yaml"))


def _record_timed_tests() -> Iterator[str]:
    # The benchmark plugin warns that it measures nothing while a cassette is recorded.
    options = ["-q", "--record-mode=rewrite", "-p", "no:cacheprovider", "-W", "default"]
    for endpoint, name in _TIMED_CLASSES.items():
        test = f"{_TIMED}::{name}::test_stream_time"
        command = [sys.executable, "-m", "pytest", *options, test]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        path = cassettes.DIRECTORY / f"langchain_tests/test_stream_time.{endpoint}.yaml"
        if done.returncode:
            yield f"{test} was not recorded:\n{done.stdout}"
        elif not (text := path.read_text("utf-8")).startswith("#"):
            path.write_text(_FROM_EMULATOR + text, "utf-8")


def _record_documented_exchanges() -> Iterator[str]:
    if not all(os.environ.get(name) for name in _VARIABLES):
        print(f"Set {' and '.join(_VARIABLES)} to record from Cloudflare itself.")
        return
    for path in cassettes.documented_cassettes():
        try:
            _record(path)
        except CloudflareGeminiError as error:
            yield f"{path.name}: {type(error).__name__}: {error}"


def _record(path: Path) -> None:
    """Ask Cloudflare what the cassette asks; it is replaced only by an answer."""
    path.write_text(_FROM_CLOUDFLARE + recorded(path), "utf-8")


def recorded(path: Path, **settings: Any) -> str:
    """Record anew what a cassette asks, with the recorder and scrubber of `verify`.

    Args:
        path: The cassette.
        **settings: Arguments of the model, in addition to the cassette's own.

    Returns:
        The new cassette, without credentials and ids.

    Raises:
        CloudflareGeminiError: If the request fails.
    """
    (interaction,) = yaml.safe_load(path.read_text("utf-8"))["interactions"]
    asked = interaction["request"]
    request = Request(asked["method"], asked["uri"], asked["body"], {})
    generation = cassettes.generation_from_request(request)
    recorder = Recorder(httpx2.HTTPTransport())
    with httpx2.Client(transport=recorder) as client:
        model = cassettes.model_for(path, generation, http_client=client, **settings)
        _ask(model, path, generation)
    exchange = recorder.exchanges[-1]
    tokens = (model.api_token, model.gateway_token, model.google_api_key)
    secrets = [token.get_secret_value() for token in tokens if token]
    scrubber = Scrubber(secrets, model.account_id or "")
    scrubber.learn(exchange)
    cassette = {"interactions": [scrubber.interaction(exchange)], "version": 1}
    return yaml.safe_dump(cassette, allow_unicode=True, width=100)


def _ask(model: ChatCloudflareGemini, path: Path, generation: dict[str, Any]) -> None:
    messages = cassettes.messages_from_contents(generation)
    if path.stem.endswith(".stream"):
        for _ in model.stream(messages):
            pass
    else:
        model.invoke(messages)


def _show_change(path: Path, before: str, after: str) -> None:
    if before == after:
        return
    old, new = (_outline(text).splitlines() for text in (before, after))
    name = str(path.relative_to(cassettes.DIRECTORY.parent))
    changes = list(difflib.unified_diff(old, new, name, name, lineterm="", n=1))
    print("\n".join(changes) or f"{name}: the same shape, other values")


def _outline(text: str) -> str:
    """A cassette without what differs at every call: texts, ids, times, counts."""
    if not text:
        return ""
    (interaction,) = yaml.safe_load(text)["interactions"]
    response = interaction["response"]
    body = response["body"]["string"]
    events = [line.removeprefix("data: ") for line in body.splitlines() if line]
    return json.dumps(
        {
            "request": interaction["request"]["uri"],
            "status": response["status"],
            "headers": sorted(name.lower() for name in response["headers"]),
            "answers": [_shape(json.loads(event)) for event in events],
        },
        indent=1,
    )


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(item) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value).__name__


if __name__ == "__main__":
    sys.exit(main())

"""Clients of another language, which script the emulator over HTTP.

`npm install --prefix tests/emulator_tests/node` brings them.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from langchain_cf_gemini.emulator import Emulator

NODE = Path(__file__).parent / "node"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("node") is None or not (NODE / "node_modules").is_dir(),
        reason="node's clients are not installed",
    ),
]

SAID: dict[str, dict[str, Any]] = {
    "google_genai": {"args": {"city": "Lima"}, "refused": 404},
    "ai_sdk": {},
}


@pytest.mark.parametrize("client", SAID)
def test_a_client_of_node(client: str) -> None:
    with Emulator(unscripted="fail") as emulator:
        done = subprocess.run(
            ["node", f"{client}.mjs", emulator.url, emulator.api_token],
            cwd=NODE,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        emulator.verify()
    assert json.loads(done.stdout) == {
        "hi": "Hello from a script.",
        "streamed": "one two three",
        "told": "18 °C in Lima.",
        **SAID[client],
    }

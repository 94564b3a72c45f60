"""The package on Pyodide, with a Worker's binding; `make worker` installs them.

One node runs all of in_worker.py, whose tests are shown here one by one.
"""

from __future__ import annotations

import ast
import json
import subprocess
from typing import Any

import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.worker_tests.install import HERE, PACKAGE, PROJECT, SITE

pytestmark = [pytest.mark.worker, pytest.mark.timeout(600)]
# https://developers.cloudflare.com/workers/platform/limits/
WORKER_MEGABYTES = 128
Json = dict[str, Any]
TREE = ast.parse((HERE / "in_worker.py").read_text("utf-8"))
NAMES = [
    node.name
    for node in TREE.body
    if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_")
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What Pyodide said of every test."""
    with Emulator() as emulator:
        client = emulator.client
        binding = {
            "accountId": client["account_id"],
            "apiToken": client["api_token"],
            "baseUrl": client["base_url"],
            "gatewayBaseUrl": client["gateway_base_url"],
        }
        folders = (SITE, PACKAGE, HERE / "shims", HERE, PROJECT / "examples/worker")
        done = subprocess.run(
            ["node", "run.mjs", *map(str, folders), json.dumps(binding)],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=580,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    found: Json = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_on_pyodide(told: Json, name: str) -> None:
    assert told["outcomes"][name] == "passed"


def test_what_it_takes(told: Json, capsys: pytest.CaptureFixture[str]) -> None:
    """The figures of docs/worker.md; a Worker may take 128 MB."""
    facts = {name: value for name, value in told.items() if name != "outcomes"}
    with capsys.disabled():
        print(f"\n{facts}")
    assert facts["httpx2"] == []
    # Those of Pyodide and LangChain show that they are counted.
    assert facts["draws_before"] > facts["package_draws"] == 0
    assert facts["imported_mb"] < WORKER_MEGABYTES
    assert facts["after_mb"] < WORKER_MEGABYTES

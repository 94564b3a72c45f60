"""The command line as a user runs it: real processes, real pipes, real signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

PROMPT = "What are the three laws of thermodynamics?"
COMMAND = [sys.executable, "-m", "langchain_cf_gemini"]


def _environment(**values: str) -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1", **values}


def _run(*arguments: str, stdin: str = "", **values: str) -> Any:
    return subprocess.run(
        [*COMMAND, *arguments],
        check=False,
        input=stdin,
        capture_output=True,
        text=True,
        env=_environment(**values),
        timeout=60,
    )


def test_import_is_light() -> None:
    """Beside LangChain's base class and httpx, only modules of ours."""
    program = """
import sys
import httpx, langchain_core.language_models.chat_models
import langchain_core.output_parsers
before = set(sys.modules)
import langchain_cf_gemini
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert not set(done.stdout.split()) & {
        "aiohttp",
        "anyio",
        "google",
        "httpx_aiohttp",
        "jsonschema",
        "langgraph",
        "starlette",
        "uvicorn",
    }


@pytest.mark.parametrize(
    "program",
    [
        "import langchain_cf_gemini",
        "from langchain_cf_gemini import __version__, GatewayOptions",
        "import langchain_cf_gemini.emulator.pytest_plugin",
        "from langchain_cf_gemini.__main__ import main; main(['--version'])",
    ],
)
def test_doors_load_no_langchain(program: str) -> None:
    program = f"""
import sys
try:
    {program}
except SystemExit:
    pass
loaded = {{"langchain_core", "pydantic", "httpx", "httpx2"}} & sys.modules.keys()
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_public_name_comes_on_demand() -> None:
    program = """
import langchain_cf_gemini as package
assert set(package.__all__) <= set(dir(package))
for name in package.__all__:
    assert getattr(package, name) is getattr(package, name)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_ask_without_credentials_asks_the_emulator() -> None:
    done = _run("ask", PROMPT)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1
    assert "CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN" in done.stderr
    said, summary = done.stdout.rsplit("\n\n", 1)
    assert "thermodynamics" in said
    assert summary.startswith("model gemini-3-flash")
    assert "finish reason STOP" in summary
    assert "tokens " in summary


def test_ask_reads_the_prompt_from_standard_input_and_writes_json() -> None:
    done = _run("ask", "--json", "--model", "gemini-3.1-flash-lite", stdin=PROMPT)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert "thermodynamics" in said["text"]
    assert said["usage_metadata"]["total_tokens"] > 0
    assert said["response_metadata"]["finish_reason"] == "STOP"


def test_ctrl_c_while_langchain_is_imported(tmp_path: Path) -> None:
    stand_in = tmp_path / "langchain_core" / "__init__.py"
    stand_in.parent.mkdir()
    stand_in.write_text(
        "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)"
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = _run("ask", "hi", PYTHONPATH=paths)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_it_cleanly() -> None:
    with subprocess.Popen(
        [*COMMAND, "emulator", "--port", str(_free_port())],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(PYTHONUNBUFFERED="1"),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert process.returncode in (0, 130)
        assert "Traceback" not in process.stderr.read()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_emulator_serves() -> None:
    port = _free_port()
    with subprocess.Popen(
        [*COMMAND, "emulator", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=_environment(PYTHONUNBUFFERED="1"),
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            transport = httpx.HTTPTransport(retries=5)
            with httpx.Client(transport=transport) as client:
                assert client.get(f"http://127.0.0.1:{port}/").status_code == 200
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def test_a_reader_that_goes_away() -> None:
    """`ask ... | head -c 1`: no traceback, no second complaint."""
    with subprocess.Popen(
        [*COMMAND, "ask", PROMPT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        said = process.stderr.read()
        process.wait(30)
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_ctrl_c_at_a_question() -> None:
    with subprocess.Popen(
        [*COMMAND, "ask"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    ) as process:
        assert process.stderr is not None
        with pytest.raises(subprocess.TimeoutExpired):  # it waits for its question
            process.wait(3)
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert process.returncode == 130
        assert process.stderr.read().strip() == ""


# ---- in this process


def _main(*arguments: str) -> int:
    from langchain_cf_gemini.__main__ import main

    return main(list(arguments))


def test_ask_streams(capsys: pytest.CaptureFixture[str]) -> None:
    assert _main("ask", PROMPT, "--system", "Be brief.") == 0
    assert "finish reason STOP" in capsys.readouterr().out


def test_ask_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert _main("ask", "--no-stream", "--max-tokens", "20", "hi") == 0
    assert "tokens " in capsys.readouterr().out


def test_typed_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert _main("ask", "--no-stream", "--model", "gemini-99-flash", "hi") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("error: ")
    assert err.count("\n") == 2  # the emulator's line, and the error's


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        assert _main("emulator", "--port", str(sock.getsockname()[1])) == 1
    assert "Traceback" not in capsys.readouterr().err

"""The command line as a user runs it: real processes, real pipes, real signals."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import (
    AccountRules,
    Answer,
    Emulator,
    call,
    faults,
    finish,
    reply,
)
from tests.support.command_line import main

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 12
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


@pytest.mark.slow
def test_every_public_name_comes_on_demand_and_is_light() -> None:
    """Beside LangChain's base class and httpx, only modules of ours."""
    program = """
import sys
import httpx, langchain_core.language_models.chat_models
import langchain_core.output_parsers
before = set(sys.modules)
import langchain_cf_gemini as package
assert set(package.__all__) <= set(dir(package))
for name in package.__all__:
    assert getattr(package, name) is getattr(package, name)
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert not set(done.stdout.split()) & {
        "aiohttp",
        "google",
        "httpx_aiohttp",
        "jsonschema",
        "langgraph",
        "starlette",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "program",
    [
        "import langchain_cf_gemini",
        "from langchain_cf_gemini import __version__, GatewayOptions",
        "import langchain_cf_gemini.emulator.pytest_plugin",
        "from tests.support.command_line import main; main(['--version'])",
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


@pytest.mark.slow
def test_ask_reads_the_prompt_from_standard_input_and_writes_json() -> None:
    done = _run("--emulator", "--json", "-m", "gemini-3.1-flash-lite", stdin="世界")
    assert done.returncode == 0, done.stderr
    assert "世界" in done.stdout
    said = json.loads(done.stdout)
    assert {block["type"] for block in said["content_blocks"]} >= {"text"}
    assert said["usage_metadata"]["total_tokens"] > 0
    assert said["response_metadata"]["finish_reason"] == "STOP"


@pytest.mark.slow
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


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.mark.slow
def test_an_emulator_serves_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(
        [*COMMAND, "emulator", "--port", str(_free_port())],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(PYTHONUNBUFFERED="1"),
    ) as process:
        assert process.stdout is not None
        try:
            said = "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
            # An application that makes its own model runs on it unchanged.
            for name, value in re.findall(r"^export (\w+)=(\S+)$", said, re.M):
                monkeypatch.setenv(name, value)
            model = ChatCloudflareGemini(model="gemini-3-flash")
            assert "gemini-3-flash-preview" in model.invoke("hi").text
            streamed = "".join(chunk.text for chunk in model.stream("hi"))
            assert "gemini-3-flash-preview" in streamed
        finally:
            process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=30)
    assert process.returncode in (0, 130)
    assert "Traceback" not in complaint


@pytest.mark.slow
def test_a_quiet_emulator_prints_nothing() -> None:
    port = _free_port()
    with subprocess.Popen(
        [*COMMAND, "emulator", "--port", str(port), "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    ) as process:
        transport = httpx.HTTPTransport(retries=8)
        with httpx.Client(transport=transport) as client:
            assert client.get(f"http://127.0.0.1:{port}/").status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")


@pytest.mark.slow
def test_a_reader_that_goes_away() -> None:
    """`ask ... | head -c 1`: no traceback, no second complaint."""
    with subprocess.Popen(
        [*COMMAND, "ask", "--emulator", PROMPT],
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_signals_while_it_waits(number: int, status: int, tmp_path: Path) -> None:
    """They end the process, which waits for the next line, without a word."""
    reading, writing = os.pipe()
    with (
        os.fdopen(reading),
        os.fdopen(writing, "w"),
        subprocess.Popen(
            [*COMMAND, "chat", "--emulator", "-u"],
            stdin=reading,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(PYTHONUNBUFFERED="1"),
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        os.write(writing, b"hello\n")
        assert "hello" in process.stdout.readline()
        assert "tokens" in process.stderr.readline()  # the turn is over
        process.send_signal(number)
        process.wait(30)
        assert process.returncode == status
        assert process.stderr.read().strip() == ""


# ---- in this process


@pytest.fixture(autouse=True)
def empty_stdin() -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO())
    yield
    sys.stdin = before


def _main(emulator: Emulator, *arguments: str) -> int:
    """Run a command against an emulator that is running already."""
    settings = emulator.client.items()
    options = [f for key, value in settings for f in ("-o", f"{key}={value}")]
    return main([*arguments, *options])


def _stdin(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), errors="surrogateescape")


def test_ask_joins_standard_input_and_prompt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sys.stdin = _stdin(b"The notes\n")
    assert main(["ask", "--emulator", "-u", "Sum it up"]) == 0
    out, err = capsys.readouterr()
    assert out.endswith("The notes\n\nSum it up\n")
    assert err.startswith("model gemini-3-flash")
    assert "finish reason STOP" in err
    assert err.count("\n") == 1


def test_standard_input_that_is_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    sys.stdin = _stdin(b"\xff\xfe")
    assert main(["ask"]) == 2
    said = capsys.readouterr().err
    assert said == "error: Standard input is not valid UTF-8.\n"


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_warnings_are_a_line_or_hidden(
    quiet: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--emulator", *quiet, "-m", "gemini-3.6-flash", "-t", "0.5", "hi"]
    assert main(arguments) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == (0 if quiet else 1)
    assert all(line.startswith("warning: ") for line in lines)


def test_ask_streams(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    emulator.reply("One two three.")
    assert _main(emulator, "ask", PROMPT, "-s", "Be brief.", "-u") == 0
    out, err = capsys.readouterr()
    assert out == "One two three.\n"
    assert "finish reason STOP" in err
    assert (
        emulator.requests[-1].generation["systemInstruction"]["parts"][0]["text"]
        == "Be brief."
    )


def test_ask_whole(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    emulator.reply("Whole.")
    arguments = ("--no-stream", "-t", "0.5", "--max-tokens", "20", "--thinking", "low")
    assert _main(emulator, *arguments, "hi") == 0
    assert capsys.readouterr().out == "Whole.\n"
    config = emulator.requests[-1].generation["generationConfig"]
    assert config["temperature"] == 0.5
    assert config["maxOutputTokens"] == 20
    assert config["thinkingConfig"] == {"thinkingLevel": "LOW"}


NO_RESPONSE = [
    (reply("Half an ans") + finish("MAX_TOKENS"), "cut off"),
    (finish("SAFETY"), "SAFETY"),
    (call("f"), "no text"),
]


@pytest.mark.parametrize(("answer", "said"), NO_RESPONSE)
@pytest.mark.parametrize("whole", [(), ("--no-stream",), ("--json", "--markdown")])
def test_what_is_no_whole_response_has_status_3(
    answer: Answer,
    said: str,
    whole: tuple[str, ...],
    emulator: Emulator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulator.script(answer)
    assert _main(emulator, "ask", *whole, "hi") == 3
    out, err = capsys.readouterr()
    assert said in err
    assert ("--json" in whole) == out.startswith('{"text": ')


def test_a_cut_stream_ends_its_line(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator.spoil(reply("one two three four five " * 9), faults.cut(after_frames=2))
    assert _main(emulator, "ask", "hi", "-o", "max_retries=0") == 1
    out, err = capsys.readouterr()
    assert out.endswith("\n")
    assert err.startswith("error: ")


def test_attachments_and_schema(
    emulator: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, notes = tmp_path / "a.png", tmp_path / "notes.txt"
    picture.write_bytes(PNG)
    notes.write_text("Bread and butter")
    schema = '{"type": "object", "properties": {"item": {"type": "string"}}}'
    attached = ("-a", str(picture), "-a", str(notes))
    assert _main(emulator, "ask", *attached, "--schema", schema, "List") == 0
    assert "item" in json.loads(capsys.readouterr().out)
    image, text, prompt = emulator.requests[-1].generation["contents"][0]["parts"]
    assert image["inlineData"]["mimeType"] == "image/png"
    assert text["text"].endswith("notes.txt:\nBread and butter")
    assert prompt == {"text": "List"}


def test_a_model_that_does_not_exist(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main(emulator, "ask", "--no-stream", "-m", "gemini-99-flash", "hi") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Similar models: " in err


KNOWN = [
    ((), 0, "model     ok        gemini-3-flash, gemini-3-flash-preview at Google"),
    (("-m", "gemini-99"), 1, "model     unknown   'gemini-99' isn't in your account's"),
    (("-m", "gemini-3-flsh"), 1, "Similar models: gemini-3-flash"),
]


@pytest.mark.parametrize(("model", "status", "said"), KNOWN)
def test_check_knows_the_model(
    model: tuple[str, ...],
    status: int,
    said: str,
    emulator: Emulator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _main(emulator, "check", *model) == status
    out, err = capsys.readouterr()
    assert out.startswith("token     ok")
    assert said in out
    assert err == ""


def test_check_of_a_token_that_may_not_invoke(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rules = AccountRules(tokens={"token-of-no-service": []})
    with Emulator(rules=rules) as emulator:
        token = ("-o", "api_token=token-of-no-service", "-m", "gemini-99")
        settings = {k: v for k, v in emulator.client.items() if k != "api_token"}
        options = [f for pair in settings.items() for f in ("-o", "=".join(pair))]
        assert main(["check", *options, *token]) == 1
    out = capsys.readouterr().out
    assert "run       refused" in out
    assert "model     unknown" in out


def test_failures_as_json(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator.fail(400, message="no good")
    assert _main(emulator, "ask", "--json", "hi") == 1
    told = json.loads(capsys.readouterr().out)["error"]
    assert told["type"] == "CloudflareInvalidRequestError"
    assert told["status_code"] == 400


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_a_former_model_names_its_successor(
    option: tuple[str, ...],
    emulator: Emulator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulator.fail(404, message="models/gemini-2.5-pro is no longer available.")
    assert _main(emulator, "ask", *option, "-m", "gemini-2.5-pro", "-q", "hi") == 1
    said = "gemini-2.5-pro was replaced by gemini-3.8-flash. Use that model."
    assert said in "".join(capsys.readouterr())


def test_chat(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    lines = "one\n/model gemini-3.1-pro\ntwo\n/clear\n/model -\nthree\n/exit\nfour\n"
    sys.stdin = io.StringIO(lines)
    for text in ("First.", "Second.", "Third."):
        emulator.reply(text)
    assert _main(emulator, "chat", "-q") == 0
    out, err = capsys.readouterr()
    assert out == "First.\nSecond.\nThird.\n"
    assert err.startswith("error: ")
    assert len(emulator.requests[-1].generation["contents"]) == 1
    assert len(emulator.requests[1].generation["contents"]) == 3
    assert "gemini-3.1-pro" in emulator.requests[1].path


LAST = [
    (b"hi\n", 0, ""),
    (b"/model openai/gpt-5\nhi\n", 0, "error: 'openai/gpt-5' isn't a Gemini model."),
    (b"hi\n/model gemini-99\nhi\n", 1, "Similar models: "),
    (b"hi\n/model openai/gpt-5\n", 2, "error: 'openai/gpt-5' isn't a Gemini model."),
    (b"caf\xe9\n", 2, "error: Standard input is not valid UTF-8."),
]


@pytest.mark.parametrize(("lines", "status", "said"), LAST)
def test_a_script_reads_the_status_of_a_chat(
    lines: bytes,
    status: int,
    said: str,
    emulator: Emulator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sys.stdin = _stdin(lines)
    assert _main(emulator, "chat", "-q") == status
    err = capsys.readouterr().err
    assert said in err
    assert "pydantic" not in err


@pytest.mark.slow
def test_what_an_encoding_lacks_is_escaped() -> None:
    shown = {"PYTHONIOENCODING": "ascii"}
    plain = _run("--emulator", "\xe9 \U0001f600", **shown)
    assert plain.stdout.endswith("The prompt was: \\u00e9 \\ud83d\\ude00\n")
    told = _run("--emulator", "--json", "\xe9 \U0001f600", **shown)
    assert json.loads(told.stdout)["text"].endswith("\xe9 \U0001f600")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirection", "status", "said"),
    [("<&-", 0, ""), (">&-", 1, "error: standard output is closed\n"), ("2>&-", 0, "")],
)
def test_closed_streams(redirection: str, status: int, said: str) -> None:
    command = f"exec {sys.executable} -m langchain_cf_gemini --emulator hi"
    done = subprocess.run(
        ["sh", "-c", f"{command} {redirection}"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=_environment(),
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (status, said)
    assert ("The prompt was: hi" in done.stdout) == (status == 0)


def test_the_default_model_from_a_file(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CF_GEMINI_MODEL", raising=False)
    path = tmp_path / ".env"
    path.write_text("CF_GEMINI_MODEL=gemini-3.1-pro\n")
    assert _main(emulator, "ask", "--env-file", str(path), "hi") == 0
    assert "gemini-3.1-pro" in emulator.requests[-1].path
    monkeypatch.delenv("CF_GEMINI_MODEL")


def test_variables_from_a_file(
    emulator: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = emulator.client
    path = tmp_path / ".env"
    path.write_text(
        f"CLOUDFLARE_ACCOUNT_ID={settings['account_id']}\n"
        f"CLOUDFLARE_API_TOKEN={settings['api_token']}\n"
    )
    addresses = [
        option
        for name in ("base_url", "gateway_base_url")
        for option in ("-o", f"{name}={settings[name]}")
    ]
    assert main(["ask", "--env-file", str(path), *addresses, "hi"]) == 0
    assert capsys.readouterr().out


def test_a_script_that_is_no_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "script.json"
    path.write_text("# Script")
    assert main(["emulator", "--port", "0", "--script", str(path)]) == 2
    said = "error: The script script.json can't be read: it isn't JSON (Expecting value"
    assert capsys.readouterr().err.startswith(said)


def test_a_host_of_another_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulator", "--host", "192.0.2.1", "--port", "0"]) == 2
    err = capsys.readouterr().err
    assert "--host '192.0.2.1' is not an address of this machine. Use 127.0.0.1" in err


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        assert main(["emulator", "--port", str(port)]) == 2
    assert f"Port {port} on 127.0.0.1 is in use" in capsys.readouterr().err

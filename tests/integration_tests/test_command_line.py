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
from collections.abc import Callable, Iterator
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
from tests.support.process import run_python

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 12
PROMPT = "What are the three laws of thermodynamics?"
COMMAND = [sys.executable, "-m", "langchain_cf_gemini"]


def _run(*command: str, stdin: str = "", **values: str) -> Any:
    """Run a command to its end."""
    environment = {**os.environ, "PYTHONUTF8": "1", **values}
    options: Any = {"capture_output": True, "text": True, "timeout": 60}
    return subprocess.run(command, check=False, input=stdin, env=environment, **options)


def _started(*arguments: str, **options: Any) -> Any:
    """Start the command with pipes."""
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*COMMAND, *arguments], env=environment, **pipes, **options)


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
    unwanted = {"aiohttp", "google", "httpx_aiohttp", "jsonschema", "langgraph"}
    assert not set(run_python(program).stdout.split()) & {*unwanted, "starlette"}


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
    run_python(f"""
import sys
try:
    {program}
except SystemExit:
    pass
loaded = {{"langchain_core", "pydantic", "httpx", "httpx2"}} & sys.modules.keys()
assert not loaded, loaded
""")


@pytest.mark.slow
def test_ask_reads_the_prompt_from_standard_input_and_writes_json() -> None:
    asking = ("--emulator", "--json", "-m", "gemini-3.1-flash-lite")
    done = _run(*COMMAND, *asking, stdin="世界")
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
    done = _run(*COMMAND, "ask", "hi", PYTHONPATH=paths)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def _bound_port(sock: socket.socket) -> int:
    sock.bind(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]
    return port


def _free_port() -> str:
    with socket.socket() as sock:
        return str(_bound_port(sock))


@pytest.mark.slow
def test_an_emulator_serves_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    with _started("emulator", "--port", _free_port()) as process:
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
    with _started("emulator", "--port", port, "--quiet") as process:
        transport = httpx.HTTPTransport(retries=8)
        with httpx.Client(transport=transport) as client:
            assert client.get(f"http://127.0.0.1:{port}/").status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")


@pytest.mark.slow
def test_a_reader_that_goes_away() -> None:
    """`ask ... | head -c 1`: no traceback, no second complaint."""
    with _started("ask", "--emulator", PROMPT) as process:
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
def test_signals_while_it_waits(number: int, status: int) -> None:
    """They end the process, which waits for the next line, without a word."""
    chat = ("chat", "--emulator", "-u")
    with _started(*chat, stdin=subprocess.PIPE) as process:
        process.stdin.write("hello\n")
        process.stdin.flush()
        assert "hello" in process.stdout.readline()
        assert "tokens" in process.stderr.readline()  # the turn is over
        process.send_signal(number)
        assert process.wait(30) == status
        assert process.stderr.read().strip() == ""


@pytest.mark.slow
def test_what_an_encoding_lacks_is_escaped() -> None:
    said, shown = (*COMMAND, "--emulator", "\xe9 \U0001f600"), "ascii"
    plain = _run(*said, PYTHONIOENCODING=shown)
    assert plain.stdout.endswith("The prompt was: \\u00e9 \\ud83d\\ude00\n")
    told = _run(*said, "--json", PYTHONIOENCODING=shown)
    assert json.loads(told.stdout)["text"].endswith("\xe9 \U0001f600")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirection", "status", "said"),
    [("<&-", 0, ""), (">&-", 1, "error: standard output is closed\n"), ("2>&-", 0, "")],
)
def test_closed_streams(redirection: str, status: int, said: str) -> None:
    command = f"exec {' '.join(COMMAND)} --emulator hi {redirection}"
    done = _run("sh", "-c", command)
    assert (done.returncode, done.stderr) == (status, said)
    assert ("The prompt was: hi" in done.stdout) == (status == 0)


# ---- in this process


@pytest.fixture(autouse=True)
def empty_stdin() -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO())
    yield
    sys.stdin = before


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; returns its status, and what it wrote to its two streams."""

    def ran(*arguments: str, stdin: bytes | None = None) -> tuple[int, str, str]:
        if stdin is not None:
            content = io.BytesIO(stdin)
            sys.stdin = io.TextIOWrapper(content, errors="surrogateescape")
        status = main(list(arguments))
        return status, *capsys.readouterr()

    return ran


def _options(settings: dict[str, Any]) -> list[str]:
    return [f for key, value in settings.items() for f in ("-o", f"{key}={value}")]


@pytest.fixture
def emulated(emulator: Emulator, run: Run) -> Run:
    """The same on an emulator that is running already."""

    def ran(*arguments: str, stdin: bytes | None = None) -> tuple[int, str, str]:
        return run(*arguments, *_options(emulator.client), stdin=stdin)

    return ran


def test_ask_joins_standard_input_and_prompt(run: Run) -> None:
    asking = ("ask", "--emulator", "-u", "Sum it up")
    status, out, err = run(*asking, stdin=b"The notes\n")
    assert status == 0
    assert out.endswith("The notes\n\nSum it up\n")
    assert err.startswith("model gemini-3-flash")
    assert "finish reason STOP" in err
    assert err.count("\n") == 1


def test_standard_input_that_is_no_text(run: Run) -> None:
    said = "error: Standard input is not valid UTF-8.\n"
    assert run("ask", stdin=b"\xff\xfe") == (2, "", said)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_warnings_are_a_line_or_hidden(quiet: tuple[str, ...], run: Run) -> None:
    asking = ("--emulator", *quiet, "-m", "gemini-3.6-flash", "-t", "0.5", "hi")
    status, _, err = run(*asking)
    assert status == 0
    lines = err.splitlines()
    assert len(lines) == (0 if quiet else 1)
    assert all(line.startswith("warning: ") for line in lines)


def test_ask_streams(emulator: Emulator, emulated: Run) -> None:
    emulator.reply("One two three.")
    status, out, err = emulated("ask", PROMPT, "-s", "Be brief.", "-u")
    assert (status, out) == (0, "One two three.\n")
    assert "finish reason STOP" in err
    instruction = emulator.requests[-1].generation["systemInstruction"]
    assert instruction["parts"][0]["text"] == "Be brief."


def test_ask_whole(emulator: Emulator, emulated: Run) -> None:
    emulator.reply("Whole.")
    arguments = ("--no-stream", "-t", "0.5", "--max-tokens", "20", "--thinking", "low")
    assert emulated(*arguments, "hi")[:2] == (0, "Whole.\n")
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
    answer: Answer, said: str, whole: Any, emulator: Emulator, emulated: Run
) -> None:
    emulator.script(answer)
    status, out, err = emulated("ask", *whole, "hi")
    assert status == 3
    assert said in err
    assert ("--json" in whole) == out.startswith('{"text": ')


def test_a_cut_stream_ends_its_line(emulator: Emulator, emulated: Run) -> None:
    emulator.spoil(reply("one two three four five " * 9), faults.cut(after_frames=2))
    status, out, err = emulated("ask", "hi", "-o", "max_retries=0")
    assert status == 1
    assert out.endswith("\n")
    assert err.startswith("error: ")


def test_attachments_and_schema(
    emulator: Emulator, tmp_path: Path, emulated: Run
) -> None:
    picture, notes = tmp_path / "a.png", tmp_path / "notes.txt"
    picture.write_bytes(PNG)
    notes.write_text("Bread and butter")
    schema = '{"type": "object", "properties": {"item": {"type": "string"}}}'
    attached = ("-a", str(picture), "-a", str(notes))
    status, out, _ = emulated("ask", *attached, "--schema", schema, "List")
    assert status == 0
    assert "item" in json.loads(out)
    image, text, prompt = emulator.requests[-1].generation["contents"][0]["parts"]
    assert image["inlineData"]["mimeType"] == "image/png"
    assert text["text"].endswith("notes.txt:\nBread and butter")
    assert prompt == {"text": "List"}


def test_a_model_that_does_not_exist(emulated: Run) -> None:
    status, out, err = emulated("ask", "--no-stream", "-m", "gemini-99-flash", "hi")
    assert (status, out) == (1, "")
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
    model: tuple[str, ...], status: int, said: str, emulated: Run
) -> None:
    found, out, err = emulated("check", *model)
    assert (found, err) == (status, "")
    assert out.startswith("token     ok")
    assert said in out


def test_check_of_a_token_that_may_not_invoke(run: Run) -> None:
    rules = AccountRules(tokens={"token-of-no-service": []})
    with Emulator(rules=rules) as emulator:
        settings = {**emulator.client, "api_token": "token-of-no-service"}
        status, out, _ = run("check", *_options(settings), "-m", "gemini-99")
    assert status == 1
    assert "run       refused" in out
    assert "model     unknown" in out


def test_failures_as_json(emulator: Emulator, emulated: Run) -> None:
    emulator.fail(400, message="no good")
    status, out, _ = emulated("ask", "--json", "hi")
    told = json.loads(out)["error"]
    assert status == 1
    assert told["type"] == "CloudflareInvalidRequestError"
    assert told["status_code"] == 400


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_a_former_model_names_its_successor(
    option: tuple[str, ...], emulator: Emulator, emulated: Run
) -> None:
    emulator.fail(404, message="models/gemini-2.5-pro is no longer available.")
    status, *written = emulated("ask", *option, "-m", "gemini-2.5-pro", "-q", "hi")
    assert status == 1
    said = "gemini-2.5-pro was replaced by gemini-3.8-flash. Use that model."
    assert said in "".join(written)


def test_chat(emulator: Emulator, emulated: Run) -> None:
    lines = b"one\n/model gemini-3.1-pro\ntwo\n/clear\n/model -\nthree\n/exit\nfour\n"
    for text in ("First.", "Second.", "Third."):
        emulator.reply(text)
    status, out, err = emulated("chat", "-q", stdin=lines)
    assert (status, out) == (0, "First.\nSecond.\nThird.\n")
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
    lines: bytes, status: int, said: str, emulated: Run
) -> None:
    found, _, err = emulated("chat", "-q", stdin=lines)
    assert found == status
    assert said in err
    assert "pydantic" not in err


def test_variables_and_the_default_model_from_a_file(
    emulator: Emulator, tmp_path: Path, run: Run
) -> None:
    path, settings = tmp_path / ".env", dict(emulator.client)
    path.write_text(
        f"CLOUDFLARE_ACCOUNT_ID={settings.pop('account_id')}\n"
        f"CLOUDFLARE_API_TOKEN={settings.pop('api_token')}\n"
        "CF_GEMINI_MODEL=gemini-3.1-pro\n"
    )
    status, out, _ = run("ask", "--env-file", str(path), *_options(settings), "hi")
    assert status == 0
    assert out
    assert "gemini-3.1-pro" in emulator.requests[-1].path


def test_a_host_of_another_machine(run: Run) -> None:
    status, _, err = run("emulator", "--host", "192.0.2.1", "--port", "0")
    assert status == 2
    assert "--host '192.0.2.1' is not an address of this machine. Use 127.0.0.1" in err


def test_a_port_that_is_taken(run: Run) -> None:
    with socket.socket() as sock:
        port = _bound_port(sock)
        sock.listen()
        status, _, err = run("emulator", "--port", str(port))
    assert status == 2
    assert f"Port {port} on 127.0.0.1 is in use" in err

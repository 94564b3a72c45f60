"""The command line before anything is sent."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_cf_gemini import __version__
from tests.support.command_line import main
from tests.support.models import TOKEN


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "acc")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)


@pytest.fixture(autouse=True)
def empty_stdin() -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO())
    yield
    sys.stdin = before


USAGE = [
    (["ask", " "], "No prompt"),
    ([], "No prompt"),
    (["ask", "--temperature", "9", "hi"], "temperature must be a number from 0 to 2"),
    (["--max-tokens", "0", "hi"], "max_tokens must be a whole number"),
    (["-m", "openai/gpt-5", "hi"], "isn't a Gemini model"),
    (["-m", "@cf/meta/llama-3", "hi"], "@cf/meta/llama-3"),
    (["-o", "temprature=1", "hi"], "did you mean 'temperature'"),
    (["-o", "temperature", "hi"], "KEY=VALUE"),
    (["-o", "=1", "hi"], "KEY=VALUE"),
    (["-o", 'safety_settings={"harassment":"HIGH-ISH"}', "hi"], "HIGH-ISH"),
    (["--schema", "nowhere.json", "hi"], "no file 'nowhere.json'"),
    (["--schema", "{", "hi"], "--schema is not JSON"),
    (["-a", "nowhere.png", "hi"], "nowhere.png"),
    (["--env-file", "nowhere.env", "hi"], "no file 'nowhere.env'"),
    (["caf\udce9"], "The prompt is not valid UTF-8"),
    (["-s", "caf\udce9", "hi"], "The system instruction is not valid UTF-8"),
    (["-a", "-", "-"], '"-" is given twice'),
    (["-a", "-", "-a", "-", "hi"], '"-" is given twice'),
    (["-o", "n=2", "hi"], "n > 1 can't be streamed"),
    (["-o", 'gateway={"ttl":5}', "hi"], "Did you mean 'cache_ttl'?\n"),
    (["--gateway", "a b", "hi"], "gateway's name"),
    (["verify", "--yes", "--only", "run_pth"], "Known: run_path."),
    (["emulator", "--script", "nowhere.json"], "no file 'nowhere.json'"),
]


@pytest.mark.parametrize(("arguments", "said"), USAGE)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert said in err
    assert err.count("\n") == 1
    assert TOKEN not in err


@pytest.mark.parametrize("command", ["ask", "models"])
@pytest.mark.parametrize("missing", ["CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN"])
def test_half_set_credentials_are_told(
    command: str,
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(missing)
    assert main([command, "hi"][: 2 if command == "ask" else 1]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert missing in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["chat", "tell"],
        ["ask", "--heat", "9"],
        ["What", "is", "this?"],
        ["--temperature", "hot"],
        ["ask", "--endpoint", "moon", "hi"],
        ["emulator", "--port", "65536"],
        ["emulator", "--port", "-1"],
        ["emulator", "--port", "eighty"],
    ],
)
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: langchain-cf-gemini" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "said"), USAGE[2:4])
def test_wrong_usage_as_json(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == 2
    out, err = capsys.readouterr()
    assert err == ""
    assert said in json.loads(out)["error"]["message"]


def test_a_prompt_without_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["What", "is", "this?"])
    assert "is this?. Put the prompt in quotes." in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bad.env", "bad.json"])
def test_files_that_are_no_text(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(b"\xff\xfe\x00")
    option = "--env-file" if name.endswith(".env") else "--schema"
    assert main([option, str(path), "hi"]) == 2
    assert option in capsys.readouterr().err


@pytest.mark.parametrize("script", ["no JSON", '{"answers": [{"answer": {"txt": 1}}]}'])
def test_a_script_that_is_none(
    script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "script.json"
    path.write_text(script)
    assert main(["emulator", "--port", "0", "--script", str(path)]) == 2
    assert "The script script.json can't be read" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"langchain-cf-gemini {__version__}\n"


def test_help_names_variables_and_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    for word in ("CLOUDFLARE_ACCOUNT_ID", "CF_API_TOKEN", "CF_GEMINI_MODEL", "130"):
        assert word in out


def test_without_credentials_the_documented_models_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLOUDFLARE_ACCOUNT_ID")
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    assert main(["models"]) == 0
    out, err = capsys.readouterr()
    assert "gemini-3-flash-preview" in out
    assert "No credentials" in err

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
    (["-o", "safety_settings=1", "hi"], "a dict of strings or a list of dicts, not 1."),
    (["-o", "logprobs=many", "hi"], "True, False or a whole number, not 'many'."),
    (["-o", "stop=[1]", "hi"], "a list of strings or a string, not [1]."),
    (["-o", "max_output_tokens=1.5", "hi"], "max_tokens must be a whole number"),
    (["-o", "http_client=1", "hi"], "http_client must be an httpx2.Client"),
    (["-o", "openai_api_key=x", "hi"], "Pass Cloudflare's token as -o api_token=."),
    (["-o", "aig_metadata=x", "hi"], """Pass -o gateway='{"metadata": ...}'."""),
    (["-o", "api_key=AIzaSyA", "hi"], "Pass it as -o google_api_key=."),
    (["-o", "base_url=http://x.invalid", "hi"], "or pass -o allow_http=True."),
    (["-o", "google_api_key=x", "--endpoint", "run", "hi"], "Use -o endpoint=gateway"),
    (["-m", "", "hi"], "model must be a non-empty string"),
    (["check", "-o", "5"], "-o '5' has no value. Write KEY=VALUE"),
    (["models", "-o", "tempo=5"], "has no argument 'tempo'"),
    (["verify", "--yes", "-o", "top_k=x"], "top_k must be a whole number, not 'x'."),
    (["--schema", "[1]", "hi"], "--schema must be a JSON object"),
    (["-a", "", "hi"], "--attach '' can't be read"),
    (["-a", "http://", "hi"], "Google can fetch with -o media_urls=pass."),
    (["emulator", "--record", "nowhere/x.json"], "--record 'nowhere/x.json' can't be"),
    (["emulator", "--record", "/"], "'/' can't be opened: Is a directory."),
    (["verify", "--yes", "--report", "/dev/null/x"], "can't be made a directory"),
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
    (["verify", "--yes", "--only", "no_such"], "Unknown check 'no_such'"),
    (["verify", "--yes", "-m", "openai/gpt-5"], "gpt-5"),
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


@pytest.mark.parametrize("command", [["ask", "hi"], ["models"], ["verify", "--yes"]])
@pytest.mark.parametrize("missing", ["CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN"])
def test_half_set_credentials_are_told(
    command: list[str],
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(missing)
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert missing in err
    name = missing.removeprefix("CLOUDFLARE_").lower()
    assert f"or pass -o {name}=." in err
    assert "Add --emulator" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chat", "tell"], "tell. A chat reads its prompts from the terminal"),
        (["ask", "--heat", "9"], "unrecognized arguments: --heat"),
        (["What", "is", "this?"], "is this?. Put the prompt in quotes."),
        (["--emulator", "ask", "hi"], "Put the command first: langchain-cf-gemini ask"),
        (["emulate", "--emulator"], "first: langchain-cf-gemini emulator ..."),
        (["--temperature", "hot"], "'hot' isn't a number, for example 0.5"),
        (["--max-tokens", "1.5"], "'1.5' isn't a whole number, for example 500"),
        (["--timeout", "soon"], "'soon' isn't a number"),
        (["--timeout", "0"], "'0' isn't a number of seconds above 0"),
        (["verify", "--max-cost", "-1"], "'-1' isn't an amount of US dollars from 0"),
        (["ask", "--endpoint", "moon", "hi"], "choose from"),
        (["emulator", "--port", "65536"], "'65536' isn't a number between 0 and 65535"),
        (["emulator", "--port", "-1"], "between 0 and 65535"),
        (["emulator", "--port", "eighty"], "between 0 and 65535"),
        (["emulator", "--rate-limit", "fast"], "'fast' isn't a rate"),
    ],
)
def test_usage(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert "usage: langchain-cf-gemini" in err
    assert said in err


@pytest.mark.parametrize(("arguments", "said"), USAGE[2:4])
def test_wrong_usage_as_json(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == 2
    out, err = capsys.readouterr()
    assert err == ""
    assert said in json.loads(out)["error"]["message"]


@pytest.mark.parametrize("name", ["bad.env", "bad.json"])
def test_files_that_are_no_text(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(b"\xff\xfe\x00")
    option = "--env-file" if name.endswith(".env") else "--schema"
    assert main([option, str(path), "hi"]) == 2
    assert option in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "script", "why"),
    [
        ("a.json", b"# Script", "it isn't JSON (Expecting value"),
        ("b.json", b'\xef\xbb\xbf{"answers": [{"answer": {"txt": 1}}]}', "An answer"),
        ("c.json", b"\xff", "'utf-8' codec"),
        ("d.yaml", b"answers: []", "it isn't a cassette of vcrpy (KeyError"),
        ("e.yml", b"interactions:\n- request: [1]\n", "it isn't a cassette of vcrpy"),
        ("f.yaml", b"interactions: {", "it isn't a cassette of vcrpy (ParserError"),
        ("g.yaml", b"", "it isn't a cassette of vcrpy (TypeError"),
    ],
)  # fmt: skip
def test_a_script_that_is_none(
    name: str, script: bytes, why: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = tmp_path / name
    path.write_bytes(script)
    assert main(["emulator", "--port", "0", "--script", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: The script {name} can't be read: {why}")
    assert err.count("\n") == 1


HELP = ("CLOUDFLARE_ACCOUNT_ID", "CF_API_TOKEN", "CF_GEMINI_MODEL", "130")


@pytest.mark.parametrize(
    ("option", "said"),
    [("--version", [f"langchain-cf-gemini {__version__}\n"]), ("--help", HELP)],
)
def test_version_and_help(
    option: str, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([option])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(each in out for each in said)
    assert option == "--help" or [out] == said


def test_without_credentials_the_documented_models_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLOUDFLARE_ACCOUNT_ID")
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    assert main(["models"]) == 0
    out, err = capsys.readouterr()
    assert "gemini-3-flash-preview" in out
    assert "No credentials" in err

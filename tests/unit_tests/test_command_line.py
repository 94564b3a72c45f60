"""The command line before anything is asked."""

from __future__ import annotations

import pytest

from langchain_cf_gemini import __version__
from langchain_cf_gemini.__main__ import main
from tests.models import TOKEN


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "acc")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)


ERRORS = [
    (["ask", " "], "there is no question"),
    (["ask", "--temperature", "9", "hi"], "temperature must be a number from 0 to 2"),
    (["ask", "--max-tokens", "0", "hi"], "max_tokens must be a whole number"),
    (["ask", "--model", "openai/gpt-5", "hi"], "another vendor"),
    (["ask", "--model", "@cf/meta/llama-3", "hi"], "@cf/meta/llama-3"),
]


@pytest.mark.parametrize(("arguments", "said"), ERRORS)
def test_errors_are_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert said in err
    assert err.count("\n") == 1
    assert TOKEN not in err


@pytest.mark.parametrize(
    "arguments", [[], ["tell"], ["ask", "--heat", "9"], ["ask", "--temperature", "hot"]]
)
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: langchain-cf-gemini" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"langchain-cf-gemini {__version__}\n"


def test_help_names_the_variables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "CLOUDFLARE_ACCOUNT_ID" in out
    assert "CLOUDFLARE_API_TOKEN" in out

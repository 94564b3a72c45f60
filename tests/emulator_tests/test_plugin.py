"""The pytest plugin, found by its entry point: nothing until it is used."""

import tomllib
from pathlib import Path

import pytest

import langchain_cf_gemini.emulator

ROOT = Path(__file__).parents[2]
pytest_plugins = ["pytester"]

# What pytest-asyncio wants to be told, in whatever project it runs.
LOOP_SCOPE = "asyncio_default_fixture_loop_scope=function"


TESTS = """
import sys

import httpx
import pytest

def test_unused_it_loads_no_web_server():
    assert "starlette" not in sys.modules
    assert "uvicorn" not in sys.modules

def test_the_fixture_is_a_running_emulator(cf_gemini_emulator):
    assert httpx.get(cf_gemini_emulator.url).status_code == 200
    assert httpx.post(cf_gemini_emulator.url).status_code == 400
    assert len(cf_gemini_emulator.exchanges) == 1

def test_it_is_fresh(cf_gemini_emulator):
    assert cf_gemini_emulator.exchanges == []

@pytest.mark.cf_gemini_emulator(account_id="mine", strict=False)
def test_the_marker_holds_settings(cf_gemini_emulator):
    assert cf_gemini_emulator.account_id == "mine"
"""


def test_in_a_project_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    # In a process of its own: the tests' own pytest blocks sockets and holds plugins.
    done = pytester.runpytest_subprocess(
        "--strict-markers", "-W", "error", "-o", LOOP_SCOPE
    )
    done.assert_outcomes(passed=4)


def test_the_entry_point_bears_its_modules_name() -> None:
    """Then pytest knows that it has the plugin when a conftest names it as well."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    name = "langchain_cf_gemini.emulator.pytest_plugin"
    assert told["entry-points"]["pytest11"] == {name: name}


def test_every_name_is_there() -> None:
    door = langchain_cf_gemini.emulator
    assert door.__all__ == sorted(door.__all__)
    for name in door.__all__:
        assert getattr(door, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Emulater'"):
        getattr(door, "Emulater")  # noqa: B009 - type checkers know that it is not

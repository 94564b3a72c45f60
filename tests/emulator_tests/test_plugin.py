"""The pytest plugin, found by its entry point: nothing until it is used."""

import tomllib
from pathlib import Path

import pytest

import langchain_cf_gemini.emulator

ROOT = Path(__file__).parents[2]
pytest_plugins = ["pytester"]

# What pytest-asyncio wants to be told, in whatever project it runs.
LOOP_SCOPE = "asyncio_default_fixture_loop_scope=function"
# Plugins that an environment may hold besides: one loads jsonschema itself, the other
# changes the order of the tests.
WITHOUT_OTHERS = ("-p", "no:nbmake", "-p", "no:randomly")

TESTS = """
import sys

import httpx
import pytest

def test_unused_it_loads_nothing_heavy():
    assert "jsonschema" not in sys.modules

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


FAILING = """
import os
import httpx
import pytest

@pytest.fixture
def ask(cf_gemini_emulator):
    def ask(text):
        told = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
        told = {"model": "google/gemini-3-flash", "input": told}
        base, account, token = (
            os.environ[f"CLOUDFLARE_{name}"]
            for name in ("BASE_URL", "ACCOUNT_ID", "API_TOKEN")
        )
        headers = {"authorization": f"Bearer {token}"}
        return httpx.post(
            f"{base}/accounts/{account}/ai/run", json=told, headers=headers
        )
    return ask

def test_left_over(cf_gemini_emulator, ask):
    cf_gemini_emulator.answer("never", text="Oslo")
    cf_gemini_emulator.answer("once")
    ask("Lima?")

def test_unscripted(cf_gemini_emulator, ask):
    cf_gemini_emulator.reply("one")
    ask("a")
    ask("b")

def test_raising(cf_gemini_emulator, ask):
    cf_gemini_emulator.answer(lambda request: 1 / 0)
    assert ask("a").status_code == 200

def test_shows_the_exchanges(cf_gemini_emulator, ask):
    ask("Weather in Lima?")
    assert False

def test_the_next_is_untouched(cf_gemini_emulator, ask):
    assert ask("Hi").status_code == 200
    cf_gemini_emulator.assert_request_count(1)
"""


SCOPES = """
import os
import pytest

pytestmark = pytest.mark.cf_gemini_emulator(api_token="of-the-module", strict=False)

@pytest.fixture(scope="module")
def url(cf_gemini_emulator_module):
    assert cf_gemini_emulator_module.api_token == "of-the-module"
    return cf_gemini_emulator_module.url

@pytest.fixture(scope="class")
def known(cf_gemini_emulator_class):
    assert cf_gemini_emulator_class.account_id == "of-the-class"
    return cf_gemini_emulator_class

@pytest.mark.cf_gemini_emulator(account_id="of-the-class")
class TestMarkers:
    def test_scope(self, known, cf_gemini_emulator_class):
        assert known is cf_gemini_emulator_class

    @pytest.mark.cf_gemini_emulator(gateway="mine", api_token="of-the-test")
    def test_they_merge(self, cf_gemini_emulator):
        settings = cf_gemini_emulator._service.settings
        assert (settings.account_id, settings.gateway) == ("of-the-class", "mine")
        assert (settings.api_token, settings.strict) == ("of-the-test", False)

def test_one(url, cf_gemini_emulator_session, cf_gemini_emulator):
    urls = {url, cf_gemini_emulator_session.url, cf_gemini_emulator.url}
    assert len(urls) == 3
    assert os.environ["CLOUDFLARE_BASE_URL"].startswith(cf_gemini_emulator.url)

def test_two(url, cf_gemini_emulator_module):
    assert cf_gemini_emulator_module.url == url

def test_without(cf_gemini_emulator_session):
    assert os.environ["CLOUDFLARE_BASE_URL"].startswith("http://127.0.0.1")

@pytest.mark.cf_gemini_emulator(verify=False)
def test_leftovers_on_request(cf_gemini_emulator):
    cf_gemini_emulator.reply("never asked for")

@pytest.mark.cf_gemini_emulator("mine")
def test_a_marker_without_names(cf_gemini_emulator): ...
"""


@pytest.mark.slow
def test_in_a_project_of_its_own(pytester: pytest.Pytester) -> None:
    """Fresh for each test, in every scope, with settings from markers."""
    pytester.makepyfile(test_alone=TESTS, test_scopes=SCOPES)
    # In a process of its own: the tests' own pytest blocks sockets and holds plugins.
    done = pytester.runpytest_subprocess(
        "--strict-markers", "-W", "error", "-o", LOOP_SCOPE, *WITHOUT_OTHERS
    )
    done.assert_outcomes(passed=10, errors=1)
    done.stdout.fnmatch_lines(["*takes arguments by name*, not ('mine',)."])


CLIENT = """
import time
from langchain_cf_gemini import ChatCloudflareGemini

def test_nothing_waits_and_nothing_is_spent(cf_gemini_emulator):
    model = ChatCloudflareGemini(model="gemini-3-flash", **cf_gemini_emulator.client)
    model.invoke("warm")
    started = time.perf_counter()
    for number in range(60):  # 120 repetitions; a budget of 500 tokens has 100
        cf_gemini_emulator.answer(503, times=2)
        cf_gemini_emulator.reply("fine")
        assert model.invoke("Hi").text == "fine"
    assert time.perf_counter() - started < 20
    cf_gemini_emulator.assert_request_count(181)
"""


@pytest.mark.slow
def test_what_a_script_did_wrong_fails_its_test_and_no_other(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_client=CLIENT, test_failing=FAILING)
    done = pytester.runpytest_subprocess("-o", LOOP_SCOPE)
    done.assert_outcomes(passed=2, failed=4)
    done.stdout.fnmatch_lines_random(
        [
            "*1 scripted answer was not used:",
            "*'never' for text 'Oslo' (test_*.py:*); not the text of request 1*",
            "*Request 2 'b' has no scripted answer. Left: nothing. Script one*",
            "*lambda request: 1 / 0*",
            "*ZeroDivisionError: division by zero*",
            "*Gemini emulator*",
            "*| Weather in Lima?",
        ]
    )


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

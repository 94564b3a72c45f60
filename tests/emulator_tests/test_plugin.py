"""The pytest plugin: a fixture, and nothing until it is used."""

import pytest

pytest_plugins = ["pytester"]

# What pytest-asyncio wants to be told, in whatever project it runs.
LOOP_SCOPE = "asyncio_default_fixture_loop_scope=function"
PLUGIN = "langchain_cf_gemini.emulator.pytest_plugin"


def run(pytester: pytest.Pytester, test: str) -> pytest.RunResult:
    pytester.makepyfile(test)
    # In a process of its own: the tests' own pytest blocks sockets and holds plugins.
    return pytester.runpytest_subprocess(
        "-p", PLUGIN, "--strict-markers", "-W", "error", "-o", LOOP_SCOPE
    )


def test_the_fixture_is_a_running_emulator(pytester: pytest.Pytester) -> None:
    done = run(
        pytester,
        """
        import httpx

        def test_it(cf_gemini_emulator):
            assert httpx.get(cf_gemini_emulator.url).status_code == 200

        def test_it_is_fresh(cf_gemini_emulator):
            assert cf_gemini_emulator.exchanges == []
        """,
    )
    done.assert_outcomes(passed=2)


def test_the_marker_holds_settings(pytester: pytest.Pytester) -> None:
    done = run(
        pytester,
        """
        import pytest

        @pytest.mark.cf_gemini_emulator(account_id="mine", strict=False)
        def test_it(cf_gemini_emulator):
            assert cf_gemini_emulator.account_id == "mine"
        """,
    )
    done.assert_outcomes(passed=1)


def test_unused_it_loads_no_web_server(pytester: pytest.Pytester) -> None:
    done = run(
        pytester,
        """
        import sys

        def test_it():
            assert "starlette" not in sys.modules
            assert "uvicorn" not in sys.modules
        """,
    )
    done.assert_outcomes(passed=1)

"""What every test lives in: no credentials, no network but loopback, one emulator."""

import gc
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest
from pytest_socket import disable_socket, enable_socket, socket_allow_hosts

from langchain_cf_gemini.emulator import Emulator
from tests.support.http import forget_limits

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# How long an example takes says more of what else runs here. `make test` tries the
# same few each time, `make fuzz` many others.
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    max_examples=25,
    derandomize=True,
)
hypothesis.settings.register_profile(
    "fuzz",
    hypothesis.settings.get_profile("tests"),
    max_examples=400,
    derandomize=False,
)
hypothesis.settings.load_profile("tests")

_OURS = ("CLOUDFLARE_", "CF_", "GOOGLE_API_", "GEMINI_API_")
_VARIABLES = ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2")
# The addresses alone: a name would be looked up for each test.
_LOOPBACK = ["127.0.0.1", "::1"]


def pytest_collection_finish() -> None:
    """Leave what was imported out of every later search for garbage: an eighth less."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    """Keep a developer's own credentials out of every test, and each test's in it."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(_OURS) or name in _VARIABLES:
            del os.environ[name]
    yield
    after = dict(os.environ)
    # Putting all of it back costs more than most tests do.
    for name in after.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before.items() - after.items())


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Let no test pay for what another met."""
    forget_limits()


@pytest.fixture(autouse=True)
def loopback_only(request: pytest.FixtureRequest) -> Iterator[None]:
    """Unit tests open no socket at all, the others none that leaves this machine."""
    if "/unit_tests/" in request.node.nodeid:
        disable_socket(allow_unix_socket=True)
    else:
        socket_allow_hosts(_LOOPBACK, allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running_emulator: Emulator) -> Iterator[Emulator]:
    """One running emulator for all tests, as new for each of them."""
    running_emulator.reset()
    yield running_emulator
    running_emulator.reset()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium: Debian's, or the one that CHROMIUM names."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed"
    )
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("no browser: Debian's package chromium is not installed")
    with playwright.sync_playwright() as running:
        # Root cannot use Chromium's sandbox; the pages are our own.
        browser = running.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()

"""Fixtures: one running emulator for all tests, and one without sockets."""

from collections.abc import Iterator

import httpx
import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.judge import Client, Judge


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running_emulator: Emulator) -> Iterator[Emulator]:
    running_emulator.reset()
    yield running_emulator
    running_emulator.reset()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10) as http:
        yield http


@pytest.fixture
def client(emulator: Emulator, http: httpx.Client) -> Client:
    return Client(emulator, http)


@pytest.fixture
def judge() -> Judge:
    return Judge()

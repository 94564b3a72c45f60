"""Fixtures: who asks the running emulator, and one without sockets."""

from collections.abc import Iterator

import httpx
import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.judge import Client, Judge


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

"""The exchanges that Cloudflare's model pages show, on the emulator, both endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import Emulator
from tests.support.cassettes import (
    check_documented,
    messages_from_contents,
    settings_from_generation,
)
from tests.support.emulated import packaged
from tests.support.models import ENDS, WAYS, Json

EXCHANGES = packaged("documented_exchanges")["exchanges"]
# Each exchange at both endpoints, each way with both of them.
ASKED = [
    (exchange, endpoint, [*WAYS.values()][(n + shift) % len(WAYS)])
    for n, exchange in enumerate(EXCHANGES)
    for shift, endpoint in enumerate(ENDS)
]


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    # The pages' own signatures are none that the emulator made.
    with Emulator(foreign_signatures=True) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    running.reset()
    return running


def _model(emulator: Emulator, exchange: Any, endpoint: str) -> ChatCloudflareGemini:
    return ChatCloudflareGemini(
        model=exchange["request"]["model"],
        endpoint=endpoint,  # type: ignore[arg-type]
        **settings_from_generation(exchange["request"]["input"]),
        **emulator.client,
    )


def _without_roles(body: Json) -> Json:
    """A body as it means; a systemInstruction's role says nothing."""
    made = dict(body)
    if "systemInstruction" in made:
        made["systemInstruction"] = {"parts": made["systemInstruction"]["parts"]}
    return made


def test_there_are_eight() -> None:
    assert len(EXCHANGES) == 8


@pytest.mark.parametrize(("exchange", "endpoint", "way"), ASKED, ids=range(len(ASKED)))
def test_documented_exchange(
    emulator: Emulator, exchange: Any, endpoint: str, way: Any
) -> None:
    model = _model(emulator, exchange, endpoint)
    history = messages_from_contents(exchange["request"]["input"])
    message = way(model, history)

    (asked,) = emulator.requests
    body: Any = asked.body
    body = body.get("input", body)
    assert _without_roles(body) == _without_roles(exchange["request"]["input"])

    check_documented(message, exchange["response"])

    # The next turn sends the signature back in the part that it came in.
    way(model, [*history, message, HumanMessage("Go on.")])
    body = emulator.requests[-1].body
    sent = body.get("input", body)["contents"]
    turn = [t for t in sent if t["role"] == "model"][-1]
    (part,) = exchange["response"]["candidates"][0]["content"]["parts"]
    signed = [p for p in turn["parts"] if "thoughtSignature" in p]
    assert "".join(p["text"] for p in turn["parts"]) == part["text"]
    assert [p["thoughtSignature"] for p in signed] == [part["thoughtSignature"]]
    if not emulator.requests[0].stream:
        assert turn["parts"] == [part]

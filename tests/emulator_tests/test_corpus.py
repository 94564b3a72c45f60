"""Recorded requests: what Google took is taken, what it refused is refused.

The recordings belong to other projects and are not part of this repository; the tests
look for them beside it. The rules have tables of their own in `test_rules.py`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.judge import CATALOGUE, Judge, Outgoing, message_of

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
WHY_NOT = f"no recorded exchanges at {CORPUS}"

# Recorded answers that do not follow from the request, and so cannot be expected.
NOT_THE_REQUESTS_FAULT = {
    401: "the recording client sent no credentials; the test sends the emulator's",
    403: "the API was not enabled in the recording project",
    429: "a quota was used up",
    500: "Google failed",
    503: "Google was overloaded",
}


def recordings() -> Iterator[Path]:
    if CORPUS.is_dir():
        for path in sorted(CORPUS.glob("*.json")):
            exchange = json.loads(path.read_text("utf-8"))
            if exchange["request"] and exchange["provenance"] == "recorded":
                yield path


def judged(exchange: dict[str, Any]) -> Outgoing:
    judge = Judge()
    model: str = exchange["model"]
    ids = [name for name, known in CATALOGUE.items() if known.google_id == model]
    if "aiplatform" in exchange["endpoint"] and ids:
        return judge.vertex(exchange["request"], model=ids[0])
    # Models that Cloudflare does not proxy are asked through Google's own path.
    stream = bool(exchange["stream"])
    return judge.gemini_api(exchange["request"], model=model, stream=stream)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=WHY_NOT)
@pytest.mark.parametrize("path", list(recordings()), ids=lambda path: path.stem)
def test_recorded_request_is_judged_as_google_judged_it(path: Path) -> None:
    exchange = json.loads(path.read_text("utf-8"))
    outgoing = judged(exchange)
    if exchange["status"] in NOT_THE_REQUESTS_FAULT:
        assert outgoing.status == 200, NOT_THE_REQUESTS_FAULT[exchange["status"]]
        return
    assert outgoing.status == exchange["status"], message_of(outgoing)
    if exchange["status"] != 200:
        assert message_of(outgoing) == exchange["response"]["error"]["message"]


@pytest.mark.skipif(not CORPUS.is_dir(), reason=WHY_NOT)
def test_the_corpus_has_both_kinds() -> None:
    statuses = {json.loads(path.read_text("utf-8"))["status"] for path in recordings()}
    assert {200, 400} <= statuses

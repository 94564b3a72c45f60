"""Recorded requests: what Google took is taken, what it refused is refused.

The rules have tables of their own in `test_rules.py`.
"""

import pytest

from tests.support.emulated import CATALOGUE, Outgoing
from tests.support.judge import Judge, message_of
from tests.support.recorded import Recorded, recordings

# Recorded answers that do not follow from the request, and so cannot be expected.
NOT_THE_REQUESTS_FAULT = {
    401: "the recording client sent no credentials; the test sends the emulator's",
    403: "the API was not enabled in the recording project",
    429: "a quota was used up",
    500: "Google failed",
    503: "Google was overloaded",
}


SENT = [r for r in recordings() if r.request and r.provenance == "recorded"]


def judged(recorded: Recorded) -> Outgoing:
    judge = Judge()
    model: str = recorded.model
    ids = [name for name, known in CATALOGUE.items() if known.google_id == model]
    if "aiplatform" in recorded.endpoint and ids:
        return judge.vertex(recorded.request, model=ids[0])
    # Models that Cloudflare does not proxy are asked through Google's own path.
    stream = bool(recorded.stream)
    return judge.gemini_api(recorded.request, model=model, stream=stream)


@pytest.mark.parametrize("recorded", SENT, ids=lambda recorded: recorded.name)
def test_recorded_request_is_judged_as_google_judged_it(recorded: Recorded) -> None:
    outgoing = judged(recorded)
    if recorded.status in NOT_THE_REQUESTS_FAULT:
        assert outgoing.status == 200, NOT_THE_REQUESTS_FAULT[recorded.status]
        return
    assert outgoing.status == recorded.status, message_of(outgoing)
    if recorded.status != 200:
        assert message_of(outgoing) == recorded.data["response"]["error"]["message"]


def test_the_corpus_has_both_kinds() -> None:
    assert {200, 400} <= {recorded.status for recorded in SENT}

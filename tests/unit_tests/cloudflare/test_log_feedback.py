"""Feedback: the PATCH request on a gateway log."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage

from langchain_cf_gemini._cloudflare.log_feedback import feedback_request_parts
from langchain_cf_gemini.gateway import GatewayOptions

LOG_ID = "0199c3f2-6a1d-7c3e-9b1a-2f4d5e6a7b8c"
ANSWER = AIMessage("hi", response_metadata={"gateway": {"log_id": LOG_ID}})


@pytest.mark.parametrize(
    ("answer", "gateway", "said", "path", "body"),
    [
        (ANSWER, None, {"feedback": 1}, f"default/logs/{LOG_ID}", {"feedback": 1}),
        (LOG_ID, "prod", {"score": 0}, f"prod/logs/{LOG_ID}", {"score": 0}),
        (
            "01JADMCQQQBWH3NXZ5GCRN98DP",
            GatewayOptions(id="prod"),
            {"score": 87.5, "feedback": -1, "metadata": {"by": "reviewer", "n": 2}},
            "prod/logs/01JADMCQQQBWH3NXZ5GCRN98DP",
            {"score": 87.5, "feedback": -1, "metadata": {"by": "reviewer", "n": 2}},
        ),
        (ANSWER, None, {"feedback": 0}, f"default/logs/{LOG_ID}", {"feedback": 0}),
    ],
)
def test_feedback_is_a_patch_on_the_log(
    answer: AIMessage | str,
    gateway: Any,
    said: dict[str, Any],
    path: str,
    body: dict[str, Any],
) -> None:
    parts = feedback_request_parts(answer, gateway=gateway, **said)
    assert parts == (f"/ai-gateway/gateways/{path}", body)


@pytest.mark.parametrize(
    ("answer", "said", "message"),
    [
        (ANSWER, {}, "needs a score"),
        (ANSWER, {"score": 100.5}, "from 0 to 100"),
        (ANSWER, {"score": -1}, "from 0 to 100"),
        (ANSWER, {"score": float("nan")}, "from 0 to 100"),
        (ANSWER, {"feedback": 2}, r"1 \(good\)"),
        (ANSWER, {"metadata": {"cf.user": "x"}}, "reserved"),
        (ANSWER, {"metadata": {"a": [1]}}, "str, a finite number or a bool"),
        (AIMessage("hi"), {"feedback": 1}, "collect_log"),
        (
            AIMessage("hi", response_metadata={"gateway": {"cache_status": "MISS"}}),
            {"feedback": 1},
            "collect_log",
        ),
        ("../../gateways", {"feedback": 1}, "is no log id"),
        ("a/b", {"feedback": 1}, "is no log id"),
        ("", {"feedback": 1}, "is no log id"),
        ("a\r\nb", {"feedback": 1}, "is no log id"),
    ],
)
def test_feedback_that_cannot_be_sent_is_refused(
    answer: AIMessage | str, said: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        feedback_request_parts(answer, **said)


def test_the_gateways_name_becomes_part_of_a_url() -> None:
    with pytest.raises(ValueError, match="part of a URL"):
        feedback_request_parts(LOG_ID, gateway="a/../b", feedback=1)

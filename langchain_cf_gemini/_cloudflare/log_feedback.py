"""The gateway's log entry of a call: its address, and feedback on it."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypedDict

from langchain_core.messages import AIMessage

from langchain_cf_gemini._cloudflare.gateway_headers import Scalar, refuse_bad_entry
from langchain_cf_gemini.gateway import GatewayOptions

# UUIDs since 2026-10-08, ULIDs before: opaque, but they become part of a URL.
_LOG_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_BEST_SCORE: Final = 100


class Feedback(TypedDict, total=False):
    """What can be said about an answer; `feedback_body` says what each means."""

    score: float | None
    feedback: Literal[-1, 0, 1] | None
    metadata: Mapping[str, Scalar] | None


def log_path(
    message_or_log_id: AIMessage | str,
    gateway: str | Mapping[str, Any] | GatewayOptions | None,
    default: GatewayOptions,
) -> str:
    """Give the address of a call's log entry, below the account.

    https://developers.cloudflare.com/api/resources/ai_gateway/subresources/logs/

    Args:
        message_or_log_id: An answer, which holds the id of its log entry and the
            gateway that it came through, or the id itself.
        gateway: The gateway, if the caller names one.
        default: Where an id is looked for that does not tell its gateway.

    Raises:
        ValueError: If there is no log id.
    """
    told: Mapping[str, Any] = {"log_id": message_or_log_id}
    if isinstance(message_or_log_id, AIMessage):
        told = message_or_log_id.response_metadata.get("gateway") or {}
        gateway = gateway or told.get("id")
    log_id = told.get("log_id")
    if log_id is None:
        raise ValueError(
            "The message has no response_metadata['gateway']['log_id']. Either the "
            "gateway didn't log the call (collect_log=False, or logging is off in the "
            "gateway), or the message isn't a response of the model."
        )
    if not isinstance(log_id, str) or not _LOG_ID.fullmatch(log_id):
        raise ValueError(
            f"{log_id!r} isn't a log ID. Allowed are letters, digits, '_' and '-'."
        )
    options = default if gateway is None else GatewayOptions.from_value(gateway)
    return f"/ai-gateway/gateways/{options.gateway_id}/logs/{log_id}"


def feedback_body(
    *,
    score: float | None = None,
    feedback: Literal[-1, 0, 1] | None = None,
    metadata: Mapping[str, Scalar] | None = None,
) -> dict[str, Any]:
    """Write the JSON body of the PATCH that adds feedback to a log entry.

    Args:
        score: How good the answer was, from 0 to 100.
        feedback: 1 for a thumb up, -1 for a thumb down, 0 for not evaluated.
        metadata: Further entries for the log, str, number or bool.

    Raises:
        ValueError: If there is nothing to say, or a value is out of its range.
    """
    said = {"score": score, "feedback": feedback, "metadata": metadata and {**metadata}}
    body = {name: value for name, value in said.items() if value is not None}
    if not body:
        raise ValueError("No feedback. Pass score=, feedback= or metadata=.")
    _refuse_bad_values(score, feedback, metadata)
    return body


def _refuse_bad_values(
    score: float | None, feedback: int | None, metadata: Mapping[str, Any] | None
) -> None:
    number = isinstance(score, int | float) and not isinstance(score, bool)
    if score is not None and not (number and 0 <= score <= _BEST_SCORE):
        raise ValueError(
            f"score must be a number from 0 to {_BEST_SCORE}, not {score!r}."
        )
    # True equals 1, but would travel as `true`.
    if feedback not in (None, -1, 0, 1) or isinstance(feedback, bool):
        raise ValueError(
            f"feedback must be 1 (good), -1 (bad) or 0 (none), not {feedback!r}."
        )
    for key, value in (metadata or {}).items():
        refuse_bad_entry(key, value)

"""Feedback on an answer: the request that writes it into the gateway's log."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from langchain_core.messages import AIMessage

from langchain_cf_gemini._cloudflare.gateway_headers import Scalar, refuse_bad_entry
from langchain_cf_gemini.gateway import GatewayOptions

# UUIDs since 2026-10-08, ULIDs before: opaque, but they become part of a URL.
_LOG_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_BEST_SCORE: Final = 100


def feedback_request_parts(
    message_or_log_id: AIMessage | str,
    *,
    gateway: str | GatewayOptions | None = None,
    score: float | None = None,
    feedback: Literal[-1, 0, 1] | None = None,
    metadata: Mapping[str, Scalar] | None = None,
) -> tuple[str, dict[str, Any]]:
    """Write the request that adds feedback to a logged call.

    It is a PATCH of the path below `/accounts/{account_id}`, and needs the token
    permission `AI Gateway Write`: https://developers.cloudflare.com/api/resources/
    ai_gateway/subresources/logs/methods/edit

    Args:
        message_or_log_id: An answer, whose `response_metadata["gateway"]["log_id"]` is
            taken, or that id itself.
        gateway: The gateway that the call went through; None for `default`.
        score: How good the answer was, from 0 to 100.
        feedback: 1 for a thumb up, -1 for a thumb down, 0 for not evaluated.
        metadata: Further entries for the log, str, number or bool.

    Returns:
        The path below the account, and the JSON body.

    Raises:
        ValueError: If there is no log id, nothing to say, or a value out of its range.
    """
    said = {"score": score, "feedback": feedback, "metadata": metadata and {**metadata}}
    body = {name: value for name, value in said.items() if value is not None}
    if not body:
        msg = "Feedback needs a score, a feedback or metadata; nothing was given."
        raise ValueError(msg)
    _refuse_bad_values(score, feedback, metadata)
    name = GatewayOptions.from_value(gateway).gateway_id
    log_id = log_id_from(message_or_log_id)
    return f"/ai-gateway/gateways/{name}/logs/{log_id}", body


def log_id_from(message_or_log_id: AIMessage | str) -> str:
    """Take the id under which the gateway logged a call.

    Args:
        message_or_log_id: An answer, or the id itself.

    Returns:
        The id.

    Raises:
        ValueError: If the message has none, or it is no id.
    """
    if isinstance(message_or_log_id, str):
        log_id: Any = message_or_log_id
    else:
        gateway = message_or_log_id.response_metadata.get("gateway") or {}
        log_id = gateway.get("log_id")
    if log_id is None:
        msg = (
            "The message has no response_metadata['gateway']['log_id']: the gateway "
            "did not log the call (collect_log=False, or logging is off in the "
            "gateway), or the message is not the model's own answer."
        )
        raise ValueError(msg)
    if not isinstance(log_id, str) or not _LOG_ID.fullmatch(log_id):
        msg = f"{log_id!r} is no log id: it has letters, digits, '_' and '-' only."
        raise ValueError(msg)
    return log_id


def _refuse_bad_values(
    score: float | None, feedback: int | None, metadata: Mapping[str, Any] | None
) -> None:
    if score is not None and not 0 <= score <= _BEST_SCORE:
        msg = f"score={score!r}: a number from 0 to {_BEST_SCORE}."
        raise ValueError(msg)
    if feedback not in (None, -1, 0, 1):
        msg = f"feedback={feedback!r}: 1 (good), -1 (bad) or 0 (not evaluated)."
        raise ValueError(msg)
    for key, value in (metadata or {}).items():
        refuse_bad_entry(key, value)

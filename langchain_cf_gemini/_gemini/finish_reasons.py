"""How an answer ended: whether its calls may run, and whether an object is whole."""

from typing import Any

from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import BaseMessage
from langchain_core.messages.content import KNOWN_BLOCK_TYPES

from langchain_cf_gemini._gemini.answer.wire import objects_from, word_from
from langchain_cf_gemini._gemini.vocabulary import Json

REFUSAL_ERROR: Any = getattr(exceptions, "ModelRefusalError", None)
"""LangChain's own error for refusals, where langchain-core has it (1.7.5 and later)."""

# Numbers come when a client asked for `enum-encoding=int`. The two Gemini APIs agree
# on the first five reasons only, so later numbers stay what they are.
_FINISH_REASONS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
_BLOCK_REASONS = {1: "SAFETY", 2: "OTHER", 3: "BLOCKLIST", 4: "PROHIBITED_CONTENT"}
_BLOCKS = ("blockReason", "block_reason")  # as Google says it, and as metadata does
# Calls run under these alone.
_GOOD = frozenset({"STOP", "MAX_TOKENS"})
# Another reason may follow: the answer goes on.
_PASSING = _GOOD | {"CONTINUATION"}

_HAS_REFUSAL_BLOCKS = "refusal" in KNOWN_BLOCK_TYPES  # since langchain-core 1.7.5
_REFUSALS = frozenset(
    {"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION", "SPII", "MODEL_ARMOR"}
)
_FAILURES = {
    "MAX_TOKENS": (
        "was cut off: raise max_tokens (which includes thinking), lower thinking_level "
        "or use a smaller schema"
    ),
    "MALFORMED_FUNCTION_CALL": "contains a malformed tool call: send the request again",
    "UNEXPECTED_TOOL_CALL": "calls a function that isn't bound: send the request again",
    "TOO_MANY_TOOL_CALLS": "stopped after too many calls",
    "MALFORMED_RESPONSE": "is malformed: send the request again",
    "CONTINUATION": "was cut off at Google's limit for one request",
    "MISSING_THOUGHT_SIGNATURE": "lacks a thought signature that Google requires",
    "ESCALATION": "was stopped: Google escalates such questions to people",
    "PUP_LIMITED_DISABLED": "was stopped: Google has turned this use off",
    "LANGUAGE": "was stopped: Google doesn't support its language",
    "OTHER": "was stopped for a reason that Google doesn't name",
    "NO_IMAGE": "contains no image, though one was requested",
}


def finish_reason_from(value: Any) -> str | None:
    """Return Google's word for a finish reason, None as long as there is none."""
    return word_from(value, _FINISH_REASONS)


def block_reason_from(feedback: Any) -> str | None:
    """Return why a prompt was blocked; ratings alone block nothing."""
    reasons = (each.get(name) for each in objects_from(feedback) for name in _BLOCKS)
    words = (word_from(reason, _BLOCK_REASONS) for reason in reasons)
    return next(filter(None, words), None)


def is_final(reason: str | None) -> bool:
    """Whether a reason forbids the answer's calls, whatever comes after it."""
    return reason is not None and reason not in _PASSING


def verdict_from(
    reason: str | None, blocked: str | None, message: str | None
) -> str | None:
    """Tell why the calls of an answer that was read to its end must not be run.

    Args:
        reason: The finish reason.
        blocked: Why Google blocked the prompt.
        message: What Google says about either.

    Returns:
        The reason; None if the answer is whole and good.
    """
    if blocked is not None:
        reason = f"The prompt was blocked (block_reason {blocked})"
    elif reason is None:
        reason = "The response has no finish_reason"
    elif reason in _GOOD:
        return None
    return f"{reason}: {message}" if message else reason


def _refused_by(metadata: Json) -> tuple[str, str] | None:
    """Return the field that says why Google withheld an answer, and what it says."""
    if blocked := block_reason_from(metadata.get("prompt_feedback")):
        return "block_reason", blocked
    reason = str(metadata.get("finish_reason") or "")
    is_refusal = reason in _REFUSALS or reason.startswith("IMAGE_")
    return ("finish_reason", reason) if is_refusal else None


def refusal_from_metadata(metadata: Json) -> Json | None:
    """Return the v1 block of an answer that Google withheld.

    Args:
        metadata: The message's `response_metadata`.

    Returns:
        A block of type `refusal`: Google's explanation, "" without one, and in `extras`
        the reason. None if nothing was refused, or langchain-core knows no such block.
    """
    refused = _refused_by(metadata) if _HAS_REFUSAL_BLOCKS else None
    if refused is None:
        return None
    said, reason = refused
    return {
        "type": "refusal",
        "refusal": metadata.get("finish_message") or "",
        # `ModelRefusalError.from_refusal` names the category in its text.
        "extras": {"category": reason, said: reason},
    }


def failure_from_message(message: BaseMessage) -> Exception | None:
    """Tell why a message cannot hold a whole object.

    Returns:
        The error to raise, or None if the answer ended well. An unknown finish reason
        is no failure: what was said is read as it is.
    """
    metadata = message.response_metadata
    reason = str(metadata.get("finish_reason") or "")
    said = f": {text}" if (text := metadata.get("finish_message")) else ""
    if why := _refusal(message):
        text = f"The model refused to return the requested object ({why}){said}"
        if REFUSAL_ERROR is None:
            return OutputParserException(text, llm_output=str(message.text))
        refused: Exception = REFUSAL_ERROR(text, raw_message=message)
        return refused
    if reason in _FAILURES:
        text = f"The response {_FAILURES[reason]} (finish_reason {reason}){said}"
        return OutputParserException(text, llm_output=str(message.text))
    return None


def _refusal(message: BaseMessage) -> str | None:
    if refused := _refused_by(message.response_metadata):
        blocked = "the prompt was blocked, " * (refused[0] == "block_reason")
        return f"{blocked}{' '.join(refused)}"
    for block in message.content:
        if isinstance(block, dict) and block.get("type") == "refusal":
            return str(block.get("refusal") or "a refusal block")
    return None

"""Whether an answer can hold the object that was asked for, by how it ended."""

from typing import Any

from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import BaseMessage
from langchain_core.messages.content import KNOWN_BLOCK_TYPES

from langchain_cf_gemini._gemini.vocabulary import Json

REFUSAL_ERROR: type[Exception] | None = getattr(exceptions, "ModelRefusalError", None)
"""LangChain's own error for refusals, where langchain-core has it (1.7.5 and later)."""

_HAS_REFUSAL_BLOCKS = "refusal" in KNOWN_BLOCK_TYPES  # since langchain-core 1.7.5
# langchain-core's own list for Gemini; an object can be missing for more reasons.
_REFUSED = frozenset({"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST"})
_REFUSALS = frozenset(
    {"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION", "SPII", "MODEL_ARMOR"}
)
_FAILURES = {
    "MAX_TOKENS": (
        "was cut off: give it more max_output_tokens (thinking counts, too), less "
        "thinking or a smaller schema"
    ),
    "MALFORMED_FUNCTION_CALL": "holds a call that is no call: try again",
    "UNEXPECTED_TOOL_CALL": "calls a function that was not declared: try again",
    "TOO_MANY_TOOL_CALLS": "stopped after too many calls",
    "MALFORMED_RESPONSE": "is malformed: try again",
    "CONTINUATION": "was cut off at Google's limit for one request",
    "MISSING_THOUGHT_SIGNATURE": "lacks a signature that Google needs",
    "LANGUAGE": "was stopped: Google does not support its language",
    "OTHER": "was stopped for a reason that Google does not name",
    "NO_IMAGE": "was to be an image, and there is none",
}


def refusal_from_metadata(metadata: Json) -> Json | None:
    """Return the v1 block of an answer that Google withheld.

    Args:
        metadata: The message's `response_metadata`.

    Returns:
        A block of type `refusal`: Google's explanation, "" without one, and in `extras`
        the reason. None if nothing was refused, or langchain-core knows no such block.
    """
    if not _HAS_REFUSAL_BLOCKS:
        return None
    feedback = metadata.get("prompt_feedback") or {}
    if reason := feedback.get("block_reason"):
        said = "block_reason"
    elif (reason := metadata.get("finish_reason")) in _REFUSED:
        said = "finish_reason"
    else:
        return None
    return {
        "type": "refusal",
        "refusal": metadata.get("finish_message") or "",
        # `ModelRefusalError.from_refusal` names the category in its text.
        "extras": {"category": reason, said: reason},
    }


def failure_from_message(
    message: BaseMessage, *, refusal_error: type[Exception] | None = REFUSAL_ERROR
) -> Exception | None:
    """Tell why a message cannot hold a whole object.

    Args:
        message: The model's answer.
        refusal_error: The class for refusals, an `OutputParserException` if None.

    Returns:
        The error to raise, or None if the answer ended well. An unknown finish reason
        is no failure: what was said is read as it is.
    """
    metadata = message.response_metadata
    reason = str(metadata.get("finish_reason") or "")
    said = f": {text}" if (text := metadata.get("finish_message")) else ""
    if why := _refusal(message, reason):
        text = f"the model refused to give the object asked for ({why}){said}"
        return _refusal_from_text(text, message, refusal_error)
    if reason in _FAILURES:
        text = f"the answer {_FAILURES[reason]} (finish_reason {reason}){said}"
        return OutputParserException(text, llm_output=str(message.text))
    return None


def _refusal(message: BaseMessage, reason: str) -> str | None:
    if reason in _REFUSALS or reason.startswith("IMAGE_"):
        return f"finish_reason {reason}"
    feedback: Any = message.response_metadata.get("prompt_feedback") or {}
    if blocked := feedback.get("block_reason"):
        return f"the prompt was blocked, block_reason {blocked}"
    for block in message.content:
        if isinstance(block, dict) and block.get("type") == "refusal":
            return str(block.get("refusal") or "a refusal block")
    return None


def _refusal_from_text(
    text: str, message: BaseMessage, refusal_error: type[Exception] | None
) -> Exception:
    if refusal_error is None:
        return OutputParserException(text, llm_output=str(message.text))
    return refusal_error(text, raw_message=message)  # type: ignore[call-arg]

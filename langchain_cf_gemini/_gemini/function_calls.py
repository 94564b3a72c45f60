"""Function calls on both ways: their ids, their arguments, and why one must not run."""

import logging
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from langchain_core.messages import AIMessage
from pydantic_core import from_json, to_json

from langchain_cf_gemini._gemini.json_values import number_as_text
from langchain_cf_gemini._gemini.part_notes import SYNTHETIC
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini.exceptions import UnsupportedContentError

_logger = logging.getLogger("langchain_cf_gemini")

MAX_WHOLE = 2**53
"""Where doubles, the numbers of protobuf's Struct, begin to skip whole numbers."""

MAX_DEPTH = 40
"""Levels of JSON: protobuf's readers stop at 100 messages, and each level is two."""

_MARK = "\n] "  # JSON that was written here holds no line break


def exact_args(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return JSON with what a Struct cannot hold as text: numbers, and what lies deep.

    Google reads arguments and responses into doubles: 1234567890123456789 would be
    another number, and JSON has no word for infinity.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        if not depth:
            return json_from_args(value)
        if isinstance(value, dict):
            return {key: exact_args(each, depth - 1) for key, each in value.items()}
        return [exact_args(each, depth - 1) for each in value]
    is_far = isinstance(value, int) and abs(value) > MAX_WHOLE
    is_odd = isinstance(value, float) and not isfinite(value)
    return number_as_text(value) if is_far or is_odd else value


def json_from_args(args: Any) -> str:
    """Return call arguments as JSON text, numbers as Google wrote them.

    Raises:
        UnsupportedContentError: If something in it has no word in JSON.
    """
    try:
        return to_json(args, inf_nan_mode="constants").decode()
    except ValueError as error:
        raise UnsupportedContentError(
            f"{args!r:.100} can't be written as JSON: {error}"
        ) from error


def mark_of(why: str) -> str:
    """Return what makes finished arguments JSON no more, and tells why.

    A chunk has no field for an error, and langchain-core mends whatever text it can
    into the object of a valid call. A closing bracket too many it cannot mend.
    """
    return f"{_MARK}{' '.join(why.split())}"


def unmarked_args(args: str | None) -> tuple[str, str | None]:
    """Return arguments as they were, and why the call must not be run, if it says."""
    text, mark, why = (args or "").partition(_MARK)
    return text, why if mark else None


def unmarked_call(call: Any) -> Any:
    """Return an invalid call with the reason where it belongs, others as they are."""
    if call.get("type") == "tool_call":
        return dict(call)
    args, why = unmarked_args(call["args"])
    if why is None:
        return dict(call)
    return {**call, "type": "invalid_tool_call", "args": args, "error": why}


def call_id_from_block(block: Json) -> str | None:
    """Return the id that a call's result names."""
    # OpenAI's Responses blocks name the call in `call_id`, beside an item id.
    return block.get("call_id") or block.get("id")


def args_from_block(block: Json) -> Any:
    """Return the arguments of a call in any provider's block."""
    args = block.get("args") or block.get("input") or block.get("arguments") or {}
    return _object_from(args) if isinstance(args, str) else args


def _object_from(text: str) -> Json:
    try:
        value = from_json(text) if text else {}
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"invalid_arguments": text}


def calls_from_message(
    message: AIMessage, is_answered: Callable[[str | None], bool]
) -> dict[str, Json]:
    """Return a message's calls by id, the valid ones and those that never ran.

    Args:
        message: The model's turn.
        is_answered: Whether the conversation holds a result for a call's id: only such
            a `function_call`, as calls were said before they had ids, is one.
    """
    if not (message.tool_calls or message.invalid_tool_calls):
        return _function_call(message, is_answered)
    calls: dict[str, Json] = {}

    def add(id_: str | None, call: Json) -> None:
        key = id_ or ""
        while key in calls:  # two calls of one id: both are meant
            key += "'"
        calls[key] = {"id": id_ or "", **call}

    for call in filter(has_name, message.tool_calls):
        add(call["id"], {"name": call["name"], "args": call["args"]})
    for invalid in filter(has_name, message.invalid_tool_calls):
        text, why = unmarked_args(invalid["args"])
        failed = why or invalid["error"] or "The call was not valid."
        id_, args = invalid["id"] or "", _object_from(text)
        made: Json = {"name": invalid["name"], "args": args, "failed": failed}
        # langchain-core shows invalid calls twice where it replays a message.
        if calls.get(id_) != {"id": id_, **made}:
            add(id_, made)
    return calls


def has_name(call: Mapping[str, Any]) -> bool:
    """Tell whether a call names its function, and log one that does not."""
    if not call["name"]:
        _logger.warning(
            "A tool call without a function name wasn't sent, because Google would "
            "reject it: %.200r",
            call["args"],
        )
    return bool(call["name"])


def _function_call(
    message: AIMessage, is_answered: Callable[[str | None], bool]
) -> dict[str, Json]:
    function = message.additional_kwargs.get("function_call")
    if not isinstance(function, dict):
        return {}
    id_ = f"{SYNTHETIC}{function.get('name')}"
    if not is_answered(id_):
        return {}
    args = args_from_block(function)
    return {id_: {"id": id_, "name": function["name"], "args": args}}

"""Messages of older classes, and of other makers, in LangChain's own."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_cf_gemini._gemini.part_notes import SYNTHETIC
from langchain_cf_gemini.exceptions import UnsupportedContentError

_ROLES: Mapping[str, type[BaseMessage]] = {
    **dict.fromkeys(("user", "human"), HumanMessage),
    **dict.fromkeys(("system", "developer"), SystemMessage),
    **dict.fromkeys(("assistant", "model", "ai"), AIMessage),
}


def message_of_role(message: ChatMessage) -> BaseMessage:
    kind = _ROLES.get(message.role.lower())
    if kind is None:
        raise UnsupportedContentError(
            f"Unsupported ChatMessage role {message.role!r}. Use 'user' or 'model'."
        )
    return kind(
        content=message.content,
        additional_kwargs=message.additional_kwargs,
        response_metadata=message.response_metadata,
        name=message.name,
    )


def results_in(message: BaseMessage) -> list[ToolMessage]:
    """Return the results that a message holds, in LangChain's own class.

    They stood in a FunctionMessage once, which names no call but its function, and
    stand in a user's message where Anthropic's blocks were kept.
    """
    if isinstance(message, ToolMessage):
        return [message]
    content: Any = message.content
    if isinstance(message, FunctionMessage):
        id_ = f"{SYNTHETIC}{message.name}"
        return [ToolMessage(content, tool_call_id=id_, name=message.name)]
    if not isinstance(message, HumanMessage) or isinstance(content, str):
        return []
    return [
        ToolMessage(
            block.get("content") or "",
            tool_call_id=str(block.get("tool_use_id")),
            status="error" if block.get("is_error") else "success",
        )
        for block in content
        if is_tool_result(block)
    ]


def is_tool_result(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "tool_result"

"""The types of content blocks that models write, by the words of each provider."""

CODE_RESULT = "code_execution_result"
"""The type of langchain-google-genai's blocks of what code printed."""
CALL_TYPES = frozenset(
    {"tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use", "function_call"}
)
"""The types of calls of the user's tools."""

_THOUGHT_TYPES = frozenset(
    {"reasoning", "thinking", "server_tool_call", "server_tool_result"}
    | {"executable_code", CODE_RESULT}
)
# What other providers' servers did for their models: Gemini has no part for it.
_FOREIGN_TYPES = frozenset(
    {"redacted_thinking", "server_tool_use", "mcp_tool_use", "non_standard_annotation"}
    | {"compaction", "mcp_list_tools", "mcp_approval_request", "input_json_delta"}
    | {"reasoning_content", "reference", "function_call_signature"}
)
_FOREIGN_ENDS = ("_tool_result", "_call", "_call_output")
_TYPES = CALL_TYPES | _THOUGHT_TYPES | _FOREIGN_TYPES


def is_of_models(kind: str) -> bool:
    """Tell whether blocks of a type are written by models: thoughts, calls, code."""
    return kind in _TYPES or kind.endswith(_FOREIGN_ENDS)

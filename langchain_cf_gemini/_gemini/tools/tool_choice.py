"""`tool_choice` in any provider's words to Gemini's `toolConfig`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_cf_gemini._gemini.tools.built_in import BUILT_IN_TOOLS
from langchain_cf_gemini._gemini.vocabulary import (
    Json,
    camel_keys,
    camel_name,
    plain_json,
)
from langchain_cf_gemini.exceptions import UnsupportedContentError

_MODES = {
    "auto": "AUTO",
    "any": "ANY",
    "required": "ANY",
    "none": "NONE",
    "validated": "VALIDATED",
}
_ACCEPTED = (
    "auto, any, required, none, a function's name or a list of them, or the dict form "
    "of OpenAI, Anthropic or Gemini"
)


def tool_config_from_choice(
    choice: Any,
    tools: Sequence[Json],
    *,
    strict: bool | None = None,
    tool_config: Mapping[str, Any] | None = None,
) -> Json | None:
    """Convert LangChain's `tool_choice` and `strict` to Gemini's `toolConfig`.

    `strict=True` becomes mode VALIDATED where the model is free to answer or to call:
    it is AUTO with arguments held to the schema. Forced calls (ANY) are held to it
    anyway. `strict=False` asks for nothing.

    Args:
        choice: "auto", "any" or "required" or True, "none", a function's name, a list
            of names, or a dict as OpenAI, Anthropic or Gemini write it. None and False
            leave the choice to the model, as elsewhere in LangChain.
        tools: Gemini's `tools`.
        strict: Whether arguments must obey their schema.
        tool_config: A `toolConfig` the choice is laid over; its `retrievalConfig` and
            `streamFunctionCallArguments` stay.

    Returns:
        The `toolConfig`, or None if there is nothing to say.

    Raises:
        UnsupportedContentError: If the choice names no function of the tools, forces a
            call where there is none to make, or is in no known form.
    """
    choice = plain_json(choice)
    config = camel_keys(tool_config or {})
    calling = camel_keys(config.pop("functionCallingConfig", None) or {})
    if isinstance(choice, Mapping) and "functionCallingConfig" in camel_keys(choice):
        config |= camel_keys(choice)
        choice = {"mode": "AUTO", **config.pop("functionCallingConfig")}
    chosen = _config_from_choice(choice)
    declared = (tool.get("functionDeclarations", ()) for tool in tools)
    names = [function["name"] for group in declared for function in group]
    _check_chosen(chosen, names)
    if chosen and names:
        calling.pop("allowedFunctionNames", None)
        calling |= chosen
    if strict and names and calling.get("mode", "AUTO") == "AUTO":
        calling["mode"] = "VALIDATED"
    return ({**config, "functionCallingConfig": calling} if calling else config) or None


def parallel_from_choice(choice: Any) -> bool | None:
    """Read Anthropic's `disable_parallel_tool_use` out of a `tool_choice`.

    Args:
        choice: A `tool_choice` in any form.

    Returns:
        What it means as `parallel_tool_calls`, or None if it does not speak of it.
    """
    disabled = isinstance(choice, Mapping) and choice.get("disable_parallel_tool_use")
    return (not disabled) if isinstance(disabled, bool) and disabled else None


def _config_from_choice(choice: Any) -> Json:
    if choice is None or choice is False:
        return {}
    if choice is True:
        return {"mode": "ANY"}
    if isinstance(choice, str):
        return _config_from_word(choice)
    if isinstance(choice, Mapping):
        return _config_from_dict(choice)
    if isinstance(choice, Iterable):
        return _forced(*map(str, choice))
    raise UnsupportedContentError(
        f"Unknown tool_choice {choice!r:.80}. Pass {_ACCEPTED}."
    )


def _config_from_word(word: str) -> Json:
    mode = _MODES.get(word, word)
    return {"mode": mode} if mode in _MODES.values() else _forced(word)


def _forced(*names: str) -> Json:
    return {"mode": "ANY", "allowedFunctionNames": list(names)}


def _config_from_dict(choice: Mapping[str, Any]) -> Json:
    kind = choice.get("type")
    if kind is None and "mode" in choice:
        mode = getattr(choice["mode"], "value", choice["mode"])
        return {**camel_keys(choice), "mode": str(mode).upper()}
    if len(choice) == 1 and choice.keys() <= {"auto", "any"}:  # Bedrock's
        return _config_from_word(*choice)
    if kind == "allowed_tools":
        return _allowed_tools(choice.get("allowed_tools", choice))
    if isinstance(kind, str) and kind in _MODES:
        return {"mode": _MODES[kind]}
    if name := _name_in(choice):
        return _forced(name)
    raise UnsupportedContentError(
        f"Unknown tool_choice {dict(choice)!r:.80}. Pass {_ACCEPTED}."
    )


def _name_in(tool: Mapping[str, Any]) -> str | None:
    body = tool.get("function", tool.get("tool", tool))
    name = body.get("name") if isinstance(body, Mapping) else body
    return None if name is None else str(name)


def _allowed_tools(choice: Mapping[str, Any]) -> Json:
    """OpenAI's: free within a list is VALIDATED, where Gemini allows a list."""
    mode = "ANY" if choice.get("mode") == "required" else "VALIDATED"
    tools = choice.get("tools") or ()
    names = [_name_in(tool) or str(tool.get("type")) for tool in tools]
    return {"mode": mode, "allowedFunctionNames": names}


def _check_chosen(chosen: Json, names: list[str]) -> None:
    allowed = chosen.get("allowedFunctionNames")
    if allowed == []:
        raise UnsupportedContentError(
            'tool_choice is an empty list. Pass "none" to forbid tool calls.'
        )
    for name in allowed or ():
        if name not in names:
            raise UnsupportedContentError(_no_function(name, names))
    if not names and chosen.get("mode") == "ANY":
        raise UnsupportedContentError(
            "tool_choice requires a tool call, but no function is bound. Bind one."
        )


def _no_function(name: str, names: list[str]) -> str:
    from difflib import get_close_matches

    if camel_name(name) in BUILT_IN_TOOLS:
        return (
            f"tool_choice={name!r} names a built-in tool. Gemini decides when to use "
            "it; only functions can be required."
        )
    near = get_close_matches(name, names, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    known = ", ".join(names[:20]) or "none"
    return f"tool_choice={name!r} matches no bound tool.{hint} Bound tools: {known}."

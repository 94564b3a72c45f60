"""LangChain messages as Gemini's systemInstruction and contents.

Gemini wants a result for every call, right behind it, and one only. Threads of agents
do not keep that: a tool was stopped, an approval left alone, a result came late or
twice, a trim began in the middle. Such histories are repaired, and the log says how.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import takewhile
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_cf_gemini._gemini.request.backends import sign_current_turn
from langchain_cf_gemini._gemini.request.media import (
    MEDIA_TYPES,
    Media,
    is_media,
    parts_from_media,
    said_in,
)
from langchain_cf_gemini._gemini.request.model_blocks import is_of_models
from langchain_cf_gemini._gemini.request.model_turn import Called, ModelTurn
from langchain_cf_gemini._gemini.request.other_messages import (
    is_tool_result,
    message_of_role,
    results_in,
)
from langchain_cf_gemini._gemini.request.tool_result import (
    function_response,
    response_part,
)
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini.exceptions import UnsupportedContentError

_logger = logging.getLogger("langchain_cf_gemini")

_PART_KEYS = frozenset({"text", "inlineData", "fileData", "executableCode"})
_CUT_OFF = {"role": "user", "parts": [{"text": "(Earlier messages were left out.)"}]}
"""What is said before a call that came first: Google takes it after a user only."""


class _Conversation:
    """Builds the contents while the messages are read in order."""

    def __init__(
        self, messages: Sequence[BaseMessage], *, media: Media, counting: bool
    ) -> None:
        self._messages = messages
        self._media = media
        self._counting = counting
        self.system: list[Json] = []
        self._turns: list[Json] = []
        self._asked: list[tuple[int, list[Called]]] = []  # places of turns, their calls
        self._early: list[ToolMessage] = []

    def read(self) -> list[Json]:
        """Return all turns, each call followed by its result."""
        for message in self._messages:
            adder = _ADDERS.get(message.type, _Conversation._refuse)
            try:
                adder(self, message)
            except _MISBUILT as error:
                raise _misbuilt(message, error) from error
        self._place_early_results()
        contents: list[Json] = []
        done = 0
        for place, calls in self._asked:
            contents += self._turns[done : place + 1]
            done = place + 1
            if parts := self._results(calls, is_last=done == len(self._turns)):
                contents.append({"role": "user", "parts": parts})
        contents += self._turns[done:]
        return contents if self._counting else _beginning_with_a_user(contents)

    def _refuse(self, message: BaseMessage) -> None:
        raise UnsupportedContentError(
            f"A message of type {message.type!r} has no Gemini equivalent."
        )

    def _add_system(self, message: SystemMessage) -> None:
        parts = self._parts(message.content, "SystemMessage")
        if any("text" not in part for part in parts):
            raise UnsupportedContentError(
                "A SystemMessage can contain only text. Put media in a HumanMessage."
            )
        if parts and self._turns and not self._counting:
            _logger.warning(
                "A SystemMessage in the middle of the conversation was moved to the "
                "front: Gemini has one system instruction for the conversation."
            )
        self.system += parts

    def _add_human(self, message: HumanMessage) -> None:
        content = message.content
        if isinstance(content, str) and content and not message.name:
            self._turns.append({"role": "user", "parts": [{"text": content}]})
            return
        if has_results := not isinstance(content, str) and self._add_results(message):
            content = [each for each in content if not is_tool_result(each)]
        parts = self._parts(content, "HumanMessage")
        if parts:
            if message.name:
                # Gemini's Content has no name; who speaks would otherwise be lost.
                parts.insert(0, {"text": f"{message.name}: "})
            self._turns.append({"role": "user", "parts": parts})
        elif not has_results:
            _logger.warning("An empty HumanMessage wasn't sent.")

    def _parts(self, content: str | list[Any], where: str) -> list[Json]:
        """Return the parts of a user's or system's content.

        Raises:
            UnsupportedContentError: If a block has no Gemini part.
        """
        parts: list[Json] = []
        for block in [content] if isinstance(content, str) else _said(content, where):
            parts += said_in(block) or _parts_from_block(block, self._media, where)
        return _without_empty(parts)

    def _add_ai(self, message: AIMessage) -> None:
        content = message.content
        calls = message.tool_calls or message.invalid_tool_calls
        is_plain = not (calls or message.additional_kwargs)
        if is_plain and isinstance(content, str) and content:
            self._turns.append({"role": "model", "parts": [{"text": content}]})
            return
        turn = ModelTurn(message, self._is_answered, self._media)
        if parts := _without_empty(turn.parts):
            if turn.calls:
                self._asked.append((len(self._turns), turn.calls))
            self._turns.append({"role": "model", "parts": parts})

    def _is_answered(self, id_: str | None) -> bool:
        return id_ in self._answered

    @cached_property
    def _answered(self) -> frozenset[str]:
        """The ids of the calls that the conversation holds results for."""
        results = (each for message in self._messages for each in results_in(message))
        return frozenset(result.tool_call_id for result in results)

    def _add_chat(self, message: ChatMessage) -> None:
        said = message_of_role(message)
        _ADDERS[said.type](self, said)

    def _add_results(self, message: BaseMessage) -> bool:
        results = results_in(message)
        for result in results:
            self._add_result(result)
        return bool(results)

    def _add_result(self, message: ToolMessage) -> None:
        """Put a result to the last call of its id that has none yet."""
        if self._counting:  # wherever its call is, it counts the same
            parts: list[Json] = []
            parts.append(self._result({"name": message.name or "tool"}, message, parts))
            self._turns.append({"role": "user", "parts": parts})
            return
        known = False
        for _, calls in reversed(self._asked):
            own = [call for call in calls if call.is_of(message)]
            if free := [call for call in own if call.result is None]:
                # Ollama's calls have no ids, and those of others occur twice.
                free.sort(key=lambda call: call.name != message.name)
                free[0].result = message
                return
            known = known or bool(own)
        if known:
            _logger.warning(
                "A second ToolMessage with tool_call_id=%r wasn't sent: the tool call "
                "already has its result.",
                message.tool_call_id,
            )
        else:
            self._early.append(message)

    def _place_early_results(self) -> None:
        """Put what came before its call to the call, if one follows."""
        every = [call for _, calls in self._asked for call in calls]
        for message in self._early:
            unanswered = (call for call in every if call.result is None)
            call = next((call for call in unanswered if call.is_of(message)), None)
            if call is not None:
                call.result = message
                continue
            _logger.warning(
                "The ToolMessage with tool_call_id=%r wasn't sent, because it doesn't "
                "match any tool call in the preceding AIMessages. Keep the pair or "
                "remove both (check your history trimming).",
                message.tool_call_id,
            )

    def _results(self, calls: list[Called], *, is_last: bool) -> list[Json]:
        """Answer the calls of a model turn, in the order of the calls."""
        parts: list[Json] = []
        beside: list[Json] = []
        open_ = is_last and not any(call.result for call in calls)
        for call in calls:
            wire = call.part["functionCall"]
            if call.result is not None:
                parts.append(self._result(wire, call.result, beside))
                continue
            if self._counting:
                continue  # its result may come first: trimming counts backwards
            why = call.failed or self._why_not_carried_out(call, is_open=open_)
            error = f"The call was not carried out. {why}"
            parts.append(response_part(wire, {"error": error}))
        # The list stays the same one: media that was fetched may be added to it.
        beside[:0] = parts
        return beside

    def _result(self, call: Json, message: ToolMessage, beside: list[Json]) -> Json:
        try:
            return function_response(call, message, self._media, beside)
        except _MISBUILT as error:
            raise _misbuilt(message, error) from error

    def _why_not_carried_out(self, call: Called, *, is_open: bool) -> str:
        if is_open:
            raise UnsupportedContentError(
                f"Tool call {call.name!r} (id {call.id!r}) has no ToolMessage. Gemini "
                "requires a result for every call before the next turn: run the tool "
                "and append its ToolMessage."
            )
        _logger.warning(
            "Tool call %r (id %r) has no ToolMessage. A result was added: "
            "the call wasn't carried out.",
            call.name,
            call.id,
        )
        return "The conversation went on without it."


_MISBUILT = (AttributeError, KeyError, TypeError)


def _misbuilt(message: BaseMessage, error: Exception) -> UnsupportedContentError:
    return UnsupportedContentError(
        f"The content of a {type(message).__name__} is malformed: {error!r}."
    )


def _beginning_with_a_user(contents: list[Json]) -> list[Json]:
    """Return contents as Google takes them: some, and a call after a user's turn only.

    Raises:
        UnsupportedContentError: If there are none.
    """
    if not contents:
        raise UnsupportedContentError(
            "No user message. Add at least one HumanMessage with text or media."
        )
    first = takewhile(lambda content: content["role"] == "model", contents)
    if any("functionCall" in part for turn in first for part in turn["parts"]):
        _logger.warning(
            "The history starts with a tool call, which Gemini accepts only after a "
            "user message. One was added. Trim with start_on='human'."
        )
        contents.insert(0, _CUT_OFF)
    return contents


def _without_empty(parts: list[Json]) -> list[Json]:
    """Leave out empty text: Vertex answers 400 to it, and it says nothing.

    A part with a signature stays, as Google sent it.
    """
    return [p for p in parts if p.get("text") != "" or "thoughtSignature" in p]


def _said(content: list[Any], where: str) -> list[Any]:
    """Leave out what models alone write, where an agent's words go on to the next."""
    kinds = [str(b.get("type")) if isinstance(b, dict) else "text" for b in content]
    written = [kind for kind in kinds if is_of_models(kind)]
    if not written or len(written) == len(content):
        return content
    _logger.warning(
        "Blocks of type %s in a %s weren't sent: they have no Gemini equivalent.",
        ", ".join(map(repr, written)),
        where,
    )
    return [b for b, kind in zip(content, kinds, strict=True) if kind not in written]


def _parts_from_block(block: Any, media: Media, where: str) -> list[Json]:
    kind = block.get("type")
    if is_media(block):
        return parts_from_media(block, media)
    value = block.get("value")
    if kind == "non_standard" and isinstance(value, dict):
        own = "type" not in value and not is_media(value)
        if own:
            return [dict(value)]
        return said_in(value) or _parts_from_block(value, media, where)
    if kind is None and not _PART_KEYS.isdisjoint(block):
        return [{k: v for k, v in block.items() if v is not None}]
    raise UnsupportedContentError(
        f"A block of type {kind!r} in a {where} has no Gemini equivalent. Supported: "
        f"text, {', '.join(sorted(MEDIA_TYPES))}, and Gemini's own parts."
    )


_ADDERS: Mapping[str, Callable[[_Conversation, Any], object]] = {
    **dict.fromkeys(("system", "SystemMessageChunk"), _Conversation._add_system),
    **dict.fromkeys(("human", "HumanMessageChunk"), _Conversation._add_human),
    **dict.fromkeys(("ai", "AIMessageChunk"), _Conversation._add_ai),
    **dict.fromkeys(("tool", "ToolMessageChunk"), _Conversation._add_result),
    **dict.fromkeys(("chat", "ChatMessageChunk"), _Conversation._add_chat),
    **dict.fromkeys(("function", "FunctionMessageChunk"), _Conversation._add_results),
}


def body_from_messages(
    messages: Sequence[BaseMessage],
    *,
    media: Media,
    signs_calls: bool,
    counting: bool = False,
) -> Json:
    """Return `contents`, and `systemInstruction` if there is one.

    Args:
        messages: The conversation, oldest first.
        media: How media is to be sent; takes the downloads that are left to do.
        signs_calls: Whether the model wants thought signatures on calls (Gemini 3 and
            later); unsigned calls of the current turn then get Google's dummy.
        counting: Whether this is for an estimate only. Any slice of a conversation can
            then be said, results without calls and no turn at all among them.

    Raises:
        UnsupportedContentError: If something in the conversation cannot be said in
            Gemini's terms; nothing has been sent then.
    """
    conversation = _Conversation(messages, media=media, counting=counting)
    contents = conversation.read()
    if signs_calls:
        sign_current_turn(contents)
    body: Json = {"contents": contents}
    if conversation.system:
        body["systemInstruction"] = {"parts": conversation.system}
    return body

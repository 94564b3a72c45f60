"""LangChain messages as Gemini's systemInstruction and contents."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic_core import from_json

from langchain_cf_gemini._gemini.request.media import (
    MEDIA_TYPES,
    Media,
    part_from_media,
)
from langchain_cf_gemini._gemini.request.model_turn import ModelTurn
from langchain_cf_gemini._gemini.vocabulary import DUMMY_SIGNATURE, Json
from langchain_cf_gemini.exceptions import UnsupportedContentError

_PART_KEYS = frozenset({"text", "inlineData", "fileData", "executableCode"})
# Gemini 3 takes these inside a function response: pydantic-ai's profile of Google's
# documentation. Other media go beside it.
_IN_RESPONSE = frozenset(
    {"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"}
)
_ROLES: Mapping[str, type[BaseMessage]] = {
    "user": HumanMessage,
    "human": HumanMessage,
    "system": SystemMessage,
    "developer": SystemMessage,
    "assistant": AIMessage,
    "model": AIMessage,
    "ai": AIMessage,
}


class _Conversation:
    """Builds the contents while the messages are read in order."""

    def __init__(self, *, media: Media, messages: Sequence[BaseMessage]) -> None:
        self.media = media
        self._messages = messages
        self.system: list[Json] = []
        self.contents: list[Json] = []
        self._turn: ModelTurn | None = None
        self._results: list[ToolMessage] = []
        self._after: list[Json] = []

    @cached_property
    def _answered(self) -> frozenset[str]:
        """The ids of the calls that the conversation holds results for."""
        results = (m for m in self._messages if isinstance(m, ToolMessage))
        return frozenset(result.tool_call_id for result in results)

    def add_system(self, message: BaseMessage) -> None:
        content = message.content
        if isinstance(content, str):
            if content:
                self.system.append({"text": content})
            return
        for part in parts_from_content(message, self.media):
            if "text" not in part:
                raise UnsupportedContentError(
                    "a SystemMessage may hold text only: Gemini's systemInstruction "
                    "has no place for media; put it into a HumanMessage"
                )
            self.system.append(part)

    def add_human(self, message: BaseMessage) -> None:
        content = message.content
        if isinstance(content, str):
            parts: list[Json] = [{"text": content}]
        else:
            parts = parts_from_content(message, self.media)
            if not parts:
                raise UnsupportedContentError(
                    "a HumanMessage has an empty content list"
                )
        if message.name:
            # Gemini's Content has no name; who speaks would otherwise be lost.
            parts.insert(0, {"text": f"{message.name}: "})
        turn = {"role": "user", "parts": parts}
        # Results must follow their calls at once, so other turns wait for them.
        (self.contents if self._turn is None else self._after).append(turn)

    def add_ai(self, message: BaseMessage) -> None:
        assert isinstance(message, AIMessage)
        if self._turn is not None:
            self.settle()
        content = message.content
        if isinstance(content, str) and content and _is_plain(message):
            self.contents.append({"role": "model", "parts": [{"text": content}]})
            return
        turn = ModelTurn(message, self._answered, self.media)
        if not turn.parts:
            return  # Google refuses a turn without parts, and it would say nothing
        self.contents.append({"role": "model", "parts": turn.parts})
        if turn.calls:
            self._turn = turn

    def add_tool(self, message: BaseMessage) -> None:
        assert isinstance(message, ToolMessage)
        calls = self._turn.calls if self._turn else []
        if not any(id_ == message.tool_call_id for id_, _, _ in calls):
            raise UnsupportedContentError(
                f"the ToolMessage for call {message.tool_call_id!r} has no such call "
                "in the AIMessage before it; keep both or drop both"
            )
        self._results.append(message)

    def settle(self) -> None:
        """Answer the calls of the last model turn, in the order of the calls."""
        if self._turn is None:
            return
        turn, self._turn = self._turn, None
        results, self._results = self._results, []
        parts: list[Json] = []
        beside: list[Json] = []
        for id_, part, failed in turn.calls:
            call = part["functionCall"]
            found = next((r for r in results if r.tool_call_id == id_), None)
            if found is not None:
                results.remove(found)
                parts.append(function_response(call, found, self.media, beside))
            elif failed is not None:
                error = {"error": f"The call was not carried out. {failed}"}
                parts.append(_response_part(call, error))
            else:
                raise UnsupportedContentError(
                    f"the call {id_!r} of {call['name']!r} has no ToolMessage: Gemini "
                    "wants a result for every call before the conversation goes on"
                )
        if results:
            raise UnsupportedContentError(
                f"the call {results[0].tool_call_id!r} has more than one ToolMessage"
            )
        self.contents.append({"role": "user", "parts": parts + beside})
        self.contents += self._after
        self._after = []


def _is_plain(message: AIMessage) -> bool:
    notes = message.additional_kwargs
    return not (notes or message.tool_calls or message.invalid_tool_calls)


def parts_from_content(message: BaseMessage, media: Media) -> list[Json]:
    """Return the parts of a user's or system's content blocks.

    Raises:
        UnsupportedContentError: If a block has no Gemini part.
    """
    parts = []
    for block in message.content:
        if isinstance(block, str):
            parts.append({"text": block})
        else:
            parts.append(_part_from_block(block, media, type(message).__name__))
    return parts


def _part_from_block(block: Json, media: Media, where: str) -> Json:
    kind = block.get("type")
    if kind == "text":
        return {"text": _text_from_block(block)}
    if kind in MEDIA_TYPES:
        return part_from_media(block, media)
    if kind == "non_standard" and isinstance(block.get("value"), dict):
        return dict(block["value"])
    if kind is None and not _PART_KEYS.isdisjoint(block):
        return dict(block)
    raise UnsupportedContentError(
        f"no Gemini part for a block of type {kind!r} in a {where}; understood are "
        f"text, {', '.join(sorted(MEDIA_TYPES))}, and Gemini's own parts"
    )


def _text_from_block(block: Json) -> str:
    text = block.get("text")
    if not isinstance(text, str):
        raise UnsupportedContentError(f"a block of type 'text' has the text {text!r}")
    return text


def _response_part(call: Json, response: Json) -> Json:
    wire: Json = {"name": call["name"], "response": response}
    if "id" in call:
        wire["id"] = call["id"]
    return {"functionResponse": wire}


def function_response(
    call: Json, message: ToolMessage, media: Media, beside: list[Json]
) -> Json:
    """Return the `functionResponse` part of a tool's result.

    Args:
        call: The call that it answers, as it goes on the wire.
        message: The result: text, JSON, or content blocks.
        media: How media is to be sent.
        beside: Takes the media that cannot stand inside the response.
    """
    content = message.content
    if isinstance(content, str):
        return _response_part(
            call, _response_from(_value_from(content), message.status)
        )
    values: list[Any] = []
    shown: list[Json] = []
    for value, part in (_result_from_block(block, media) for block in content):
        if part is None:
            values.append(value)
        else:
            inside = media.per_part and _mime_type(part) in _IN_RESPONSE
            (shown if inside else beside).append(part)
    value = values[0] if len(values) == 1 else values
    made = _response_part(call, _response_from(value, message.status))
    if shown:
        made["functionResponse"]["parts"] = shown
    return made


def _result_from_block(block: Any, media: Media) -> tuple[Any, Json | None]:
    """Return a piece of a result as a JSON value, or as a part that shows media."""
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text":
        return _value_from(_text_from_block(block)), None
    if kind not in MEDIA_TYPES:
        return block, None
    part = part_from_media(block, media)
    return (part["text"], None) if "text" in part else (None, part)


def _mime_type(part: Json) -> str | None:
    data = part.get("inlineData") or part.get("fileData") or {}
    mime = data.get("mimeType")
    # An address that is still to be fetched has no type yet; images are the rule.
    return mime or "image/png"


def _value_from(text: str) -> Any:
    """Return the JSON object that a result is, else the text itself."""
    if text.startswith("{"):
        try:
            return from_json(text, allow_inf_nan=False)
        except ValueError:
            return text
    return text


def _response_from(value: Any, status: str) -> Json:
    if status == "error":
        return {"error": value}
    if value == []:
        return {}
    return value if isinstance(value, dict) else {"output": value}


def _chat_message(conversation: _Conversation, message: BaseMessage) -> None:
    assert isinstance(message, ChatMessage)
    kind = _ROLES.get(message.role.lower())
    if kind is None:
        raise UnsupportedContentError(
            f"a ChatMessage has the role {message.role!r}; Gemini has user and model"
        )
    same = kind(content=message.content, additional_kwargs=message.additional_kwargs)
    _ADDERS[same.type](conversation, same)


_ADDERS: Mapping[str, Callable[[_Conversation, Any], None]] = {
    "system": _Conversation.add_system,
    "SystemMessageChunk": _Conversation.add_system,
    "human": _Conversation.add_human,
    "HumanMessageChunk": _Conversation.add_human,
    "ai": _Conversation.add_ai,
    "AIMessageChunk": _Conversation.add_ai,
    "tool": _Conversation.add_tool,
    "ToolMessageChunk": _Conversation.add_tool,
    "chat": _chat_message,
    "ChatMessageChunk": _chat_message,
}


def body_from_messages(
    messages: Sequence[BaseMessage], *, media: Media, signs_calls: bool
) -> Json:
    """Return `contents`, and `systemInstruction` if there is one.

    Args:
        messages: The conversation, oldest first.
        media: How media is to be sent; takes the downloads that are left to do.
        signs_calls: Whether the model wants thought signatures on calls (Gemini 3 and
            later); unsigned calls of the current turn then get Google's dummy.

    Raises:
        UnsupportedContentError: If something in the conversation cannot be said in
            Gemini's terms; nothing has been sent then.
    """
    conversation = _Conversation(media=media, messages=messages)
    for message in messages:
        adder = _ADDERS.get(message.type)
        if adder is None:
            raise UnsupportedContentError(
                f"no Gemini turn for a message of type {message.type!r}"
            )
        try:
            adder(conversation, message)
        except (AttributeError, KeyError, TypeError) as error:
            raise UnsupportedContentError(
                f"a {type(message).__name__} holds something that is not built as it "
                f"should be: {error!r}"
            ) from error
    conversation.settle()
    contents = conversation.contents
    if not contents:
        raise UnsupportedContentError(
            "Gemini needs at least one turn of the user beside the system's"
        )
    if signs_calls:
        sign_current_turn(contents)
    body: Json = {"contents": contents}
    if conversation.system:
        body["systemInstruction"] = {"parts": conversation.system}
    return body


def sign_current_turn(contents: list[Json]) -> None:
    """Give unsigned calls of the current turn Google's dummy signature.

    Only the first call of a step needs one. Gemini 3 answers 400 without; earlier turns
    are not looked at. https://ai.google.dev/gemini-api/docs/thought-signatures
    """
    for content in reversed(contents):
        parts = content["parts"]
        if content["role"] == "user":
            if not any("functionResponse" in part for part in parts):
                return
            continue
        for at, part in enumerate(parts):
            if "functionCall" in part:
                if "thoughtSignature" not in part:
                    parts[at] = {**part, "thoughtSignature": DUMMY_SIGNATURE}
                break

"""Blocks of a prompt that langchain-core would stumble over, in a form it leaves alone.

Before a model is asked, core writes images as OpenAI's for tracers, and older blocks
(v0, OpenAI's files and audio) as v1. Where a field is missing or given twice, that ends
in a KeyError, a TypeError or "mime_type key is required for base64 data", on every way
of asking and outside of the run that callbacks see. The reader of media knows more
forms and finds a type in the bytes, so such a block is handed on to it: what it cannot
read, it refuses in words.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import is_
from typing import Any, Final

from langchain_core.messages import BaseMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue

from langchain_cf_gemini._gemini.request.base64_data import first_bytes
from langchain_cf_gemini._gemini.request.media_types import type_from_bytes
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini.exceptions import UnsupportedContentError

_V0: Final = frozenset({"image", "audio", "file"})
# Where a v0 block has what its source type names.
_PLACES: Final = {"base64": "data", "url": "url", "id": "id", "text": "url"}
_OPENAI: Final = frozenset({"file", "input_audio"})
# What core makes of OpenAI's inner object; beside it, each is given twice.
_MADE: Final = frozenset({"base64", "file_id", "filename", "id", "mime_type", "url"})


def readable_prompt(prompt: Any) -> Any:
    """Return a prompt of any form with blocks that core can read."""
    if isinstance(prompt, PromptValue):
        return readable_messages(prompt.to_messages())
    if isinstance(prompt, Sequence) and not isinstance(prompt, str):
        return readable_messages(prompt)
    return prompt


def readable_batch(batch: Iterable[Any]) -> list[list[BaseMessage]]:
    """Return the conversations of `generate` with blocks that core can read.

    Raises:
        TypeError: If they are not lists of messages.
    """
    conversations = list(batch)
    for messages in conversations:
        if isinstance(messages, str | Mapping | BaseMessage):
            raise TypeError(
                "generate() takes a list of conversations, each a list of messages, "
                f"not {type(messages).__name__!r}. For one prompt, use invoke()."
            )
    return list(map(readable_messages, conversations))


def readable_messages(given: Iterable[Any]) -> list[BaseMessage]:
    """Return messages with blocks that core can read; those of the caller stay.

    Raises:
        UnsupportedContentError: If a block's type is not a string, or an image holds
            nothing but a text.
    """
    messages = list(given)
    for message in messages:
        if not (isinstance(message, BaseMessage) and isinstance(message.content, str)):
            return list(map(_readable, convert_to_messages(messages)))
    return messages


def _readable(message: BaseMessage) -> BaseMessage:
    content = message.content
    if not isinstance(content, list):
        return message
    blocks = [
        _block(block) if isinstance(block, dict) else block
        for block in content
        if not _is_cache_mark(block)
    ]
    is_same = len(blocks) == len(content) and all(map(is_, blocks, content))
    return message if is_same else message.model_copy(update={"content": blocks})


def _is_cache_mark(block: Any) -> bool:
    """Tell whether a block is Bedrock's mark of what it is to cache, and says nothing.

    Anthropic's stands inside a block, where nobody reads it.
    """
    return isinstance(block, dict) and (
        "cachePoint" in block or block.get("type") == "cachePoint"
    )


def _block(block: Json) -> Json:
    kind = block.get("type")
    if not isinstance(kind, str):
        if kind is None:
            return block
        raise UnsupportedContentError(
            f"A content block has the type {kind!r}. Use a string, for example 'text'."
        )
    if kind in _OPENAI:
        block = _flat(block, block.get(kind))
    if kind in _V0 and "source_type" in block:
        block = _with_true_source(block)
    return _typed_image(block) if kind == "image" else block


def _flat(block: Json, inner: Any) -> Json:
    """Return one of OpenAI's blocks without its inner object, if core trips on that."""
    if not isinstance(inner, Mapping) or (
        all(inner.values()) and _MADE.isdisjoint(block)
    ):
        return block
    return {**_without(block, block["type"]), **inner}


def _with_true_source(block: Json) -> Json:
    """Return a v0 block without a source type that it has nothing of.

    Its own id goes, too, where it is not the source: core gives it twice.
    """
    source = block["source_type"]
    if not isinstance(source, str):
        return _without(block, "source_type")
    if (place := _PLACES.get(source)) is None:
        return block  # which core leaves alone, and the reader refuses
    is_twice = source == "id" and {"base64", "file_id"} & block.keys()
    if is_twice or not block.get(place):
        return _without(block, "source_type")
    return block if source == "id" else _without(block, "id")


def _typed_image(block: Json) -> Json:
    source = block.get("source_type")
    if source == "id" or {"url", "file_id"} & block.keys():
        return block
    if source == "base64" or "base64" in block:
        data = block.get("data" if source == "base64" else "base64")
        return block if "mime_type" in block else {**block, "mime_type": _type_of(data)}
    if "text" in block:
        raise UnsupportedContentError(
            "A block of type 'image' needs base64, url or file_id. Pass text as a "
            "block of type 'text'."
        )
    return block


def _type_of(data: Any) -> str:
    """Return the type of an image that its first bytes show; empty if they do not."""
    head = first_bytes(data, length=1368) if isinstance(data, str) else b""
    mime = type_from_bytes(head) or ""
    return mime if mime.startswith("image/") else ""


def _without(block: Json, name: str) -> Json:
    return {key: value for key, value in block.items() if key != name}

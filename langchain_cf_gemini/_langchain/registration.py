"""What langchain-core is told of this package when it is imported.

`load(..., allowed_objects="all")` means the classes of langchain-core's mapping, which
lists partner packages by name and knows no way in for others. Whoever loads still has
to name the package in `valid_namespaces`.
"""

import importlib
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator

from langchain_cf_gemini._gemini.vocabulary import PROVIDER

if TYPE_CHECKING:
    from langchain_core.messages import content as types

PATH = ("langchain_cf_gemini", "chat_models", "ChatCloudflareGemini")


def register() -> None:
    """Register the translator of our messages, and the class as loadable."""
    register_translator(PROVIDER, _blocks_from_message, _blocks_from_chunk)
    # `langchain_core.load.load` is also a function's name, hence not an import.
    loader = importlib.import_module("langchain_core.load.load")
    loader.ALL_SERIALIZABLE_MAPPINGS.setdefault(PATH, PATH)
    known = getattr(loader, "_default_class_paths_cache", {}).get("all")
    if known is not None:
        known.add(PATH)


def _blocks_from_message(message: AIMessage) -> "list[types.ContentBlock]":
    from langchain_cf_gemini._langchain.content_blocks import blocks_from_message

    return blocks_from_message(message)


def _blocks_from_chunk(chunk: AIMessageChunk) -> "list[types.ContentBlock]":
    from langchain_cf_gemini._langchain.content_blocks import blocks_from_chunk

    return blocks_from_chunk(chunk)

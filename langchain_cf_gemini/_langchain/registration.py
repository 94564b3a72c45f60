"""What LangChain is told of this package: at import, and if it is asked for.

`load(..., allowed_objects="all")` means the classes of langchain-core's mapping, which
lists partner packages by name and knows no way in for others. Whoever loads still has
to name the package in `valid_namespaces`.
"""

import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final, TypeGuard

from langchain_core.messages.block_translators import register_translator

from langchain_cf_gemini._gemini.vocabulary import PROVIDER
from langchain_cf_gemini._langchain.content_blocks import (
    blocks_from_chunk,
    blocks_from_message,
)

PATH: Final = ("langchain_cf_gemini", "chat_models", "ChatCloudflareGemini")


def register() -> None:
    """Register the translator of our messages, and the class as loadable."""
    register_translator(PROVIDER, blocks_from_message, blocks_from_chunk)
    # `langchain_core.load.load` is also a function's name, hence not an import.
    loader = importlib.import_module("langchain_core.load.load")
    loader.ALL_SERIALIZABLE_MAPPINGS.setdefault(PATH, PATH)
    known = getattr(loader, "_default_class_paths_cache", {}).get("all")
    if known is not None:
        known.add(PATH)


# ---- init_chat_model

_ENTRY_PARTS: Final = 3


def _create(cls: Callable[..., Any], **kwargs: Any) -> Any:
    return cls(**kwargs)


# Module, class, and how to make one: what each row of LangChain's table holds.
_ENTRY: Final = ("langchain_cf_gemini", "ChatCloudflareGemini", _create)


def register_init_chat_model() -> None:
    """Make `init_chat_model("cloudflare_gemini:gemini-3-flash")` work.

    LangChain has no public way to add a provider, so this writes one row into the table
    that langchain 1.4 and 1.5 keep (`_BUILTIN_PROVIDERS`). Nothing happens at import:
    call it once, as early as you like; calling it again does nothing.

    Raises:
        ImportError: If langchain is not installed.
        RuntimeError: If its table is not of the shape that is known, or already has
            another provider of that name. Construct `ChatCloudflareGemini(...)` then.
    """
    try:
        from langchain.chat_models import base
    except ImportError as error:
        msg = (
            "register_init_chat_model() needs langchain: pip install 'langchain>=1.4'. "
            "Without it, construct langchain_cf_gemini.ChatCloudflareGemini(...)."
        )
        raise ImportError(msg) from error
    register_in(base)


def register_in(base: Any) -> None:
    """Write the row into `langchain.chat_models.base`, or a module of its shape.

    Args:
        base: The module that holds the table.

    Raises:
        RuntimeError: As `register_init_chat_model` says.
    """
    providers = getattr(base, "_BUILTIN_PROVIDERS", None)
    if not _is_provider_table(providers):
        msg = (
            f"langchain {_langchain_version()} keeps its chat model providers in a way "
            "this package does not know (it knows 1.4 and 1.5). Construct "
            "langchain_cf_gemini.ChatCloudflareGemini(...) instead."
        )
        raise RuntimeError(msg)
    row = providers.get(PROVIDER)
    if row is not None and tuple(row[:2]) != _ENTRY[:2]:
        msg = (
            f"init_chat_model already has a provider {PROVIDER!r}, from {row[0]}. "
            "Construct langchain_cf_gemini.ChatCloudflareGemini(...) instead."
        )
        raise RuntimeError(msg)
    providers.setdefault(PROVIDER, _ENTRY)


def _is_provider_table(providers: Any) -> TypeGuard[dict[str, tuple[Any, ...]]]:
    return (
        isinstance(providers, dict)
        and bool(providers)
        and all(_is_provider_row(row) for row in providers.values())
    )


def _is_provider_row(row: Any) -> bool:
    return isinstance(row, tuple) and len(row) == _ENTRY_PARTS and callable(row[2])


def _langchain_version() -> str:
    return version("langchain")

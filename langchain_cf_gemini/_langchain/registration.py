"""What LangChain is told of this package: at import, and if it is asked for.

`langchain_core.load` loads from the packages that it lists by name, and knows no way in
for others: importing this package puts it on those lists. Whoever loads still says with
`allowed_objects` what may be loaded.
"""

import importlib
import os
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final, TypeGuard
from urllib.parse import urlsplit

from langchain_core.load.serializable import Serializable
from langchain_core.messages.block_translators import register_translator
from pydantic import ConfigDict

from langchain_cf_gemini._gemini.vocabulary import PROVIDER
from langchain_cf_gemini._http.urls import is_loopback
from langchain_cf_gemini._langchain import connection
from langchain_cf_gemini._langchain.connection import Fields
from langchain_cf_gemini._langchain.content_blocks import (
    blocks_from_chunk,
    blocks_from_message,
)
from langchain_cf_gemini._langchain.profile import name_of_model
from langchain_cf_gemini._langchain.secrets import HEADERS, headers_of_loaded, held

PATH: Final = ("langchain_cf_gemini", "chat_models", "ChatCloudflareGemini")


class LoadedModel(Serializable):
    """Makes the chat model of what `langchain_core.load` read, in its stead."""

    model_config = ConfigDict(defer_build=True)

    def __new__(cls, **fields: Any) -> Any:
        """Return a chat model.

        Raises:
            ValueError: If a token of the environment would go to an address that only
                the serialized model names.
        """
        given = fields.pop(HEADERS, None)
        headers = headers_of_loaded(given, fields.get("required_secrets")) or {}
        # One variable may hold all headers, as JSON.
        _refuse_foreign_addresses({**fields, HEADERS: {**headers, HEADERS: given}})
        if headers:
            fields[HEADERS] = headers
        module = importlib.import_module(".".join(PATH[:-1]))
        return getattr(module, PATH[-1])(**fields)


def attributes_of(model: Fields) -> dict[str, Any]:
    """Return fields as JSON, and the model by the name that traces show."""
    attributes: dict[str, Any] = {
        "model": name_of_model(model.model),
        "gateway": model.gateway.as_dict(),
    }
    if model.timeout is not None and not isinstance(model.timeout, int | float):
        attributes["timeout"] = model.timeout.as_dict()
    if required := sorted({*held(model)} - {"api_token"}):
        attributes["required_secrets"] = required
    return attributes


def _refuse_foreign_addresses(fields: Mapping[str, Any]) -> None:
    """Keep this process's own secrets from whoever wrote the JSON."""
    for name in ("base_url", "gateway_base_url"):
        address = fields.get(name)
        if address is None or _is_trusted(name, str(address)):
            continue
        if any(map(_is_of_environment, _SECRETS, map(fields.get, _SECRETS))):
            raise ValueError(
                f"The serialized model has {name}={address!r}. Secrets from this "
                "process's environment aren't sent to an address that came as data. "
                "Pass load() a secrets_map with the token for it, or set "
                f"{connection.VARIABLES[name][0]} to trust the address."
            )


_SECRETS: Final = ("api_token", "google_api_key", "gateway_token", "default_headers")


def _is_of_environment(field: str, value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_of_environment("", each) for each in value.values())
    if value is None:  # the constructor would read it
        is_read = field in connection.READ_BY_FIELDS
        return is_read and connection.from_variables(field) is not None
    return value in os.environ.values()


def _is_trusted(name: str, address: str) -> bool:
    own = connection.from_variables(name)
    host = urlsplit(address).hostname or ""
    return address.rstrip("/") == own.rstrip("/") or is_loopback(host)


def register() -> None:
    """Register the translator of our messages, and the class as loadable."""
    register_translator(PROVIDER, blocks_from_message, blocks_from_chunk)
    # `langchain_core.load.load` is also a function's name, hence not an import.
    loader = importlib.import_module("langchain_core.load.load")
    loaded = (*__name__.split("."), LoadedModel.__name__)
    loader.ALL_SERIALIZABLE_MAPPINGS[PATH] = loaded
    if PATH[0] not in loader.DEFAULT_NAMESPACES:
        loader.DEFAULT_NAMESPACES.append(PATH[0])
    known = getattr(loader, "_default_class_paths_cache", {}).get("all")
    if known is not None:
        known.add(PATH)


# ---- init_chat_model


# Module, class, and how to make one: what each row of LangChain's table holds.
_ENTRY: Final = (
    "langchain_cf_gemini",
    "ChatCloudflareGemini",
    lambda cls, **kwargs: cls(**kwargs),
)


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
        raise ImportError(
            "register_init_chat_model() requires langchain: pip install "
            "'langchain>=1.4'. Or construct langchain_cf_gemini.ChatCloudflareGemini()."
        ) from error
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
        raise RuntimeError(
            f"langchain {version('langchain')} keeps its chat model providers in a "
            "format that this package doesn't support (supported: 1.4, 1.5). Construct "
            "langchain_cf_gemini.ChatCloudflareGemini(...) instead."
        )
    row = providers.get(PROVIDER)
    if row is not None and tuple(row[:2]) != _ENTRY[:2]:
        raise RuntimeError(
            f"init_chat_model already has a provider {PROVIDER!r}, from {row[0]}. "
            "Construct langchain_cf_gemini.ChatCloudflareGemini(...) instead."
        )
    providers.setdefault(PROVIDER, _ENTRY)


def _is_provider_table(providers: Any) -> TypeGuard[dict[str, tuple[Any, ...]]]:
    return (
        isinstance(providers, dict)
        and bool(providers)
        and all(
            isinstance(row, tuple) and len(row) == len(_ENTRY) and callable(row[2])
            for row in providers.values()
        )
    )

"""What is never shown: tokens, keys, and the values of a caller's headers.

They do not travel with a model, either, unless it is told to carry them. A model that
arrives without one of them looks for it in its new environment, and asks nobody until
it is there: without it, somebody else might pay for the call, or let it in.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, SecretStr
from pydantic_core import from_json

from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini._langchain.connection import (
    SENDERS,
    TOKENS,
    VARIABLES,
    Fields,
    from_variables,
)

HEADERS: Final = "default_headers"
HEADERS_VARIABLE: Final = "CLOUDFLARE_GEMINI_DEFAULT_HEADERS"
"""Stands for a caller's headers in a serialized model."""

HIDDEN: Final = {*TOKENS, "api_key", HEADERS}
"""The arguments whose values are never shown."""
# What a repr leaves out: secrets, what was said before, what is long.
_UNSEEN: Final = frozenset(
    {"model", "endpoint", "account_id", "callbacks", "metadata", "profile"}
    | {*TOKENS, *SENDERS, "gateway_memory"}
)


def hide(arguments: Mapping[str, Any], known: Collection[str]) -> Json:
    """Return a constructor's arguments with every secret hidden.

    An argument that nobody knows may be a token under a misspelt name.
    """
    found: Json = {}
    for name, value in arguments.items():
        is_shown = name in known and name not in HIDDEN
        found[name] = value if is_shown else hidden(value)
    return found


def hidden_fields(fields: Mapping[str, Any]) -> Json:
    """Return the fields that hold secrets, hidden."""
    return hide({name: fields[name] for name in (*TOKENS, HEADERS)}, TOKENS)


def hidden(value: Any) -> Any:
    """Return a text, or texts in lists and dicts, so that they show themselves not."""
    if isinstance(value, bytes):
        return SecretStr(value.decode("latin-1"))
    if isinstance(value, Mapping):
        return {name: hidden(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [hidden(each) for each in value]
    return SecretStr(value) if isinstance(value, str) else value


def shown_fields(model: BaseModel) -> Iterator[tuple[str, Any]]:
    """Return what a repr shows: the model, the endpoint, and what was set."""
    fields, values = type(model).model_fields, model.__dict__
    for name in ("model", "endpoint", *(n for n in fields if n not in _UNSEEN)):
        value = values.get(name)
        is_set = name in values and value != fields[name].get_default(
            call_default_factory=True, validated_data={}
        )
        if is_set or name in ("model", "endpoint"):
            yield name, list(value or ()) if name == HEADERS else value


def _variable(header: str) -> str:
    return f"CLOUDFLARE_GEMINI_HEADER_{header.upper().replace('-', '_')}"


def _headers_of_variables(required: Iterable[str]) -> Json:
    """Return the headers among some secrets that have a variable of their own."""
    names = [name.partition(".")[2] for name in required if "." in name]
    return {n: value for n in names if (value := os.environ.get(_variable(n)))}


def headers_of_loaded(value: Any, required: Collection[str] | None) -> Json | None:
    """Return the headers of a serialized model, whose place a variable's name took.

    Args:
        value: What `load()` found for that variable: JSON of the headers, or None.
        required: What the model had; each header may have a variable of its own.

    Raises:
        ValueError: If the value is no JSON object.
    """
    if value is None:
        return _headers_of_variables(required or ()) or None
    headers = from_json(value)
    if not isinstance(headers, dict):
        raise ValueError(
            f"{HEADERS_VARIABLE} must be a JSON object of header names and values, "
            f"not a {type(headers).__name__}."
        )
    return headers


# ---- what travels without its secrets


def variables_of_secrets() -> dict[str, str]:
    """Name what stands for each secret in a serialized model."""
    return {name: VARIABLES[name][0] for name in TOKENS} | {HEADERS: HEADERS_VARIABLE}


def held(model: Fields) -> list[str]:
    """Name the secrets that a model has."""
    tokens = [name for name in TOKENS if getattr(model, name) is not None]
    return tokens + [f"{HEADERS}.{name}" for name in model.default_headers or ()]


def without(model: Fields, required: Collection[str] | None) -> Json:
    """Return the fields to change in a copy that travels without its secrets.

    Args:
        model: The model that is copied.
        required: What it should have itself, and may have lost.
    """
    lost = [name for name in required or () if name not in held(model)]
    nothing: Json = dict.fromkeys((*TOKENS, HEADERS))
    return {**nothing, "required_secrets": [*held(model), *lost]}


def found(model: Fields, required: Collection[str] | None) -> Json:
    """Return the fields to change in a copy that arrived without its secrets."""
    lost = set(required or ()) - set(held(model))
    fields: Json = {name: from_variables(name) for name in TOKENS if name in lost}
    headers = {**(model.default_headers or {}), **hidden(_headers_of_variables(lost))}
    return {**fields, HEADERS: headers or None}


def refuse_lost(model: Fields, required: Collection[str] | None) -> None:
    """Refuse to ask without a secret that the model was made with.

    Raises:
        ValueError: With the variable to set.
    """
    for name in required or ():
        if name not in held(model):
            header = name.partition(".")[2]
            if name not in TOKENS and not header:
                raise ValueError(
                    f"required_secrets contains {name!r}. Use {', '.join(TOKENS)} or "
                    f"{HEADERS}.NAME."
                )
            variable = _variable(header) if header else VARIABLES[name][0]
            given = HEADERS_VARIABLE if header else variable
            raise ValueError(
                f"This model was created with {name}, which isn't serialized. Set "
                f"{variable} where the model is loaded, pass {given} to load() in "
                "secrets_map, or pickle the model with carry_secrets=True."
            )

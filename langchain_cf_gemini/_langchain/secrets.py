"""What is never shown: tokens, keys, and the values of a caller's headers.

They do not travel with a model, either, unless it is told to carry them. A model that
arrives without one of them looks for it in its new environment, and asks nobody until
it is there: without it, somebody else might pay for the call, or let it in.
"""

import os
from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic import SecretStr, ValidationError

from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini._langchain.connection import TOKENS, VARIABLES, Fields, token

HEADERS: Final = "default_headers"
_HIDDEN: Final = {*TOKENS, "api_key"}


def hidden_headers(value: Any) -> Any:
    """Return headers with their values hidden; what is no dict stays for a check."""
    return {name: _hidden(v) for name, v in value.items()} if _is_dict(value) else value


def open_headers(headers: Mapping[str, str | SecretStr]) -> dict[str, str]:
    """Return headers with their values, to be sent."""
    return {
        name: v.get_secret_value() if isinstance(v, SecretStr) else v
        for name, v in headers.items()
    }


def hide(arguments: Mapping[str, Any], known: Collection[str]) -> Json:
    """Return a constructor's arguments with every secret hidden.

    An argument that nobody knows may be a token under a misspelt name.
    """
    hidden: Json = {}
    for name, value in arguments.items():
        if name == HEADERS:
            hidden[name] = hidden_headers(value)
        elif name in _HIDDEN or name not in known:
            hidden[name] = _hidden(value)
        else:
            hidden[name] = value
    return hidden


def _hidden(value: Any) -> Any:
    if isinstance(value, bytes):
        return SecretStr(value.decode("latin-1"))
    return SecretStr(value) if isinstance(value, str) else value


def _is_dict(value: Any) -> bool:
    return isinstance(value, Mapping)


def without_frames(error: ValidationError) -> ValidationError:
    """Return an error whose causes have forgotten the frames that held secrets."""
    for told in error.errors(include_input=False, include_url=False):
        cause = told.get("ctx", {}).get("error")
        while isinstance(cause, BaseException):
            cause.__traceback__, cause = None, cause.__context__
    return error


def header_variables(headers: Mapping[str, Any] | None) -> dict[str, str]:
    """Name a variable for the value of each header, as `lc_secrets` names them."""
    return {f"{HEADERS}.{name}": _variable(name) for name in headers or ()}


def _variable(header: str) -> str:
    return f"CLOUDFLARE_GEMINI_HEADER_{header.upper().replace('-', '_')}"


def check_header_values(headers: Any) -> None:
    """Refuse headers whose values stayed behind when a model was serialized.

    Raises:
        ValueError: With the variables that stand for them.
    """
    if not _is_dict(headers):
        return
    # langchain-core leaves what stands for a secret inside of a dict as it is.
    if lost := [name for name, v in headers.items() if v is None or _is_dict(v)]:
        variables = map(_variable, lost)
        raise ValueError(
            f"default_headers: {', '.join(lost)} without a value. Serialized models "
            "hold names of headers alone: give load() a secrets_map with "
            f"{', '.join(variables)}, or pass the headers again"
        )


# ---- what travels without its secrets


def variables_of(model: Fields) -> dict[str, str]:
    """Name the variable that stands for each secret of a model elsewhere."""
    tokens = {name: VARIABLES[name][0] for name in TOKENS}
    return tokens | header_variables(model.default_headers)


def held(model: Fields) -> list[str]:
    """Name the secrets that a model has."""
    tokens = [name for name in TOKENS if getattr(model, name) is not None]
    return tokens + list(header_variables(model.default_headers))


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
    fields: Json = {name: token(name)() for name in TOKENS if name in lost}
    headers = dict(model.default_headers or {})
    for name in lost - fields.keys():
        header = name.partition(".")[2]
        if value := os.environ.get(_variable(header)):
            headers[header] = SecretStr(value)
    return {**fields, HEADERS: headers or None}


def refuse_lost(model: Fields, required: Collection[str] | None) -> None:
    """Refuse to ask without a secret that the model was made with.

    Raises:
        ValueError: With the variable to set.
    """
    for name in required or ():
        if name not in held(model):
            header = name.partition(".")[2]
            variable = _variable(header) if header else VARIABLES[name][0]
            raise ValueError(
                f"this model was made with {name}, which did not travel with it: set "
                f"{variable} where it is loaded, or make it with carry_secrets=True"
            )

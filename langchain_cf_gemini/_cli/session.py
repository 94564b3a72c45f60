"""The model that a command uses, made from its arguments and the environment."""

import argparse
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_cf_gemini._cli.arguments import UsageError, model_named
from langchain_cf_gemini._langchain.settings import ALIASES
from langchain_cf_gemini.chat_models import ChatCloudflareGemini

_LOGGER = "langchain_cf_gemini"
# Argument of the command line: argument of the model.
_SETTINGS = {
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "thinking": "thinking_level",
    "gateway": "gateway",
    "endpoint": "endpoint",
    "timeout": "timeout",
}


@contextmanager
def model_from(args: argparse.Namespace) -> Iterator[ChatCloudflareGemini]:
    """Give the model that the arguments describe, and close it afterwards.

    Raises:
        UsageError: For an argument that the model refuses, and for missing
            credentials.
    """
    read_env_file(args.env_file)
    if getattr(args, "verbose", False):
        logging.basicConfig(format="%(message)s")
        logging.getLogger(_LOGGER).setLevel(logging.DEBUG)
    if getattr(args, "quiet", False):
        warnings.simplefilter("ignore")  # for this command: the entry lays it back
    with (
        _address(args.emulator) as address,
        _model(settings_from(args) | address) as model,
    ):
        yield model


def read_env_file(path: str | None) -> None:
    """Add a file's variables to the environment; variables that are set win.

    Raises:
        UsageError: If the file cannot be read, or python-dotenv is not installed.
    """
    if path is None:
        return
    try:
        from dotenv import dotenv_values
    except ImportError:
        raise UsageError(
            "--env-file needs the extra 'cli': pip install 'langchain-cf-gemini[cli]'"
        ) from None
    if not os.path.isfile(path):  # noqa: PTH113 (as the user wrote it)
        raise UsageError(
            f"--env-file: there is no file {path!r}. Its lines are NAME=VALUE, for "
            "example CLOUDFLARE_API_TOKEN=..."
        )
    try:
        variables = dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--env-file {path!r} can't be read: {error}.") from None
    for name, value in variables.items():
        if value is not None:
            os.environ.setdefault(name, value)


def settings_from(args: argparse.Namespace) -> dict[str, Any]:
    """Return the model's arguments; what was not given is left out."""
    settings: dict[str, Any] = {"model": model_named(args)}
    settings |= {
        name: value
        for argument, name in _SETTINGS.items()
        if (value := getattr(args, argument, None)) is not None
    }
    return settings | options_from(args)


def options_from(args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of the model that are given with -o.

    Raises:
        UsageError: If one is not KEY=VALUE.
    """
    options: dict[str, Any] = {}
    for option in args.option:
        name, sign, text = option.partition("=")
        if not (sign and name):
            raise UsageError(
                f"-o {option!r} has no value. Write KEY=VALUE, for example -o top_k=40."
            )
        options[ALIASES.get(name, name)] = _value(text)
    return options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@contextmanager
def _address(emulated: bool) -> Iterator[dict[str, Any]]:
    """Where to send requests: the emulator's address, or nothing for Cloudflare's."""
    if emulated:
        with address_of_emulator() as settings:
            yield settings
    else:
        yield {}


@contextmanager
def address_of_emulator() -> Iterator[dict[str, Any]]:
    """Run the emulator; give the arguments that lead a model there."""
    emulator_class, _ = load_emulator()
    with emulator_class() as emulator:
        yield dict(emulator.client)


def load_emulator() -> tuple[Any, Any]:
    """Import the emulator and what serves it in the foreground.

    Raises:
        UsageError: If the emulator's extra is not installed.
    """
    try:
        from langchain_cf_gemini.emulator import Emulator, serve
    except ImportError as error:
        raise UsageError(
            "The emulator needs its extra: pip install 'langchain-cf-gemini[emulator]' "
            f"({error})"
        ) from None
    return Emulator, serve


def _model(settings: dict[str, Any]) -> ChatCloudflareGemini:
    try:
        return ChatCloudflareGemini(**settings)
    except (ValueError, TypeError) as error:
        raise UsageError(message_from(error)) from None


def check_unicode(what: str, text: str) -> None:
    """Refuse text that the terminal or a pipe gave in another encoding.

    Raises:
        UsageError: If it has bytes that were not decoded (lone surrogates).
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} is not valid UTF-8.") from None


def message_from(error: BaseException) -> str:
    """Return an error's message and its notes in one line, in this program's terms."""
    text = " ".join([str(error), *getattr(error, "__notes__", ())])
    return in_own_terms(" ".join(text.split())) or type(error).__name__


# Messages name what a Python program writes: `pass account_id=`, `set endpoint='run'`.
_ARGUMENT = rf"(?<!-o )\b({'|'.join((*ChatCloudflareGemini.model_fields, *ALIASES))})"
_OWN_TERMS = (
    (r"\bgateway=GatewayOptions\((\w+)=\.\.\.\)", r"""-o gateway='{"\1": ...}'"""),
    (rf"{_ARGUMENT}=(?=[\s.,;)]|$)", r"-o \1="),
    (rf"\b([Pp]ass|[Ss]et|[Uu]se|or|with) {_ARGUMENT}='?(\w+)'?", r"\1 -o \2=\3"),
    (r"\bmodel\.list_models\(\)", "langchain-cf-gemini models"),
    (r"\bmodel\.check_credentials\(\)", "langchain-cf-gemini check"),
    (r"Use the emulator: (pip install '\S+')", r"Add --emulator (\1)"),
)


def in_own_terms(message: str) -> str:
    """Return a message that names options and commands instead of Python's terms."""
    for python, own in _OWN_TERMS:
        message = re.sub(python, own, message)
    return message

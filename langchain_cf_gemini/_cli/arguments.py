"""The command line's arguments; reading them loads neither LangChain nor HTTP."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Final, TypeVar

from langchain_cf_gemini._version import __version__

_T = TypeVar("_T")

PROG: Final = "langchain-cf-gemini"
MODEL_VARIABLE: Final = "CF_GEMINI_MODEL"
DEFAULT_MODEL: Final = "gemini-3-flash"
COMMANDS: Final = ("ask", "chat", "models", "check", "verify", "emulator")
_ALONE: Final = ("-h", "--help", "--version")

_EPILOG = """\
exit status:
  0  success
  1  the API or the network failed
  2  wrong usage, or missing credentials
  3  the response was blocked, cut off, or has no text
  130  interrupted with Ctrl-C

environment:
  CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN  credentials (CF_ACCOUNT_ID,
      CF_API_TOKEN and CF_AI_API_TOKEN also work)
  CF_GEMINI_MODEL  default model
"""


# What helps where words stand that a command does not take.
_LOOSE: Final = {
    "ask": ". Put the prompt in quotes.",
    "chat": ". A chat reads its prompts from the terminal; for one prompt, use ask.",
}


class UsageError(ValueError):
    """Arguments, files or credentials that a command cannot work with."""


def arguments_from(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments; `ask` is the command where none is named.

    Args:
        argv: The arguments without the program's name; by default the process's own.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    is_named = bool(given) and given[0] in (*COMMANDS, *_ALONE)
    parser = _parser()
    args, extra = parser.parse_known_args(given if is_named else ["ask", *given])
    if not is_named and (
        meant := get_close_matches(args.prompt or "", COMMANDS, 1, 0.8)
    ):
        parser.error(
            f"{args.prompt!r} was read as a prompt. Put the command first: {PROG} "
            f"{meant[0]} ... If it is your prompt: {PROG} ask {args.prompt} ..."
        )
    if extra:
        hint = "" if extra[0].startswith("-") else _LOOSE.get(args.command, "")
        parser.error(f"unrecognized arguments: {' '.join(extra)}{hint}")
    return args


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG,
        description="Use Google's Gemini models through Cloudflare. Without a command, "
        "the arguments are those of `ask`.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_ask(commands.add_parser("ask", help="send one prompt"))
    _add_chat(commands.add_parser("chat", help="talk in a loop"))
    _add_models(commands.add_parser("models", help="list Gemini models"))
    _add_check(commands.add_parser("check", help="check what your token may do"))
    _add_verify(
        commands.add_parser("verify", help="check this package against your account")
    )
    _add_emulator(
        commands.add_parser("emulator", help="run the local emulator until Ctrl-C")
    )
    return parser


def _add_ask(ask: argparse.ArgumentParser) -> None:
    ask.description = (
        "Send one prompt and print the response. Standard input, if it is not a "
        "terminal, is put before the prompt. On a terminal without a prompt, "
        "this starts a chat."
    )
    ask.add_argument("prompt", nargs="?", help='the prompt; "-" reads standard input')
    _add_model_options(ask)
    ask.add_argument(
        "-a", "--attach", action="append", default=[], metavar="FILE|URL|-",
        help="attach an image, audio, video, PDF or text file (repeatable)",
    )  # fmt: skip
    ask.add_argument(
        "--schema", metavar="FILE|JSON", help="JSON Schema that the response follows"
    )
    ask.add_argument(
        "--json", action="store_true", help="print the whole message as JSON"
    )


def _add_chat(chat: argparse.ArgumentParser) -> None:
    chat.description = (
        "Talk to a model. /model NAME switches the model, /clear forgets the "
        "conversation, /exit or Ctrl-D ends."
    )
    _add_model_options(chat)


def _add_model_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    _add_model(command)
    add("-s", "--system", metavar="TEXT", help="system instruction")
    add("-t", "--temperature", type=_number, metavar="N", help="temperature, 0 to 2")
    add("--max-tokens", type=_whole_number, metavar="N",
        help="maximum output tokens, thinking included")  # fmt: skip
    add("--thinking", metavar="LEVEL", help="thinking level, for example low or high")
    _add_option(command)
    add("--gateway", metavar="ID", help="AI Gateway to use")
    add("--endpoint", choices=("auto", "run", "gateway"), help="endpoint to use")
    add("--env-file", metavar="FILE", help="read environment variables from this file")
    add("--timeout", type=_seconds, metavar="S", help="seconds per attempt")
    add(
        "--no-stream",
        action="store_true",
        help="print the response at once, without streaming",
    )
    add("--markdown", action="store_true", help="render Markdown on a terminal "
        "(needs the extra 'cli')")  # fmt: skip
    add("-u", "--usage", action="store_true", help="print token usage to standard "
        "error (on a terminal, always)")  # fmt: skip
    add("-q", "--quiet", action="store_true", help="print errors only to standard "
        "error")  # fmt: skip
    add("-v", "--verbose", action="store_true", help="log every request to standard "
        "error")  # fmt: skip
    _add_emulator_switch(command)


def _add_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o", "--option", action="append", default=[], metavar="KEY=VALUE",
        help="any argument of ChatCloudflareGemini, value as JSON or text "
        "(repeatable)",
    )  # fmt: skip


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-m",
        "--model",
        help=f"model to use (default: the variable {MODEL_VARIABLE}, then "
        f"{DEFAULT_MODEL})",
    )


def model_named(args: argparse.Namespace) -> str:
    """Return the model to use; an --env-file, which may name it, is read by now."""
    named: str | None = args.model
    if named is None:
        named = os.environ.get(MODEL_VARIABLE) or DEFAULT_MODEL
    return named


def _add_emulator_switch(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--emulator", action="store_true",
        help="use the local emulator instead of Cloudflare (made-up responses)",
    )  # fmt: skip


def _add_models(models: argparse.ArgumentParser) -> None:
    models.description = (
        "List the Gemini models of your account; without credentials, the models in "
        "Cloudflare's documentation."
    )
    models.add_argument("--json", action="store_true", help="print JSON")
    _add_option(models)
    models.add_argument(
        "--env-file", metavar="FILE", help="read environment variables from this file"
    )
    _add_emulator_switch(models)


def _add_check(check: argparse.ArgumentParser) -> None:
    check.description = (
        "Check what your credentials may do, without a response or a cost: invoke, "
        "stream, read logs, send feedback. Status 0 means that a model can invoke and "
        "stream."
    )
    _add_model(check)
    _add_option(check)
    check.add_argument("--gateway", metavar="ID", help="AI Gateway to use")
    check.add_argument(
        "--env-file", metavar="FILE", help="read environment variables from this file"
    )
    _add_emulator_switch(check)


def _add_verify(verify: argparse.ArgumentParser) -> None:
    verify.description = (
        "Check what this package assumes about the API against your account, with a "
        "few cheap requests. Status 0 means that the package copes with what it saw."
    )
    add = verify.add_argument
    _add_model(verify)
    _add_option(verify)
    add("--gateway", metavar="ID", help="AI Gateway to use")
    add("--only", action="append", default=[], metavar="NAME",
        help="run only this check (repeatable)")  # fmt: skip
    add("--report", metavar="DIR", help="write a report and the recorded exchanges, "
        "without credentials and ids")  # fmt: skip
    add("--max-cost", type=_cost, default=0.05, metavar="USD",
        help="start no check after this was spent (default: %(default)s)")  # fmt: skip
    add("--yes", action="store_true", help="don't ask before sending")
    add("--env-file", metavar="FILE", help="read environment variables from this file")
    _add_emulator_switch(verify)


def _add_emulator(emulator: argparse.ArgumentParser) -> None:
    emulator.description = "Run a local server that stands in for Cloudflare."
    emulator.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: %(default)s)",
    )
    emulator.add_argument(
        "--port", type=_port, default=8787,
        help="port to listen on, 0 for any free one (default: %(default)s)",
    )  # fmt: skip
    emulator.add_argument(
        "--script", metavar="FILE",
        help="responses to give: JSON as in the documentation, or a cassette (YAML)",
    )  # fmt: skip
    emulator.add_argument(
        "--unscripted", choices=("invent", "fail", "fail_if_scripted"),
        default="invent", help="what to do with other requests (default: %(default)s)",
    )  # fmt: skip
    emulator.add_argument(
        "--record", metavar="FILE",
        help="pass requests on to Cloudflare, and write its responses to a script",
    )  # fmt: skip
    emulator.add_argument(
        "--rate-limit", type=_rate, metavar="N[/SECONDS]",
        help="return 429 beyond N requests per second, or per window of SECONDS",
    )  # fmt: skip
    emulator.add_argument("-q", "--quiet", action="store_true", help="print nothing")


def _value(
    read: Callable[[str], _T],
    wanted: str,
    is_right: Callable[[_T], bool] = lambda _: True,
) -> Callable[[str], _T]:
    """Return a reader of one argument, whose error names what is wanted."""

    def value(text: str) -> _T:
        with suppress(ValueError):
            if is_right(found := read(text)):
                return found
        raise argparse.ArgumentTypeError(f"{text!r} isn't {wanted}")

    return value


def _rate_from(text: str) -> float | tuple[float, float]:
    count, slash, window = text.partition("/")
    numbers = float(count), float(window or 1)
    if not min(numbers) > 0:
        raise ValueError(text)
    return numbers if slash else numbers[0]


_number = _value(float, "a number, for example 0.5")
_whole_number = _value(int, "a whole number, for example 500")
_seconds = _value(
    float, "a number of seconds above 0, for example 60", lambda seconds: seconds > 0
)
_cost = _value(
    float, "an amount of US dollars from 0, for example 0.05", lambda cost: cost >= 0
)
_rate = _value(_rate_from, "a rate: pass a number above 0, or two, such as 100/60")
_port = _value(int, "a number between 0 and 65535", lambda port: 0 <= port <= 65535)

"""The command line: `langchain-cf-gemini ask` and `langchain-cf-gemini emulator`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from langchain_cf_gemini._version import __version__

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, BaseMessage

    from langchain_cf_gemini.chat_models import ChatCloudflareGemini

_ACCOUNT, _TOKEN = "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="langchain-cf-gemini",
        description="Ask Google's Gemini models through Cloudflare.",
        epilog=f"With {_ACCOUNT} and {_TOKEN} set, questions go to Cloudflare; without "
        "them, to the emulator that comes with the package.",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    ask = commands.add_parser("ask", help="ask one question")
    ask.add_argument("prompt", nargs="?", help="the question; standard input if absent")
    ask.add_argument("--model", default="gemini-3-flash", help="%(default)s")
    ask.add_argument("--system", help="the system's instruction")
    ask.add_argument("--temperature", type=float, help="0 to 2")
    ask.add_argument("--max-tokens", type=int, help="thoughts count too")
    ask.add_argument(
        "--no-stream", action="store_true", help="print the answer when it is whole"
    )
    ask.add_argument(
        "--json", action="store_true", help="print the message as one JSON object"
    )
    ask.set_defaults(run=_ask)
    emulator = commands.add_parser("emulator", help="run the emulator until Ctrl-C")
    emulator.add_argument("--host", default="127.0.0.1", help="%(default)s")
    emulator.add_argument("--port", type=int, default=8787, help="%(default)s")
    emulator.set_defaults(run=_serve)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments, by default the process's own.

    Returns:
        The exit status: 0, 1 after an error that was printed, 130 after Ctrl-C.
    """
    # LangChain takes a second to import, which is part of the run: Ctrl-C ends it, too.
    try:
        args = _arguments().parse_args(argv)
        return int(args.run(args) or 0)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; a second complaint at exit helps nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if not isinstance(error, _told_errors()):
            raise
        print(f"error: {_line(error)}", file=sys.stderr)
        return 1


def _told_errors() -> tuple[type[Exception], ...]:
    """Return what is told in one line; whoever raises LangChain's has imported it."""
    langchain = sys.modules.get("langchain_core.exceptions")
    own = (langchain.LangChainException,) if langchain else ()
    return (ValueError, ImportError, OSError, *own)


def _line(error: BaseException) -> str:
    """Return an error's message in one line."""
    details = getattr(error, "errors", None)
    if callable(details):  # pydantic's, whose own text takes many lines
        said = (str(detail["msg"]) for detail in details())
        return "; ".join(text.removeprefix("Value error, ") for text in said)
    return " ".join(str(error).split()) or type(error).__name__


def _serve(args: argparse.Namespace) -> None:
    serve = _emulator_module().serve
    serve(args.host, args.port)


def _emulator_module() -> Any:
    try:
        from langchain_cf_gemini import emulator
    except ImportError as error:
        raise ImportError(
            "the emulator needs its extra: pip install 'langchain-cf-gemini[emulator]' "
            f"({error})"
        ) from error
    return emulator


def _ask(args: argparse.Namespace) -> None:
    prompt = args.prompt if args.prompt is not None else sys.stdin.read()
    if not prompt.strip():
        raise ValueError("there is no question: name it or write it to standard input")
    with ExitStack() as stack:
        model = _model(args, stack)
        messages: list[Any] = [("human", prompt)]
        if args.system:
            messages.insert(0, ("system", args.system))
        if args.no_stream or args.json:
            message: AIMessage = model.invoke(messages)
            print(json.dumps(_json_from(message)) if args.json else message.text)
        else:
            message = _streamed(model, messages)
        if not args.json:
            print(f"\n{_summary(message)}")


def _model(args: argparse.Namespace, stack: ExitStack) -> "ChatCloudflareGemini":
    """Return the model: live if the credentials are there, else on the emulator."""
    from langchain_cf_gemini import ChatCloudflareGemini

    settings: dict[str, Any] = {"model": args.model}
    for name in ("temperature", "max_tokens"):
        if getattr(args, name) is not None:
            settings[name] = getattr(args, name)
    if not (os.environ.get(_ACCOUNT) and os.environ.get(_TOKEN)):
        print(
            f"Starting the embedded emulator: set {_ACCOUNT} and {_TOKEN} to ask "
            "Cloudflare instead.",
            file=sys.stderr,
        )
        emulator = stack.enter_context(_emulator_module().Emulator())
        settings |= {
            "account_id": emulator.account_id,
            "api_token": emulator.api_token,
            "base_url": emulator.base_url,
            "gateway_base_url": emulator.gateway_base_url,
        }
    return stack.enter_context(ChatCloudflareGemini(**settings))


def _streamed(
    model: "ChatCloudflareGemini", messages: "list[BaseMessage]"
) -> "AIMessage":
    whole: Any = None
    for chunk in model.stream(messages):
        print(chunk.text, end="", flush=True)
        whole = chunk if whole is None else whole + chunk
    print()
    return whole  # type: ignore[no-any-return]


def _json_from(message: "AIMessage") -> dict[str, Any]:
    return {
        "text": message.text,
        "usage_metadata": message.usage_metadata,
        "response_metadata": message.response_metadata,
    }


def _summary(message: "AIMessage") -> str:
    metadata, usage = message.response_metadata, message.usage_metadata
    words = [
        f"model {metadata.get('model_name', 'unknown')}",
        f"finish reason {metadata.get('finish_reason', 'unknown')}",
    ]
    if usage:
        details = usage.get("output_token_details") or {}
        words.append(
            f"tokens {usage['input_tokens']} in, {usage['output_tokens']} out, "
            f"{usage['total_tokens']} in all"
        )
        if thoughts := details.get("reasoning"):
            words.append(f"{thoughts} of them thoughts")
    return " | ".join(words)


if __name__ == "__main__":
    sys.exit(main())

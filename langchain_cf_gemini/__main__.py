"""The command line; `langchain_cf_gemini._cli` has its commands."""

import codecs
import io
import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

from langchain_cf_gemini._cli.arguments import arguments_from

_USAGE, _FAILED, _INTERRUPTED = 2, 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments, by default the process's own.

    Returns:
        The exit status: 0 for success, 1 after an error of the API or the network, 2
        for wrong usage or missing credentials, 3 for a response that was blocked, cut
        off or has no text, 130 after Ctrl-C.
    """
    # LangChain takes a second to import, which is part of the run: Ctrl-C ends it, too.
    args = None
    try:
        args = arguments_from(argv)
        _prepare_streams()
        with _quiet_process():
            command = import_module(f"langchain_cf_gemini._cli.{args.command}")
            return int(command.run(args))
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; a second complaint at exit helps nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except Exception as error:
        if not isinstance(error, _expected_errors()):
            raise
        _print(error, as_json=getattr(args, "json", False))
        # What the model refuses before it sends anything is wrong usage, too.
        is_usage = isinstance(error, ValueError) and not _is_langchains(error)
        return _USAGE if is_usage else _FAILED


def _prepare_streams() -> None:
    """Read nothing from a standard input that was closed (`<&-`).

    What standard output's encoding lacks, as that of Windows lacks emojis, is escaped
    as in JSON.

    Raises:
        OSError: If standard output was closed: there is nowhere to write a response.
    """
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BytesIO())
    if sys.stdout is None:
        raise OSError("standard output is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("as in JSON", _escaped)
        sys.stdout.reconfigure(errors="as in JSON")


def _escaped(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    return json.dumps(fault.object[fault.start : fault.end])[1:-1], fault.end


@contextmanager
def _quiet_process() -> Iterator[None]:
    """End quietly on SIGTERM, and print warnings in one line."""
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _terminated) if is_main else None
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)


def _terminated(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning in one line, without the line of code that it came from."""
    session = import_module("langchain_cf_gemini._cli.session")
    print(f"warning: {session.in_own_terms(str(message))}", file=sys.stderr)


def _expected_errors() -> tuple[type[Exception], ...]:
    """Return what is told in one line; whoever raises LangChain's has imported it."""
    return (ValueError, ImportError, OSError, *_langchains_errors())


def _langchains_errors() -> tuple[type[Exception], ...]:
    langchain = sys.modules.get("langchain_core.exceptions")
    return (langchain.LangChainException,) if langchain else ()


def _is_langchains(error: Exception) -> bool:
    return isinstance(error, _langchains_errors())


def _print(error: Exception, *, as_json: bool) -> None:
    """Print an error and its notes: in one line, or as JSON in a response's place."""
    message = import_module("langchain_cf_gemini._cli.session").message_from(error)
    if as_json and sys.stdout is not None:
        output = import_module("langchain_cf_gemini._cli.output")
        print(output.json_from_error(error, message))
    else:
        print(f"error: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

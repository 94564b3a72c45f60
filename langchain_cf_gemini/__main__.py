"""The command line; `langchain_cf_gemini._cli` has its commands."""

import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

from langchain_cf_gemini._cli.arguments import UsageError, arguments_from

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
    try:
        args = arguments_from(argv)
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
        print(f"error: {_line(error)}", file=sys.stderr)
        return _USAGE if isinstance(error, UsageError) else _FAILED


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
    print(f"warning: {message}", file=sys.stderr)


def _expected_errors() -> tuple[type[Exception], ...]:
    """Return what is told in one line; whoever raises LangChain's has imported it."""
    langchain = sys.modules.get("langchain_core.exceptions")
    own = (langchain.LangChainException,) if langchain else ()
    return (ValueError, ImportError, OSError, *own)


def _line(error: Exception) -> str:
    """Return an error's message in one line, with names like the one not found."""
    session = import_module("langchain_cf_gemini._cli.session")
    text: str = session.message_from(error)
    return text


if __name__ == "__main__":
    sys.exit(main())

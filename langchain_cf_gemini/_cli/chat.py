"""`langchain-cf-gemini chat`: a conversation in a loop."""

import argparse
import sys
from contextlib import suppress
from typing import Final

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from langchain_cf_gemini._cli.output import FAILED, OK, USAGE, Printer, respond
from langchain_cf_gemini._cli.session import check_unicode, message_from, model_from
from langchain_cf_gemini.chat_models import ChatCloudflareGemini
from langchain_cf_gemini.exceptions import CloudflareGeminiError

_HELP: Final = "/exit or Ctrl-D ends, /clear forgets, /model NAME switches the model."


def run(args: argparse.Namespace) -> int:
    """Read a line, print the response, until /exit or the end of input.

    Returns:
        What a script, which writes the lines, can check: the last response's status.
    """
    with suppress(ImportError):
        import readline  # noqa: F401 (line editing and history for `input`)
    with model_from(args) as model:
        if sys.stdin.isatty() and not args.quiet:
            print(f"{model.model}. {_HELP}", file=sys.stderr)
        status = _Conversation(args, model).run()
    return OK if sys.stdin.isatty() else status


class _Conversation:
    """The turns so far, and the model that answers them."""

    def __init__(self, args: argparse.Namespace, model: ChatCloudflareGemini) -> None:
        self._args = args
        self._model = model
        self._turns: list[BaseMessage] = []
        self._is_over = False
        self._status = OK

    def run(self) -> int:
        while not self._is_over:
            try:
                line = input("> " if sys.stdin.isatty() else "").strip()
            except EOFError:
                if sys.stdin.isatty():
                    print(file=sys.stderr)
                break
            check_unicode("Standard input", line)
            if line.startswith("/"):
                self._command(line)
            elif line:
                self._say(line)
        return self._status

    def _command(self, line: str) -> None:
        name, _, value = line.partition(" ")
        if name in ("/exit", "/quit"):
            self._is_over = True
        elif name == "/clear":
            self._turns = []
        elif name == "/model" and value.strip():
            self._switch(value.strip())
        else:
            print(_HELP, file=sys.stderr)

    def _switch(self, name: str) -> None:
        try:
            self._model = ChatCloudflareGemini(**{**dict(self._model), "model": name})
        except ValueError as error:
            self._status = USAGE
            print(f"error: {message_from(error)}", file=sys.stderr)

    def _say(self, line: str) -> None:
        """Ask; a failed or interrupted turn leaves the conversation as it was."""
        system = [SystemMessage(self._args.system)] if self._args.system else []
        turns = [*self._turns, HumanMessage(line)]
        printer = Printer(self._args)
        try:
            message = respond(
                self._model, [*system, *turns], printer, whole=self._args.no_stream
            )
        except CloudflareGeminiError as error:
            self._status = FAILED
            print(f"error: {message_from(error)}", file=sys.stderr)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
        else:
            self._status = printer.report(message)
            self._turns = [*turns, message]

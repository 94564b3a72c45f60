"""What the commands print: responses, usage, errors, and the exit status of each."""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, Final, TextIO

from langchain_core.messages import AIMessage, BaseMessage

from langchain_cf_gemini._cli.arguments import UsageError
from langchain_cf_gemini.chat_models import ChatCloudflareGemini

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NO_RESPONSE: Final = 3

# Escape sequences that could retitle a terminal or write to its clipboard, and every
# control character but tab and line feed.
_CONTROL = re.compile(
    r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_WHOLE: Final = ("STOP", None)
_WHY: Final = {
    "MAX_TOKENS": "The response was cut off at the maximum number of output tokens. "
    "Raise --max-tokens.",
}


class Printer:
    """Prints one response, as it comes or whole.

    Args:
        args: The command's arguments.
        out: Where the response goes; nothing else is written there.
        err: Where everything else goes.
    """

    def __init__(
        self, args: argparse.Namespace, out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:  # fmt: skip
        self._args = args
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._live = markdown_view(self._out) if args.markdown else None
        self._text = ""

    def add(self, text: str) -> None:
        """Print a piece of the response."""
        self._text += text
        if self._live is not None:
            self._live.show(self._text)
        elif text:
            print(printable(text, self._out), end="", file=self._out, flush=True)

    def end(self) -> None:
        """End the last line, if anything was printed."""
        if self._live is not None:
            self._live.end()
        elif self._text and not self._text.endswith("\n"):
            print(file=self._out, flush=True)

    def report(self, message: AIMessage) -> int:
        """Print usage and problems to standard error; return the exit status."""
        shows = self._args.usage or (self._out.isatty() and self._err.isatty())
        if shows and not self._args.quiet:
            print(usage_from(message), file=self._err)
        if problem := problem_from(message):
            print(problem, file=self._err)
            return NO_RESPONSE
        return OK


def respond(
    model: ChatCloudflareGemini,
    messages: list[BaseMessage],
    printer: Printer,
    *,
    whole: bool,
) -> AIMessage:
    """Print the response as it comes, or in one piece."""
    message: Any = None
    try:
        for chunk in _pieces(model, messages, whole=whole):
            printer.add(str(chunk.text))
            message = chunk if message is None else message + chunk
    finally:
        printer.end()
    return AIMessage("") if message is None else message


def _pieces(
    model: ChatCloudflareGemini, messages: list[BaseMessage], *, whole: bool
) -> Iterator[AIMessage]:
    if whole:
        yield model.invoke(messages)
    else:
        yield from model.stream(messages)


class _MarkdownView:
    """Markdown that is rendered anew with each piece."""

    def __init__(self, live: Any, render: Any) -> None:
        self._live, self._render = live, render
        live.start()

    def show(self, text: str) -> None:
        self._live.update(self._render(_CONTROL.sub("", text)))

    def end(self) -> None:
        self._live.stop()


def markdown_view(out: TextIO) -> _MarkdownView | None:
    """Return a view of Markdown if this is a terminal.

    Raises:
        UsageError: If rich is not installed.
    """
    if not out.isatty():
        return None
    try:
        from rich.console import Console
        from rich.live import Live
        from rich.markdown import Markdown
    except ImportError:
        raise UsageError(
            "--markdown needs the extra 'cli': pip install 'langchain-cf-gemini[cli]'"
        ) from None
    live = Live(console=Console(file=out), vertical_overflow="visible")
    return _MarkdownView(live, Markdown)


def printable(text: str, out: TextIO) -> str:
    """Return the text without control sequences if it goes to a terminal."""
    return _CONTROL.sub("", text) if out.isatty() else text


def problem_from(message: AIMessage) -> str | None:
    """Say why a message is no complete response; None if it is one."""
    metadata = message.response_metadata
    reason = metadata.get("finish_reason")
    if reason in _WHOLE and message.text:
        return None
    if reason in _WHY:
        return _WHY[reason]
    blocked = (metadata.get("prompt_feedback") or {}).get("block_reason")
    if blocked:
        return f"Google blocked the prompt ({blocked})."
    said = metadata.get("finish_message")
    if reason not in _WHOLE:
        more = f": {said}" if said else ""
        return f"The response ended early with finish reason {reason}{more}."
    return "The response has no text."


def usage_from(message: AIMessage) -> str:
    """Return one line with the model, the finish reason and the token counts."""
    metadata, usage = message.response_metadata, message.usage_metadata
    words = [
        f"model {metadata.get('model_name', 'unknown')}",
        f"finish reason {metadata.get('finish_reason', 'unknown')}",
    ]
    if usage:
        words.append(
            f"tokens: {usage['input_tokens']} input, {usage['output_tokens']} output"
        )
        details = usage.get("output_token_details") or {}
        if thoughts := details.get("reasoning"):
            words.append(f"{thoughts} of them thinking")
    return " | ".join(words)


def json_from_message(message: AIMessage) -> str:
    """Return the whole message as JSON."""
    keys = {"content", "tool_calls", "invalid_tool_calls", "id", "usage_metadata"}
    told = message.model_dump(mode="json", include={*keys, "response_metadata"})
    blocks = {"text": message.text, "content_blocks": message.content_blocks}
    return json.dumps({**blocks, **told}, ensure_ascii=False, default=str)


def json_from_error(error: BaseException, message: str) -> str:
    """Return a failed request as JSON, with what the error knows of it."""
    names = ("status_code", "code", "ray_id", "log_id", "retry_after")
    known = {name: getattr(error, name, None) for name in names}
    told = {name: value for name, value in known.items() if value is not None}
    return json.dumps(
        {"error": {"type": type(error).__name__, "message": message, **told}},
        ensure_ascii=False,
    )

"""`langchain-cf-gemini ask`: one prompt, one response."""

import argparse
import base64
import json
import mimetypes
import sys
from pathlib import Path
from typing import Any

from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    SystemMessage,
)

from langchain_cf_gemini._cli import chat
from langchain_cf_gemini._cli.arguments import UsageError
from langchain_cf_gemini._cli.output import (
    Printer,
    json_from_message,
    respond,
)
from langchain_cf_gemini._cli.session import check_unicode, model_from

_STDIN = "-"
_USAGE = 'No prompt. Usage: langchain-cf-gemini ask "your question"'


def run(args: argparse.Namespace) -> int:
    """Send the prompt; a terminal without a prompt is a chat."""
    if _wants_chat(args):
        return chat.run(args)
    messages = messages_from(args)
    if args.schema is not None:
        args.option.append(f"response_schema={json.dumps(_schema_from(args.schema))}")
    args.markdown = args.markdown and not args.json
    with model_from(args) as model:
        printer = Printer(args)
        if args.json:
            message = model.invoke(messages)
            print(json_from_message(message))
        else:
            message = respond(model, messages, printer, whole=args.no_stream)
        return printer.report(message)


def _wants_chat(args: argparse.Namespace) -> bool:
    return args.prompt is None and not args.attach and sys.stdin.isatty()


def messages_from(args: argparse.Namespace) -> list[BaseMessage]:
    """Return the conversation that the arguments, files and standard input make.

    Raises:
        UsageError: If there is no prompt, a file cannot be read, or text is not UTF-8.
    """
    if [args.prompt, *args.attach].count(_STDIN) > 1:
        raise UsageError('Standard input can be read once, but "-" is given twice.')
    text = _text_from(args)
    check_unicode("The prompt", text)
    check_unicode("The system instruction", args.system or "")
    if not (text.strip() or args.attach):
        raise UsageError(_USAGE)
    blocks: list[Any] = [_attachment(where) for where in args.attach]
    if text.strip():
        blocks.append({"type": "text", "text": text})
    system = [SystemMessage(args.system)] if args.system else []
    return [*system, HumanMessage(blocks if args.attach else text)]


def _text_from(args: argparse.Namespace) -> str:
    """Return standard input, a blank line, and the prompt; what there is of it."""
    said = None if args.prompt == _STDIN else args.prompt
    reads = args.prompt == _STDIN or not sys.stdin.isatty()
    piped = _text_of_stdin() if reads and _STDIN not in args.attach else ""
    return "\n\n".join(part for part in (piped.strip("\n"), said) if part)


def _text_of_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("Standard input is not valid UTF-8.") from None


def _attachment(where: str) -> dict[str, Any]:
    """Return the content block of a file, an address or standard input."""
    if where.startswith(("https://", "http://", "gs://")):
        mime_type, _ = mimetypes.guess_type(where.partition("?")[0])
        named = {"mime_type": mime_type} if mime_type else {}
        return {"type": _kind(mime_type), "url": where, **named}
    data = sys.stdin.buffer.read() if where == _STDIN else _bytes_of(where)
    mime_type, _ = mimetypes.guess_type(where)
    may_be_text = mime_type is None or mime_type.startswith("text/")
    if may_be_text and (text := _text_in(data)) is not None:
        return {"type": "text", "text": f"{where}:\n{text}"}
    named = {"mime_type": mime_type} if mime_type else {}
    return {"type": _kind(mime_type), "base64": _base64(data), **named}


def _bytes_of(path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        why = error.strerror or error
        raise UsageError(
            f"--attach {path!r} can't be read: {why}. Pass a file, an address that "
            "begins with https://, http:// or gs://, or - for standard input."
        ) from None


def _text_in(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _kind(mime_type: str | None) -> str:
    kind = (mime_type or "").partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "file"


def _schema_from(given: str) -> Any:
    path, is_json = Path(given), given.lstrip().startswith(("{", "["))
    if not (is_json or path.is_file()):
        raise UsageError(
            f"--schema: there is no file {given!r}. Pass a file, or a JSON Schema that "
            "begins with {."
        )
    try:
        schema = json.loads(given if is_json else path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--schema is not JSON: {error}.") from None
    if not isinstance(schema, dict):
        raise UsageError(
            "--schema must be a JSON object, for example "
            '{"type": "object", ...}, '
            f"not {json.dumps(schema)[:80]}."
        )
    return schema

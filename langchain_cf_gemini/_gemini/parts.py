"""Parts of a Content and LangChain's v1 content blocks, one small function per kind.

Side notes of a part that no block has a field for travel in `extras`: `signature` (the
thought signature), `signature_start` (how much of the text came before the signed part)
and `part` (whatever else stood in the part), so that each block becomes the same part
again.
"""

from collections.abc import Callable
from typing import Any

from pydantic_core import to_json

from langchain_cf_gemini._gemini.part_notes import SYNTHETIC
from langchain_cf_gemini._gemini.vocabulary import Json

UNREADABLE = "unreadable"
"""The one key of what stands for a part that Google does not publish so. It is shown,
and never sent: Google would refuse the conversation for ever."""

_KNOWN = {
    "text": frozenset[str](),
    "inlineData": frozenset({"mimeType", "data"}),
    "fileData": frozenset({"mimeType", "fileUri"}),
    "functionCall": frozenset({"id", "name", "args", "partialArgs", "willContinue"}),
    "executableCode": frozenset({"id", "language", "code"}),
    "codeExecutionResult": frozenset({"id", "outcome", "output"}),
}
_ARGS = ("args", "partialArgs", "willContinue")
_MEDIA = ("image", "audio", "video")
_TYPED = ("inlineData", "fileData")


def _all_text(*names: str) -> Callable[[Json], bool]:
    return lambda payload: all(isinstance(payload.get(n) or "", str) for n in names)


def _is_typed(blob: Json) -> bool:
    return isinstance(blob.get("mimeType"), str) and bool(blob["mimeType"])


# In the order in which a part is cut that breaks Google's rule of one payload.
PAYLOADS: dict[str, Callable[[Json], bool]] = {
    "text": lambda _: True,
    "inlineData": lambda blob: _all_text("data")(blob) and _is_typed(blob),
    "fileData": _all_text("mimeType", "fileUri"),
    "executableCode": _all_text("id", "code"),
    "codeExecutionResult": _all_text("id", "output"),
    "functionCall": lambda _: True,
}
"""The payloads that blocks are made of, and whether an object is one."""


def payload_of(part: Json) -> str | None:
    """Return the name of a part's payload, or None if none is known."""
    if "text" in part:
        return "text"
    for kind in _KNOWN:
        if kind in part:
            return kind
    return None


def rest_of(part: Json, kind: str) -> Json | None:
    """Return what a part holds beyond the fields that its block can say."""
    # Nearly every part has its payload and at most a signature: no work for those.
    size = len(part) - ("thoughtSignature" in part) - (part.get("thought") is True)
    rest: Json = {}
    if size > 1:
        beside = (kind, "thoughtSignature")
        rest = {k: v for k, v in part.items() if k not in beside}
        if rest.get("thought") is True and kind == "text":
            del rest["thought"]
    elif part.get("thought") is True and kind != "text":
        rest = {"thought": True}
    if isinstance(part[kind], dict) and (inner := _rest_of_payload(part[kind], kind)):
        rest[kind] = inner
    return rest or None


def _rest_of_payload(payload: Json, kind: str) -> Json:
    rest: Json = {}
    known = _KNOWN[kind]
    if not known.issuperset(payload):
        rest = {k: v for k, v in payload.items() if k not in known}
    if kind == "functionCall" and payload.keys().isdisjoint(_ARGS):
        rest["args"] = None
    return rest


def with_rest(part: Json, rest: Json | None) -> Json:
    """Return the part with what `rest_of` had taken from it.

    None stands for a key that was not there: a call without `args` stays without.
    """
    for key, value in (rest or {}).items():
        if isinstance(value, dict) and isinstance(part.get(key), dict):
            known = {k: v for k, v in part[key].items() if v or k not in value}
            part[key] = known | {k: v for k, v in value.items() if v is not None}
        else:
            part[key] = value
    return part


def extras_from(signature: str | None, rest: Json | None) -> Json:
    """Return the `extras` of a block, or nothing at all."""
    extras: Json = {}
    if signature is not None:
        extras["signature"] = signature
    if rest:
        extras["part"] = rest
    return {"extras": extras} if extras else {}


def call_index(answer_id: str, ordinal: int) -> str:
    """Return the index of a call, whether content is text or blocks."""
    return f"lc_{answer_id}_call_{ordinal}"


def block_from_text(
    kind: str, text: str, signature: str | None, start: int | None, rest: Json | None
) -> Json:
    """Return the block of a text.

    Args:
        kind: `text`, or `reasoning` for a thought.
        text: What is said.
        signature: The thought signature of the text's end.
        start: Where the signed part begins, if an unsigned one came before it.
        rest: What else stood in the part.
    """
    extras = extras_from(signature, rest)
    if start is not None and signature is not None:
        extras["extras"]["signature_start"] = start
    return {"type": kind, kind: text, **extras}


def _media_type(mime: str) -> str:
    kind = mime.partition("/")[0]
    return kind if kind in _MEDIA else "file"


def _block_from_inline_data(part: Json, _: str) -> Json:
    data = part["inlineData"]
    mime = str(data["mimeType"])
    base64 = data.get("data", "")
    return {"type": _media_type(mime), "base64": base64, "mime_type": mime}


def _block_from_file_data(part: Json, _: str) -> Json:
    data = part["fileData"]
    mime = str(data["mimeType"])
    return {
        "type": _media_type(mime),
        "url": data.get("fileUri", ""),
        "mime_type": mime,
    }


def _block_from_executable_code(part: Json, id_: str) -> Json:
    code = part["executableCode"]
    args = {k: v for k, v in code.items() if k in ("code", "language")}
    return {
        "type": "server_tool_call",
        "id": code.get("id") or id_,
        "name": "code_execution",
        "args": args,
    }


def _block_from_result(part: Json, id_: str) -> Json:
    result = part["codeExecutionResult"]
    outcome = result.get("outcome")
    block: Json = {
        "type": "server_tool_result",
        "tool_call_id": result.get("id") or id_,
        "status": "success" if outcome in ("OUTCOME_OK", 1) else "error",
    }
    if "output" in result:
        block["output"] = result["output"]
    if outcome is not None:
        block["extras"] = {"outcome": outcome}
    return block


_BLOCK_FROM: dict[str, Callable[[Json, str], Json]] = {
    "inlineData": _block_from_inline_data,
    "fileData": _block_from_file_data,
    "executableCode": _block_from_executable_code,
    "codeExecutionResult": _block_from_result,
}


def block_from_part(part: Json, *, code_id: str) -> Json:
    """Return the block of a part that is neither text nor a function call.

    Args:
        part: The part as Google sent it.
        code_id: Id for code execution that came without one.

    Returns:
        A v1 content block; `non_standard` around the whole part if nobody knows it.
    """
    kind = payload_of(part)
    reader = _BLOCK_FROM.get(kind or "")
    if reader is None or kind is None or not isinstance(part[kind], dict):
        return {"type": "non_standard", "value": part}
    if kind in _TYPED and not part[kind].get("mimeType"):
        return {"type": "non_standard", "value": part}  # media of no known kind
    block = reader(part, code_id)
    extras = extras_from(part.get("thoughtSignature"), rest_of(part, kind))
    if extras:
        block["extras"] = {**block.get("extras", {}), **extras["extras"]}
    return block


def part_from_own_media(block: Json) -> Json | None:
    """Return the part of a media block that was made here, as it came.

    Nothing is fetched or checked: Google wrote it, and knows it. None for a block of
    another make.
    """
    mime_type = block.get("mime_type")
    for field, kind, name in (
        ("base64", "inlineData", "data"),
        ("url", "fileData", "fileUri"),
    ):
        if isinstance(mime_type, str) and isinstance(said := block.get(field), str):
            return {kind: {"mimeType": mime_type, name: said}}
    return None


def part_from_code(block: Json) -> Json:
    """Return the `executableCode` part of a server tool call."""
    args = block.get("args") or {}
    code: Json = {k: args[k] for k in ("language", "code") if k in args}
    if (id_ := block.get("id")) and not id_.startswith(SYNTHETIC):
        code["id"] = id_
    return {"executableCode": code}


def part_from_code_result(block: Json) -> Json:
    """Return the `codeExecutionResult` part of a server tool's result."""
    failed = block.get("status") == "error"
    outcome = (block.get("extras") or {}).get("outcome")
    result: Json = {
        "outcome": outcome or ("OUTCOME_FAILED" if failed else "OUTCOME_OK")
    }
    if block.get("output") is not None:
        result["output"] = _text_from_output(block["output"])
    id_ = block.get("tool_call_id")
    if id_ and not id_.startswith(SYNTHETIC):
        result["id"] = id_
    return {"codeExecutionResult": result}


def _text_from_output(output: Any) -> str:
    return output if isinstance(output, str) else to_json(output).decode()

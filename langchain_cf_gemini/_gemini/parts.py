"""Parts of a Content and LangChain's v1 content blocks, one small function per kind.

What stands beside a part's payload and no block has a field for travels in `extras`:
`signature` (the thought signature), `signature_start` (how much of the text came before
the signed part) and `part` (whatever else stood in the part), so that each block
becomes the same part again.
"""

from collections.abc import Callable
from string import ascii_letters, digits
from typing import Any

from pydantic_core import to_json

from langchain_cf_gemini._gemini.part_notes import SYNTHETIC
from langchain_cf_gemini._gemini.vocabulary import Json

UNREADABLE = "unreadable"
"""The one key of what stands for a part that Google does not publish so. It is shown,
and never sent: Google would refuse the conversation for ever."""

_ARGS = ("args", "partialArgs", "willContinue")
_MEDIA = ("image", "audio", "video")
_OWN_MEDIA = {"inlineData": ("base64", "data"), "fileData": ("url", "fileUri")}


_BASE64 = f"{ascii_letters}{digits}+/-_=".encode()


def _is_text(payload: Json, *names: str) -> bool:
    return all(isinstance(payload.get(name) or "", str) for name in names)


def _is_blob(blob: Json) -> bool:
    if not (_is_text(blob, "data", "mimeType") and blob.get("mimeType")):
        return False
    data = blob.get("data") or ""
    return data.isascii() and not data.encode().translate(None, _BASE64)


def _is_enum(value: Any) -> bool:
    """Whether it is a word or a number of one; null is unset."""
    is_number = isinstance(value, int) and abs(value) < 2**31
    return value is None or isinstance(value, str) or is_number


# In the order in which a part is cut that breaks Google's rule of one payload.
PAYLOADS: dict[str, Callable[[Json], bool]] = {
    "text": lambda _: True,
    "inlineData": _is_blob,
    "fileData": lambda file: _is_text(file, "mimeType", "fileUri"),
    "executableCode": lambda code: (
        _is_text(code, "id", "code") and _is_enum(code.get("language"))
    ),
    "codeExecutionResult": lambda result: (
        _is_text(result, "id", "output") and _is_enum(result.get("outcome"))
    ),
    "functionCall": lambda _: True,
}
"""The payloads that blocks are made of, and whether an object is one."""
_FIELDS = {
    "inlineData": frozenset({"mimeType", "data"}),
    "fileData": frozenset({"mimeType", "fileUri"}),
    "functionCall": frozenset({"id", "name", *_ARGS}),
    "executableCode": frozenset({"id", "language", "code"}),
    "codeExecutionResult": frozenset({"id", "outcome", "output"}),
}


def payload_of(part: Json) -> str | None:
    """Return the name of a part's payload, or None if none is known."""
    return next((kind for kind in PAYLOADS if kind in part), None)


def beside_payload(part: Json, kind: str) -> Json:
    """Return what a part holds beyond the fields that its block can say, by `extras`.

    That is a `signature`, and as `part` all the rest; mostly there is neither.
    """
    rest = _rest_of(part, kind)
    beside: Json = {"part": rest} if rest else {}
    if "thoughtSignature" in part:
        beside = {"signature": part["thoughtSignature"], **beside}
    return beside


def _rest_of(part: Json, kind: str) -> Json:
    said = {kind, "thoughtSignature", *(("thought",) if kind == "text" else ())}
    rest = {key: value for key, value in part.items() if key not in said}
    if kind in _FIELDS:
        payload = part[kind]
        inner = {k: v for k, v in payload.items() if k not in _FIELDS[kind]}
        if kind == "functionCall" and payload.keys().isdisjoint(_ARGS):
            inner["args"] = None
        if inner:
            rest[kind] = inner
    return rest


def with_rest(part: Json, rest: Json | None) -> Json:
    """Return the part with the rest that `beside_payload` had taken from it.

    None stands for a key that was not there: a call without `args` stays without.
    """
    for key, value in (rest or {}).items():
        if isinstance(value, dict) and isinstance(part.get(key), dict):
            known = {k: v for k, v in part[key].items() if v or k not in value}
            part[key] = known | {k: v for k, v in value.items() if v is not None}
        else:
            part[key] = value
    return part


def call_index(answer_id: str, ordinal: int) -> str:
    """Return the index of a call, whether content is text or blocks."""
    return f"lc_{answer_id}_call_{ordinal}"


def with_extras(block: Json, beside: Json) -> Json:
    """Return a block with what stands beside it in its part, if anything does."""
    if not beside:
        return block
    return {**block, "extras": {**block.get("extras", {}), **beside}}


def _block_from_media(media: Json, field: str, name: str) -> Json:
    mime_type = str(media["mimeType"])
    kind = mime_type.partition("/")[0]
    return {
        "type": kind if kind in _MEDIA else "file",
        field: media.get(name, ""),
        "mime_type": mime_type,
    }


def _block_from_code(code: Json, id_: str) -> Json:
    args = {k: v for k, v in code.items() if k in ("code", "language")}
    named = {"id": code.get("id") or id_, "name": "code_execution"}
    return {"type": "server_tool_call", **named, "args": args}


def _block_from_result(result: Json, id_: str) -> Json:
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


def block_from_part(part: Json, *, code_id: str) -> Json:
    """Return the block of a part that is neither text nor a function call.

    Args:
        part: The part as Google sent it.
        code_id: Id for code execution that came without one.

    Returns:
        A v1 content block; `non_standard` around the whole part if nobody knows it.
    """
    kind = payload_of(part) or ""
    payload = part.get(kind, {})
    if kind in _OWN_MEDIA and payload.get("mimeType"):
        block = _block_from_media(payload, *_OWN_MEDIA[kind])
    elif kind == "executableCode":
        block = _block_from_code(payload, code_id)
    elif kind == "codeExecutionResult":
        block = _block_from_result(payload, code_id)
    else:
        return {"type": "non_standard", "value": part}
    return with_extras(block, beside_payload(part, kind))


def part_from_own_media(block: Json) -> Json | None:
    """Return the part of a media block that was made here, as it came.

    Nothing is fetched or checked: Google wrote it, and knows it. None for a block of
    another make.
    """
    mime_type = block.get("mime_type")
    for kind, (field, name) in _OWN_MEDIA.items():
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

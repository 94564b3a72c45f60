"""How faults spoil the bytes of an answer."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from langchain_cf_gemini.emulator._google.streams import array_frames, sse_frame
from langchain_cf_gemini.emulator._messages import Break, Outgoing, json_answer
from langchain_cf_gemini.emulator._refusals import reason_phrase, shaped


def error(
    shape: str, code: int, error_code: int, message: str, retry_info: str | None = None
) -> Outgoing:
    """An error in one of the shapes that Cloudflare and Google have."""
    texts = {
        "html": ("text/html; charset=UTF-8", _page(code)),
        "text": ("text/plain", message),
        "empty": ("text/plain", ""),
    }
    if shape in texts:
        content_type, text = texts[shape]
        headers = {"content-type": content_type} if text else {}
        return Outgoing(status=code, headers=headers, frames=[text.encode()])
    body = shaped(shape, code, error_code, message)
    if retry_info:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        body["error"]["details"] = [{"@type": kind, "retryDelay": retry_info}]
    return json_answer(code, body)


def _page(code: int) -> str:
    title = f"{code}: {reason_phrase(code)}"
    padding = "<p>The web server reported a bad gateway error.</p>\n" * 200
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{padding}"
    return f"{page}</body></html>"


def _payload(frame: bytes) -> Any:
    return json.loads(frame.removeprefix(b"data: "))


def payloads(outgoing: Outgoing) -> list[Any]:
    """The JSON of an answer: one value, or one a chunk."""
    if outgoing.is_stream:
        return [_payload(frame) for frame in outgoing.pieces]
    whole = json.loads(outgoing.body)
    return whole if isinstance(whole, list) else [whole]


def replaced(outgoing: Outgoing, path: str, value: Any) -> Outgoing:
    """Another value at a path of every chunk."""
    keys = [key for key in path.split(".") if key]
    told = [_replaced(payload, keys, value) for payload in payloads(outgoing)]
    if outgoing.is_stream:
        return replace(outgoing, frames=[sse_frame(payload) for payload in told])
    if outgoing.body.startswith(b"["):
        return replace(outgoing, frames=list(array_frames(told)))
    return replace(outgoing, frames=json_answer(200, told[0]).frames)


def _replaced(whole: Any, keys: list[str], value: Any) -> Any:
    inside = ["result"] if isinstance(whole, dict) and "result" in whole else []
    holder: dict[str, Any] = {"root": whole}
    *path, last = ["root", *inside, *keys]
    node: Any = holder
    try:
        for key in path:
            node = node[_key(node, key)]
        node[_key(node, last)] = value
    except (KeyError, IndexError, TypeError, ValueError) as missing:
        shown = json.dumps(whole, ensure_ascii=False)[:200]
        said = f"faults.wrong: the answer has no {'.'.join(keys)!r}: {shown}"
        raise ValueError(said) from missing
    return holder["root"]


def _key(node: Any, key: str) -> Any:
    return int(key) if isinstance(node, list) else key


def inserted(outgoing: Outgoing, after_frames: int, item: bytes | Break) -> Outgoing:
    """The answer with something more after so many frames."""
    frames = list(outgoing.frames)
    if len(frames) == 1 and isinstance(frames[0], bytes):
        middle = len(frames[0]) // 2
        frames = [frames[0][:middle], frames[0][middle:]]
    pieces = [at for at, frame in enumerate(frames) if isinstance(frame, bytes)]
    place = pieces[after_frames] if after_frames < len(pieces) else len(frames)
    return replace(outgoing, frames=[*frames[:place], item, *frames[place:]])


def _multiline(frames: list[bytes]) -> list[bytes]:
    return [
        b"".join(
            b"data: " + line + b"\r\n"
            for line in json.dumps(_payload(frame), indent=1).encode().split(b"\n")
        )
        + b"\r\n"
        for frame in frames
    ]


FRAMINGS: Mapping[str, Callable[[list[bytes]], list[bytes]]] = {
    "lf": lambda frames: [frame.replace(b"\r\n", b"\n") for frame in frames],
    "cr": lambda frames: [frame.replace(b"\r\n", b"\r") for frame in frames],
    "comments": lambda frames: [
        b": keep-alive\r\n\r\nevent: message\r\n" + f for f in frames
    ],
    "multiline": _multiline,
    "bom": lambda frames: ["\ufeff".encode() + frames[0], *frames[1:]],
    "u2028": lambda frames: [
        f.replace(b'"text": "', '"text": "\u2028'.encode()) for f in frames
    ],
    "bytes": lambda frames: [bytes([byte]) for byte in b"".join(frames)],
}

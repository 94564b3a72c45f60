"""Faults in the answer itself; those of the connection are the server's work."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from langchain_cf_gemini.emulator._google.streams import sse_frame
from langchain_cf_gemini.emulator._messages import Outgoing, json_answer
from langchain_cf_gemini.emulator._refusals import (
    Refusal,
    gateway_refusal,
    google_refusal,
    google_status,
    reason_phrase,
    structured_refusal,
    v4_refusal,
)
from langchain_cf_gemini.emulator.faults import Fault

_MEGABYTE = 1 << 20
_JSON = "application/json"
_EVENTS = "text/event-stream"

Options = Mapping[str, Any]


def spoiled_answer(outgoing: Outgoing, fault: Fault) -> Outgoing:
    """The answer with a fault in it; faults of the connection are only noted."""
    spoil = _SPOILERS.get(fault.kind)
    spoiled = spoil(outgoing, fault.options) if spoil else outgoing
    if fault.kind == "late":
        spoiled = replace(spoiled, delay=spoiled.delay + fault.options["seconds"])
    return replace(spoiled, fault=fault)


def _status(outgoing: Outgoing, options: Options) -> Outgoing:
    code, shape = int(options["code"]), options.get("shape", "google")
    message = options.get("message", f"{reason_phrase(code)} (emulated)")
    answer = _SHAPES[shape](
        code, int(options.get("error_code", 5000)), message, options
    )
    headers = {
        name.replace("_", "-"): str(options[name])
        for name in ("retry_after", "retry_after_ms")
        if name in options
    }
    headers.update(options.get("headers", {}))
    return replace(answer, headers={**outgoing.headers, **answer.headers, **headers})


def _refused(refusal: Refusal) -> Outgoing:
    return json_answer(refusal.code, refusal.body)


def _google_shape(
    code: int, error_code: int, message: str, options: Options
) -> Outgoing:
    kind = "type.googleapis.com/google.rpc.RetryInfo"
    retry_info = options.get("retry_info")
    details = [{"@type": kind, "retryDelay": retry_info}] if retry_info else []
    return _refused(google_refusal(message, code=code, details=details))


def _run_shape(code: int, error_code: int, message: str, options: Options) -> Outgoing:
    error = {"code": "provider_unavailable", "message": message}
    return json_answer(code, {"state": "Failed", "error": error})


def _html_shape(code: int, error_code: int, message: str, options: Options) -> Outgoing:
    title = f"{code}: {reason_phrase(code)}"
    padding = "<p>The web server reported a bad gateway error.</p>\n" * 200
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{padding}"
    return Outgoing(
        status=code,
        headers={"content-type": "text/html; charset=UTF-8"},
        frames=[f"{page}</body></html>".encode()],
    )


def _text_shape(code: int, error_code: int, message: str, options: Options) -> Outgoing:
    return Outgoing(
        status=code, headers={"content-type": "text/plain"}, frames=[message.encode()]
    )


_SHAPES: Mapping[str, Callable[[int, int, str, Options], Outgoing]] = {
    "google": _google_shape,
    "v4": lambda c, e, m, o: _refused(v4_refusal(c, e, m)),
    "gateway": lambda c, e, m, o: _refused(gateway_refusal(c, e, m)),
    "structured": lambda c, e, m, o: _refused(structured_refusal(c, e, m)),
    "run": _run_shape,
    "html": _html_shape,
    "text": _text_shape,
    "empty": lambda c, e, m, o: Outgoing(status=c),
}


def _failed(outgoing: Outgoing, options: Options) -> Outgoing:
    if options.get("state"):
        return _run_shape(200, 0, options["message"], options)
    return replace(
        _refused(v4_refusal(200, options["code"], options["message"])), status=200
    )


def _redirect(outgoing: Outgoing, options: Options) -> Outgoing:
    return Outgoing(status=options["code"], headers={"location": options["location"]})


def _body(outgoing: Outgoing, options: Options) -> Outgoing:
    headers = {**outgoing.headers, "content-type": options["content_type"]}
    return replace(outgoing, headers=headers, frames=[options["text"].encode()])


def _wrong(outgoing: Outgoing, options: Options) -> Outgoing:
    value, keys = (
        json.loads(options["value"]),
        [k for k in options["path"].split(".") if k],
    )
    frames = [_replaced(frame, keys, value) for frame in outgoing.frames]
    return replace(outgoing, frames=frames)


def _replaced(frame: bytes, keys: list[str], value: Any) -> bytes:
    event = frame.startswith(b"data: ")
    whole = json.loads(frame.removeprefix(b"data: "))
    holder: dict[str, Any] = {"root": whole}
    inside = ["result"] if isinstance(whole, dict) and "result" in whole else []
    *path, last = ["root", *inside, *keys]
    node: Any = holder
    for key in path:
        node = node[int(key)] if isinstance(node, list) else node[key]
    node[int(last) if isinstance(node, list) else last] = value
    text = json.dumps(holder["root"]).encode()
    return b"data: " + text + b"\r\n\r\n" if event else text


def _gzip_bomb(outgoing: Outgoing, options: Options) -> Outgoing:
    headers = {**outgoing.headers, "content-encoding": "gzip"}
    return replace(outgoing, headers=headers, frames=list(_bomb(options["megabytes"])))


def _bomb(megabytes: int) -> Iterator[bytes]:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    blanks = b" " * _MEGABYTE
    packed = b"".join(
        [*(packer.compress(blanks) for _ in range(megabytes)), packer.flush()]
    )
    yield packed


def _big(outgoing: Outgoing, options: Options) -> Outgoing:
    # The same megabyte again and again: the list holds references, not copies.
    return replace(outgoing, frames=[b" " * _MEGABYTE] * options["megabytes"])


def _json_for_stream(outgoing: Outgoing, options: Options) -> Outgoing:
    payloads = [_payload(frame) for frame in outgoing.frames]
    merged = payloads[-1]
    parts = [part for payload in payloads for part in _parts(payload)]
    if parts:
        merged = {**merged, "candidates": [{**merged["candidates"][0]}]}
        merged["candidates"][0]["content"] = {"role": "model", "parts": parts}
    return json_answer(200, merged, _other_headers(outgoing))


def _parts(payload: Any) -> list[Any]:
    candidates = payload.get("candidates") or [{}]
    parts: list[Any] = candidates[0].get("content", {}).get("parts", [])
    return [
        part for part in parts if part.get("text") != "" or "thoughtSignature" in part
    ]


def _payload(frame: bytes) -> Any:
    return json.loads(frame.removeprefix(b"data: "))


def _other_headers(outgoing: Outgoing) -> dict[str, str]:
    return {k: v for k, v in outgoing.headers.items() if k != "content-type"}


def _stream_for_json(outgoing: Outgoing, options: Options) -> Outgoing:
    whole = json.loads(outgoing.body)
    payload = whole.get("result") or whole
    headers = {**outgoing.headers, "content-type": _EVENTS}
    return replace(outgoing, headers=headers, frames=[sse_frame(payload)])


def _malformed(outgoing: Outgoing, options: Options) -> Outgoing:
    broken = b'data: {"candidates": [{"content": {"parts": [{"te\r\n\r\n'
    if not _is_stream(outgoing):
        return replace(outgoing, frames=[outgoing.body[: len(outgoing.body) // 2]])
    kept = options["after_frames"]
    frames = [*outgoing.frames[:kept], broken, *outgoing.frames[kept:]]
    return replace(outgoing, frames=frames)


def _error_event(outgoing: Outgoing, options: Options) -> Outgoing:
    code = options["code"]
    error = {"code": code, "message": "Emulated error.", "status": google_status(code)}
    event = sse_frame({"error": error})
    if options.get("bare"):
        event = json.dumps({"error": error}, indent=2).encode()
    frames = [*outgoing.frames[: options["after_frames"]], event]
    return replace(outgoing, frames=frames)


def _no_finish(outgoing: Outgoing, options: Options) -> Outgoing:
    kept = [frame for frame in outgoing.frames if b'"finishReason"' not in frame]
    return replace(outgoing, frames=kept)


def _is_stream(outgoing: Outgoing) -> bool:
    return outgoing.headers.get("content-type", "").startswith(_EVENTS)


def _framing(outgoing: Outgoing, options: Options) -> Outgoing:
    frames = _FRAMINGS[options["style"]](list(outgoing.frames))
    return replace(outgoing, frames=frames)


def _multiline(frames: list[bytes]) -> list[bytes]:
    return [
        b"".join(
            b"data: " + line + b"\r\n"
            for line in json.dumps(_payload(frame), indent=1).encode().split(b"\n")
        )
        + b"\r\n"
        for frame in frames
    ]


_FRAMINGS: Mapping[str, Callable[[list[bytes]], list[bytes]]] = {
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
_SPOILERS: Mapping[str, Callable[[Outgoing, Options], Outgoing]] = {
    "status": _status,
    "failed": _failed,
    "redirect": _redirect,
    "body": _body,
    "wrong": _wrong,
    "gzip_bomb": _gzip_bomb,
    "big": _big,
    "json_for_stream": _json_for_stream,
    "stream_for_json": _stream_for_json,
    "malformed": _malformed,
    "error_event": _error_event,
    "no_finish": _no_finish,
    "framing": _framing,
}

"""Thought signatures: issued on answers, verified when they come back.

A real signature is opaque. The emulator's holds a keyed digest of the part it was
issued for, and the backend that issued it, so that an altered one, one moved to another
kind of part or to a call of another function, or one taken to the other backend, is
found out. Google's own, in a recorded history, are recognised
by their framing and cannot be verified.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Literal

from langchain_cf_gemini.emulator._google.generation import Backend
from langchain_cf_gemini.emulator._google.proto_json import bytes_from_base64

_MAGIC = b"\x0a\x20CFGE"
_KEY = b"langchain-cf-gemini emulator"
_DIGEST = 16
_SHORTEST = 32  # bytes; the shortest recorded signature has 34

# Documented for calls that the model did not make; as text, or as its base64, which is
# what a client sends that knows the field to be bytes.
DUMMIES = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_DUMMY_BYTES = {dummy.encode() for dummy in DUMMIES} | {
    bytes_from_base64(dummy) for dummy in DUMMIES
}

Verdict = Literal["missing", "dummy", "valid", "other", "google", "invalid", "foreign"]
_OTHER: Mapping[Backend, Backend] = {"vertex": "gemini_api", "gemini_api": "vertex"}


def issue_signature(part: Mapping[str, Any], seed: str, backend: Backend) -> str:
    """A backend's signature of a part, the same for the same part and seed."""
    nonce = hashlib.sha256(seed.encode()).digest()[:_DIGEST]
    return base64.b64encode(_MAGIC + nonce + _seal(part, nonce, backend)).decode()


def verdict_on(part: Mapping[str, Any], backend: Backend) -> Verdict:
    """What a part's signature is worth to a backend; "other" is the other backend's."""
    signature = part.get("thoughtSignature")
    if not signature:
        return "missing"
    if signature in DUMMIES:
        return "dummy"
    decoded = bytes_from_base64(signature)
    if decoded in _DUMMY_BYTES:
        return "dummy"
    if decoded is None or not decoded.startswith(_MAGIC):
        return "google" if decoded and _is_framed_by_google(decoded) else "foreign"
    nonce, seal = decoded[6 : 6 + _DIGEST], decoded[6 + _DIGEST :]
    if hmac.compare_digest(seal, _seal(part, nonce, backend)):
        return "valid"
    other = _seal(part, nonce, _OTHER[backend])
    return "other" if hmac.compare_digest(seal, other) else "invalid"


def _is_framed_by_google(data: bytes) -> bool:
    """Whether this begins like every recorded signature of Gemini 2.5 and later.

    Up to two length-delimited protobuf fields (1 or 2) round a version byte, which is
    1, and the sealed rest.
    """
    for _ in range(3):
        if data[:1] == b"\x01":
            return len(data) >= _SHORTEST
        if data[:1] not in (b"\x0a", b"\x12"):
            return False
        length, start = _varint(data, 1)
        if not length or start + length > len(data):
            return False
        data = data[start : start + length]
    return False


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """A protobuf length and where it ends; (0, start) if it does not end."""
    value = 0
    for position, byte in enumerate(data[start : start + 5]):
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return value, start + position + 1
    return 0, start


def _seal(part: Mapping[str, Any], nonce: bytes, backend: Backend) -> bytes:
    # Arguments are left out: Google does not say that they are covered, and a human in
    # the loop may have edited them.
    called = part.get("functionCall", {}).get("name", "")
    kind = "functionCall" if "functionCall" in part else "content"
    signed = f"{backend}\n{kind}\n{called}\n".encode() + nonce
    return hmac.digest(_KEY, signed, "sha256")[:_DIGEST]

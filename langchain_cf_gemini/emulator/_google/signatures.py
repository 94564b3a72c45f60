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
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

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
# A protobuf field 1 or 2 with its length.
_FRAME = re.compile(rb"[\x0a\x12]([\x80-\xff]{0,4}[\x01-\x7f])")


def issue_signature(part: Mapping[str, Any], seed: str, backend: Backend) -> str:
    """A backend's signature of a part, the same for the same part and seed."""
    nonce = hashlib.sha256(seed.encode()).digest()[:_DIGEST]
    return base64.b64encode(_MAGIC + nonce + _seal(part, nonce, backend)).decode()


def verdict_on(part: Mapping[str, Any], backend: Backend) -> Verdict:
    """What a part's signature is worth to a backend; "other" is the other backend's."""
    signature = part.get("thoughtSignature")
    if not signature:
        return "missing"
    decoded = bytes_from_base64(signature)
    if decoded in _DUMMY_BYTES:
        return "dummy"
    if decoded is None or not decoded.startswith(_MAGIC):
        return "google" if decoded and _is_framed_by_google(decoded) else "foreign"
    nonce, seal = decoded[6 : 6 + _DIGEST], decoded[6 + _DIGEST :]
    for issuer in get_args(Backend):
        if hmac.compare_digest(seal, _seal(part, nonce, issuer)):
            return "valid" if issuer == backend else "other"
    return "invalid"


def _is_framed_by_google(data: bytes) -> bool:
    """Whether this begins like every recorded signature of Gemini 2.5 and later.

    Up to two length-delimited protobuf fields (1 or 2) round a version byte, which is
    1, and the sealed rest.
    """
    for _ in range(3):
        if data[:1] == b"\x01":
            return len(data) >= _SHORTEST
        framed = _FRAME.match(data)
        if framed is None:
            return False
        length = sum((byte & 0x7F) << (7 * i) for i, byte in enumerate(framed[1]))
        data = data[framed.end() :]
        if length > len(data):
            return False
        data = data[:length]
    return False


def _seal(part: Mapping[str, Any], nonce: bytes, backend: Backend) -> bytes:
    # Arguments are left out: Google does not say that they are covered, and a human in
    # the loop may have edited them.
    called = part.get("functionCall", {}).get("name", "")
    kind = "functionCall" if "functionCall" in part else "content"
    signed = f"{backend}\n{kind}\n{called}\n".encode() + nonce
    return hmac.digest(_KEY, signed, "sha256")[:_DIGEST]

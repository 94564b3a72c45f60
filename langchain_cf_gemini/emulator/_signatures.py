"""Thought signatures: issued on answers, verified when they come back.

A real signature is opaque. The emulator's holds a keyed digest of the part it was
issued for, so that an altered one, or one moved to another kind of part or to a call
of another function, is found out.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Literal

from langchain_cf_gemini.emulator._proto import bytes_from_base64

_MAGIC = b"\x0a\x20CFGE"
_KEY = b"langchain-cf-gemini emulator"
_DIGEST = 16

# Documented for calls that the model did not make; as text, or as its base64, which is
# what a client sends that knows the field to be bytes.
DUMMIES = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_DUMMY_BYTES = {dummy.encode() for dummy in DUMMIES} | {
    bytes_from_base64(dummy) for dummy in DUMMIES
}

Verdict = Literal["missing", "dummy", "valid", "invalid", "foreign"]


def issue_signature(part: Mapping[str, Any], seed: str) -> str:
    """The signature of a part, the same for the same part and seed."""
    nonce = hashlib.sha256(seed.encode()).digest()[:_DIGEST]
    return base64.b64encode(_MAGIC + nonce + _seal(part, nonce)).decode()


def verdict_on(part: Mapping[str, Any]) -> Verdict:
    """What a part's signature is worth."""
    signature = part.get("thoughtSignature")
    if not signature:
        return "missing"
    if signature in DUMMIES:
        return "dummy"
    decoded = bytes_from_base64(signature)
    if decoded in _DUMMY_BYTES:
        return "dummy"
    if decoded is None or not decoded.startswith(_MAGIC):
        return "foreign"
    nonce, seal = decoded[6 : 6 + _DIGEST], decoded[6 + _DIGEST :]
    return "valid" if hmac.compare_digest(seal, _seal(part, nonce)) else "invalid"


def _seal(part: Mapping[str, Any], nonce: bytes) -> bytes:
    # Arguments are left out: Google does not say that they are covered, and a human in
    # the loop may have edited them.
    called = part.get("functionCall", {}).get("name", "")
    kind = "functionCall" if "functionCall" in part else "content"
    signed = f"{kind}\n{called}\n".encode() + nonce
    return hmac.digest(_KEY, signed, "sha256")[:_DIGEST]

"""Base64 in every spelling that people hand over, and back."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any

_URL_SAFE = str.maketrans("-_", "+/")
_HEAD = 1368  # characters of base64 that are looked at: 1 KiB, enough for any signature


def bytes_of(data: str | None) -> bytes:
    """Decode base64 of either alphabet, padded or not; nothing for what is neither."""
    try:
        return b64decode(_padded(data or ""))
    except ValueError:
        return b""


def first_bytes(data: str, *, length: int) -> bytes:
    """Decode the beginning of base64, where headers stand."""
    return bytes_of(data[: length // 4 * 4])


def _padded(text: str) -> str:
    return text.translate(_URL_SAFE) + "=" * (-len(text) % 4)


def text_from_data(data: Any) -> tuple[str, bytes] | None:
    """Return base64 text; the whole of it is Google's to check, its ends are ours.

    Args:
        data: Base64, or bytes as Python or JavaScript hold them.

    Returns:
        The text without white space, and its first bytes; None if it is no base64.
    """
    data = _written(data)
    if not isinstance(data, str):
        return None
    # Four searches of C; one with a regular expression takes ten times as long.
    text = "".join(data.split()) if any(space in data for space in "\n\r \t") else data
    try:
        head = b64decode(_padded(text[:_HEAD]), validate=True)
        b64decode(_padded(text[_HEAD:][-(len(text) % 4 + 4) :]), validate=True)
    except (Base64Error, ValueError):
        return None
    return text, head


def _written(data: Any) -> Any:
    """Write bytes as base64, and leave everything else as it is."""
    if isinstance(data, Mapping):
        data = data.get("data")  # Node's Buffer, as JSON.stringify writes it
    if isinstance(data, list) and all(n in range(256) for n in data):
        data = bytes(data)  # JavaScript's Uint8Array
    is_bytes = isinstance(data, bytes | bytearray | memoryview)
    return b64encode(data).decode() if is_bytes else data

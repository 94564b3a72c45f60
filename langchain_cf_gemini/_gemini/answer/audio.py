"""Speech that comes in packets, as one block that grows."""

from base64 import b64decode, b64encode
from binascii import Error
from typing import Any

from langchain_cf_gemini._gemini.vocabulary import Json

_BARE = ("audio/l16", "audio/l24", "audio/pcm")


class AudioRun:
    """Joins the audio parts of a stream that follow each other and are of one type.

    Base64 can be joined where its bytes come in threes, so up to two bytes wait for the
    next packet. langchain-core joins the values of blocks with one index, also a type
    that is said twice: only the first packet says it, and the index does.
    """

    def __init__(self) -> None:
        self._mime_type = self._index = ""
        self._waiting = b""
        self._is_told = False

    def joins(self, block: Json) -> bool:
        """Whether a block goes on with the run."""
        return block.get("mime_type") == self._mime_type and _is_packet(block)

    def add(self, block: Json) -> Json | None:
        """Return what a packet adds, if anything, and a block of another kind as it is.

        A packet goes on with the run that has begun, or begins one.
        """
        if not self._mime_type:
            if not _is_packet(block):
                return block
            self._mime_type = block["mime_type"]
            self._index, self._is_told = f"{block['index']}:{self._mime_type}", False
        return self._block(self._whole(block["base64"]))

    def end(self) -> Json | None:
        """Return what is left of a run, and forget it."""
        rest = self._block(b64encode(self._waiting).decode())
        self._mime_type, self._waiting = "", b""
        return rest

    def _block(self, packet: str) -> Json | None:
        if not packet:
            return None
        typed = {} if self._is_told else {"mime_type": self._mime_type}
        self._is_told = True
        return {"type": "audio", "base64": packet, **typed, "index": self._index}

    def _whole(self, packet: str) -> str:
        if not self._waiting and not packet.endswith("="):
            return packet
        said = self._waiting + b64decode(packet)
        length = len(said) // 3 * 3
        self._waiting = said[length:]
        return b64encode(said[:length]).decode()


def _is_packet(block: Json) -> bool:
    """Whether a block is bare samples, which a file with a header is not."""
    packet = str(block.get("base64") or "=")
    is_bare = str(block.get("mime_type")).lower().startswith(_BARE)
    if not is_bare or "extras" in block or len(packet) % 4:
        return False
    try:
        b64decode(packet, validate=True)
    except (Error, ValueError):
        return False
    return True


def mime_type_from_index(index: Any) -> str:
    """Return the type of a packet by the index of its block."""
    return str(index).partition(":")[2]

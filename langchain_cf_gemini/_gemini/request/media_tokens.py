"""Estimates of what images, documents, audio and video cost in tokens.

Rates are Google's: https://ai.google.dev/gemini-api/docs/tokens (258 for a small image
or a tile, 263 for a second of video, 32 for a second of audio) and, for Gemini 3,
https://ai.google.dev/gemini-api/docs/media-resolution ("Token counts"). Sizes and
lengths are read from the file's own header; nothing is decoded or fetched.
"""

import math
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from langchain_cf_gemini._gemini.request.base64_data import bytes_of, first_bytes

# What is assumed where a header does not say, and of media named only by their URI.
UNKNOWN_SECONDS: Final = 60.0
UNKNOWN_PAGES: Final = 1
_AUDIO_BYTES_PER_SECOND: Final = 16_000  # 128 kbit/s
_VIDEO_BYTES_PER_SECOND: Final = 250_000  # 2 Mbit/s

# More than Google takes of one file, so a header that says more is broken: pages,
# seconds of sound and of film, pixels of a side
# (https://ai.google.dev/gemini-api/docs/document-processing and its sister pages).
_MOST_PAGES: Final = 1000
_LONGEST_SOUND: Final = 9.5 * 3600
_LONGEST_FILM: Final = 3.0 * 3600
_LONGEST_SIDE: Final = 16_384

_TILE: Final = 258
_SMALL: Final = 384
_LARGEST_TILE: Final = 768
_SMALLEST_TILE: Final = 256
_WAV_HEADER: Final = 44  # bytes, of a file with nothing but format and samples
_HEAD: Final = 350_000  # characters of base64 that are read to find a size

# Tokens of an image, a page, a frame of film and a second of sound at each media
# resolution; "" is any other, and none. Before Gemini 3 an image counts by its tiles.
# 104 tokens on 2.5 and 80 on 3 were recorded for one and the same sound of 3.25 s.
_GEMINI_3: Final = {
    "image": {"LOW": 280, "MEDIUM": 560, "ULTRA_HIGH": 2240, "": 1120},
    "page": {"LOW": 280, "HIGH": 1120, "": 560},
    "frame": {"HIGH": 280, "": 70},
    "second": {"": 25},
}
_OLDER: Final = {
    "image": {"LOW": 64, "": 0},
    "page": {"": _TILE},
    "frame": {"LOW": 66, "": 263},
    "second": {"": 32},
}


def tokens_from_media(
    part: Mapping[str, Any], *, resolution: str | None = None, older: bool = False
) -> int:
    """Estimate the tokens of an `inlineData` or `fileData` part.

    Args:
        part: The Part on the wire.
        resolution: The request's `mediaResolution`, which the part's own overrides.
        older: Whether the model is older than Gemini 3.

    Returns:
        The estimate; 0 for a kind of media that Google publishes no rate for.
    """
    media = part.get("inlineData") or part.get("fileData") or {}
    own = part.get("mediaResolution")
    level = own.get("level") if isinstance(own, Mapping) else None
    level = str(level or resolution or "").removeprefix("MEDIA_RESOLUTION_")
    rates = _OLDER if older else _GEMINI_3

    def rate(unit: str) -> int:
        return rates[unit].get(level, rates[unit][""])

    kind = str(media.get("mimeType", "")).partition(";")[0].strip().lower()
    data = media.get("data")
    if kind == "application/pdf":
        return pdf_pages(bytes_of(data)) * rate("page")
    kind = kind.partition("/")[0]
    if kind == "image":
        return rate("image") or _tiles(data) * _TILE
    if kind == "audio":
        return math.ceil(min(audio_seconds(data), _LONGEST_SOUND) * rate("second"))
    if kind == "video":
        seconds, frames = _shown(part.get("videoMetadata") or {}, data)
        return math.ceil(frames * rate("frame") + seconds * rate("second"))
    return 0


def _tiles(data: str | None) -> int:
    """Count the tiles of an image, as Google's image-understanding page describes.

    The crop unit is the shorter side over 1.5. One tile more was recorded (a 640 x 480
    image: 1,290 tokens, five tiles): the whole image beside its four crops.
    """
    size = image_size(first_bytes(data or "", length=_HEAD))
    if size is None or max(size) <= _SMALL:
        return 1
    width, height = size
    unit = min(max(int(min(width, height) / 1.5), _SMALLEST_TILE), _LARGEST_TILE)
    return math.ceil(width / unit) * math.ceil(height / unit) + 1


def _shown(metadata: Mapping[str, Any], data: str | None) -> tuple[float, float]:
    """Tell how many seconds and frames of a film are looked at."""
    start = _seconds_from(metadata.get("startOffset"), 0.0)
    end = _seconds_from(metadata.get("endOffset"), video_seconds(data))
    seconds = min(max(end - start, 0.0), _LONGEST_FILM)
    return seconds, seconds * float(metadata.get("fps") or 1)


def _seconds_from(offset: Any, otherwise: float) -> float:
    # Durations are strings such as "3.5s".
    try:
        return float(str(offset).removesuffix("s"))
    except ValueError:
        return otherwise


def image_size(head: bytes) -> tuple[int, int] | None:
    """Read width and height in pixels from a PNG, GIF, WebP or JPEG header.

    Args:
        head: The file, or enough of its beginning.

    Returns:
        The size, or None where it cannot be told.
    """
    for magic, read in _SIZE_READERS:
        if head.startswith(magic):
            try:
                size = read(head)
            except (struct.error, IndexError):
                return None
            return size if size and max(size) <= _LONGEST_SIDE else None
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    chunk = head[12:16]
    if chunk == b"VP8X":
        low, high, tall_low, tall_high = struct.unpack_from("<HBHB", head, 24)
        return (low | high << 16) + 1, (tall_low | tall_high << 16) + 1
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


_SIZE_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while head[at] == 0xFF:
        marker = head[at + 1]
        if marker in _SIZE_MARKERS:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        (length,) = struct.unpack_from(">H", head, at + 2)
        at += 2 + length
    return None


_SIZE_READERS: Final[
    tuple[tuple[bytes, Callable[[bytes], tuple[int, int] | None]], ...]
] = (
    (b"\x89PNG", lambda head: struct.unpack_from(">II", head, 16)),
    (b"GIF8", lambda head: struct.unpack_from("<HH", head, 6)),
    (b"RIFF", _webp_size),
    (b"\xff\xd8", _jpeg_size),
)

_PAGE: Final = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
_PAGE_TREE: Final = re.compile(rb"/Type\s*/Pages(?![a-zA-Z])")
_PAGE_COUNT: Final = re.compile(rb"/Count\s+(\d+)")


def pdf_pages(document: bytes) -> int:
    """Count the pages of a PDF; 1 where they are hidden in compressed streams.

    Bookmarks have a `/Count` too, so only those of page trees are read.
    """
    counts = [len(_PAGE.findall(document)), UNKNOWN_PAGES]
    for tree in _PAGE_TREE.finditer(document):
        start = document.rfind(b"obj", 0, tree.start()) + 1
        end = document.find(b"endobj", tree.end())
        end = end if end >= 0 else len(document)
        if found := _PAGE_COUNT.search(document, start, end):
            counts.append(int(found[1]))
    return min(max(counts), _MOST_PAGES)


def audio_seconds(data: str | None) -> float:
    """Tell how long a sound is, from a WAV or MP3 header or from its size.

    Args:
        data: The sound in base64; None for one that only has a URI.

    Returns:
        Seconds. 128 kbit/s are assumed where the header does not say.
    """
    if not data:
        return UNKNOWN_SECONDS
    head = first_bytes(data or "", length=_HEAD)
    length = len(data.rstrip("=")) * 3 // 4
    if head.startswith(b"RIFF"):
        length -= _WAV_HEADER
        return length / (_wav_rate(head) or _AUDIO_BYTES_PER_SECOND)
    return _mp3_seconds(head, length) or length / _AUDIO_BYTES_PER_SECOND


def _wav_rate(head: bytes) -> int:
    at = head.find(b"fmt ")
    if at < 0 or len(head) < at + 20:
        return 0
    (rate,) = struct.unpack_from("<I", head, at + 16)
    return int(rate)


# By the header's index: kbit/s of layer III of MPEG 1 and of MPEG 2, and samples/s of
# MPEG 1, of which MPEG 2 has half.
_MP3_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_MP3_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_MP3_SAMPLES: Final = (44_100, 48_000, 32_000, 44_100)
_MP3_SYNC: Final = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]")
_MP3_TABLE: Final = re.compile(
    rb"(?:Xing|Info)\0\0\0[\1\3\5\7\x09\x0b\x0d\x0f](.{4})", re.S
)


def _mp3_seconds(head: bytes, length: int) -> float:
    """Read a length from the first frame: the count of frames, or the bit rate."""
    sync = _MP3_SYNC.search(head)
    if sync is None:
        return 0.0
    newest = (sync[0][1] >> 3 & 3) == 3
    index, samples = sync[0][2] >> 4, _MP3_SAMPLES[sync[0][2] >> 2 & 3]
    # A variable rate is told by a table of its own inside the first frame.
    if counted := _MP3_TABLE.search(head, sync.start(), sync.start() + 64):
        return int.from_bytes(counted[1], "big") * 1152 / samples
    return length / ((_MP3_1 if newest else _MP3_2)[index] * 1000 / 8)


def video_seconds(data: str | None) -> float:
    """Tell how long a video is, from an MP4's `mvhd` box or from its size.

    Args:
        data: The video in base64; None for one that only has a URI.

    Returns:
        Seconds. 2 Mbit/s are assumed where the file does not say.
    """
    if not data:
        return UNKNOWN_SECONDS
    film = bytes_of(data)
    at = film.find(b"mvhd")
    if at < 0 or len(film) < at + 36:
        return len(film) / _VIDEO_BYTES_PER_SECOND
    wide = film[at + 4] == 1
    scale, duration = struct.unpack_from(
        ">IQ" if wide else ">II", film, at + (24 if wide else 16)
    )
    return duration / scale if scale else len(film) / _VIDEO_BYTES_PER_SECOND

"""Media blocks as Gemini parts: images, audio, video, documents, in every dialect.

Understood are LangChain's v1 and v0 blocks, OpenAI's `image_url`, `input_audio` and
`file`, Anthropic's `source`, the older `media`, and data URIs. Nothing here does I/O:
addresses that have to be fetched are collected in `Media.downloads`.
"""

import mimetypes
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini.exceptions import UnsupportedContentError

_NEVER_FETCHED = ("gs://", "https://generativelanguage.googleapis.com/")
_VIDEO_HOSTS = ("youtube.com", "youtu.be")
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
_LEVELS = ("LOW", "MEDIUM", "HIGH", "ULTRA_HIGH")
_AUDIO_FORMATS = {"mp3": "audio/mpeg", "wav": "audio/wav"}


@dataclass(slots=True)
class Download:
    """An address whose bytes go into a part before the request is sent."""

    url: str
    part: Json
    mime_type: str | None


@dataclass(slots=True)
class Media:
    """What the conversion of one request may do with media, and what it left to do.

    `is_inline` is set when a part holds data: the body is then written in pieces.
    """

    urls: Literal["inline", "pass"] = "inline"
    per_part: bool = True
    is_inline: bool = False
    downloads: list[Download] = field(default_factory=list)


def _refused(what: str) -> UnsupportedContentError:
    return UnsupportedContentError(what)


def mime_type_from_bytes(data: bytes) -> str | None:
    """Return the media type that the first bytes show, or None."""
    for magic, mime in _MAGIC:
        if data.startswith(magic):
            return mime
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    return "video/mp4" if data[4:8] == b"ftyp" else None


def _checked_base64(data: Any, kind: str) -> str:
    """Return base64 text; the whole of it is Google's to check, its ends are ours."""
    if isinstance(data, bytes | bytearray):
        return b64encode(data).decode()
    if not isinstance(data, str) or not data:
        raise _refused(f"a block of type {kind!r} needs base64 text or bytes")
    head, tail = data[:64], data[-4:]
    try:
        whole = head + tail if len(data) > 68 else data
        b64decode(whole.translate(_URL_SAFE), validate=True)
    except (Base64Error, ValueError) as error:
        raise _refused(f"the data of a block of type {kind!r} is not base64") from error
    return data


_URL_SAFE = str.maketrans("-_", "+/")


def _inline(data: Any, mime: Any, kind: str) -> Json:
    text = _checked_base64(data, kind)
    if not mime:
        head = b64decode(text[:64].translate(_URL_SAFE))
        mime = mime_type_from_bytes(head)
    if not mime:
        raise _refused(
            f"a block of type {kind!r} has no mime_type, and its bytes do not show one"
        )
    return {"inlineData": {"mimeType": str(mime), "data": text}}


def _from_data_uri(uri: str, kind: str) -> Json:
    comma = uri.find(",")
    mime, *parameters = uri[5:comma].split(";")
    if comma < 0 or "base64" not in parameters:
        raise _refused(f"a block of type {kind!r} has a data URI that is not base64")
    # One copy of the data; str.partition would search and copy for a millisecond more.
    return _inline(uri[comma + 1 :], mime, kind)


def _passed(url: str, mime: Any, kind: str) -> Json:
    host = urlsplit(url).hostname or ""
    if not mime and host.removeprefix("www.").removeprefix("m.") in _VIDEO_HOSTS:
        mime = "video/mp4"
    mime = mime or mimetypes.guess_type(urlsplit(url).path)[0]
    if not mime:
        raise _refused(
            f"a block of type {kind!r} needs mime_type beside its address {url!r}: "
            "Gemini wants one, and the address does not show it"
        )
    return {"fileData": {"mimeType": str(mime), "fileUri": url}}


def part_from_url(url: Any, mime: Any, kind: str, media: Media) -> Json:
    """Return the part of a media address.

    `data:` becomes inline data; `gs://`, YouTube and Google's file addresses are passed
    on; other addresses are passed on or fetched, as `media.urls` says.

    Raises:
        UnsupportedContentError: If the address cannot be used.
    """
    if not isinstance(url, str) or not url:
        raise _refused(f"a block of type {kind!r} has an empty address")
    if url.startswith("data:"):
        return _from_data_uri(url, kind)
    host = (urlsplit(url).hostname or "").removeprefix("www.").removeprefix("m.")
    if url.startswith(_NEVER_FETCHED) or host in _VIDEO_HOSTS or media.urls == "pass":
        return _passed(url, mime, kind)
    if not url.startswith(("http://", "https://")):
        raise _refused(
            f"a block of type {kind!r} has an address that is neither http(s), gs nor "
            f"data: {url[:80]!r}"
        )
    part: Json = {"inlineData": {"mimeType": mime or "", "data": ""}}
    media.downloads.append(Download(url=url, part=part, mime_type=mime))
    return part


def _source(block: Json, kind: str, media: Media) -> Json:
    """Read Anthropic's `source` object."""
    source = block["source"]
    mime = source.get("media_type")
    form = source.get("type")
    if form == "base64":
        return _inline(source.get("data"), mime, kind)
    if form == "url":
        default = "application/pdf" if kind == "document" else None
        return part_from_url(source.get("url"), mime or default, kind, media)
    if form == "text":
        return {"text": source.get("data") or ""}
    raise _refused(f"a block of type {kind!r} has a source of type {form!r}")


def _standard(block: Json, media: Media) -> Json:
    """Read image, audio, video and file blocks: v1, v0, OpenAI's and Anthropic's."""
    kind = block["type"]
    mime = block.get("mime_type")
    if isinstance(block.get("source"), dict):
        return _source(block, kind, media)
    if isinstance(block.get("file"), dict):
        return _openai_file(block, media)
    data = block.get("base64") or block.get("data")
    if data is not None:
        return _inline(data, mime, kind)
    if url := block.get("url"):
        return part_from_url(url, mime, kind, media)
    uri = block.get("file_uri") or block.get("file_id") or block.get("id")
    if uri and block.get("source_type") != "text":
        return _passed(str(uri), mime, kind)
    if isinstance(text := block.get("text"), str):
        return {"text": text}
    raise _refused(f"a block of type {kind!r} has neither base64, url nor file_id")


def _openai_file(block: Json, media: Media) -> Json:
    file = block["file"]
    if data := file.get("file_data"):
        if str(data).startswith("data:"):
            return _from_data_uri(data, "file")
        named = mimetypes.guess_type(file.get("filename") or "")[0]
        return _inline(data, block.get("mime_type") or named, "file")
    return _passed(str(file.get("file_id") or ""), block.get("mime_type"), "file")


def _image_url(block: Json, media: Media) -> Json:
    image = block.get("image_url")
    url, detail = (
        (image.get("url"), image.get("detail"))
        if isinstance(image, dict)
        else (image, None)
    )
    part = part_from_url(url, block.get("mime_type"), "image_url", media)
    if media.per_part and detail in ("low", "high"):
        part["mediaResolution"] = {"level": f"MEDIA_RESOLUTION_{detail.upper()}"}
    return part


def _object_in(block: Json, key: str) -> Json:
    value = block.get(key) or {}
    if not isinstance(value, dict):
        raise _refused(f"{key} of a block must be an object, not {value!r}")
    return value


def _input_audio(block: Json, media: Media) -> Json:
    audio = _object_in(block, "input_audio")
    form = str(audio.get("format") or "")
    mime = _AUDIO_FORMATS.get(form) or (f"audio/{form}" if form else None)
    return _inline(audio.get("data"), mime, "input_audio")


def _media(block: Json, media: Media) -> Json:
    if "file_uri" in block:
        return _passed(block["file_uri"], block.get("mime_type"), "media")
    return _standard(block, media)


def _plain_text(block: Json, media: Media) -> Json:
    if isinstance(block.get("text"), str):
        head = [block[k] for k in ("title", "context") if block.get(k)]
        return {"text": "\n".join([*head, block["text"]])}
    return _standard({"mime_type": "text/plain", **block}, media)


_READERS: Mapping[str, Callable[[Json, Media], Json]] = {
    "image": _standard,
    "audio": _standard,
    "video": _standard,
    "file": _standard,
    "document": _standard,
    "image_url": _image_url,
    "input_audio": _input_audio,
    "media": _media,
    "text-plain": _plain_text,
}

MEDIA_TYPES = frozenset(_READERS)
"""The types of block that `part_from_media` reads."""


def part_from_media(block: Json, media: Media) -> Json:
    """Return the part of a media block, with video and resolution notes beside it.

    Raises:
        UnsupportedContentError: If the block does not hold media that can be sent.
    """
    part = _READERS[block["type"]](block, media)
    media.is_inline = media.is_inline or "inlineData" in part
    notes = {**(block.get("extras") or {}), **block}
    if video := notes.get("video_metadata") or notes.get("videoMetadata"):
        part["videoMetadata"] = _video_metadata(video)
    if level := notes.get("media_resolution") or notes.get("mediaResolution"):
        part["mediaResolution"] = _media_resolution(level)
    return part


def _video_metadata(video: Any) -> Json:
    if not isinstance(video, dict):
        raise _refused(f"video_metadata must be an object, not {video!r}")
    names = {"start_offset": "startOffset", "end_offset": "endOffset"}
    return {names.get(k) or k: v for k, v in video.items()}


def _media_resolution(level: Any) -> Json:
    if isinstance(level, dict):
        return level
    word = str(level).upper().removeprefix("MEDIA_RESOLUTION_")
    if word not in _LEVELS:
        raise _refused(
            f"media_resolution {level!r} is none of {', '.join(_LEVELS).lower()}"
        )
    return {"level": f"MEDIA_RESOLUTION_{word}"}

"""Media blocks as Gemini parts: images, sound, film, documents, in every dialect.

Understood are the blocks of LangChain (v1, v0, JavaScript), OpenAI (chat, Responses),
Anthropic, Bedrock, MCP, AG-UI, google-genai and the AI SDK. They differ in how deep the
media lies and what its data, address and type are called, so all are read in one way:
what lies inside is spread over what lies around it. Nothing here does I/O: addresses
that have to be fetched are collected in `Media.downloads`.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from langchain_cf_gemini._gemini.request.media_notes import note_on_part
from langchain_cf_gemini._gemini.request.media_types import (
    TEXT,
    is_taken,
    type_from_bytes,
    type_from_label,
    type_from_name,
)
from langchain_cf_gemini._gemini.vocabulary import Json, plain_json
from langchain_cf_gemini.exceptions import UnsupportedContentError

MEDIA_TYPES = frozenset(
    {"image", "audio", "video", "file", "document", "media", "text-plain", "binary"}
    | {"image_url", "video_url", "audio_url", "input_audio", "input_image"}
    | {"input_file", "input_video", "inline_data", "file_data"}
)
"""The types of block that `parts_from_media` reads."""

_BEDROCK = frozenset({"image", "audio", "video", "document"})
_HOLDERS = frozenset(
    {"source", "file", "image_url", "input_audio", "video_url", "audio_url", "resource"}
    | {"inline_data", "file_data", "inlineData", "fileData", "s3Location"}
    | _BEDROCK
)
_DATA = ("base64", "data", "bytes", "blob", "b64_json", *sorted(_HOLDERS))
_ADDRESSES = ("url", "uri", "file_uri", "fileUri", "file_url", "fileUrl")
_IDS = ("file_id", "fileId", "id")
_TYPES = ("mime_type", "mimeType", "media_type", "mediaType", "format")
_NAMES = ("filename", "file_name", "fileName", "name")
_TITLES = ("title", "context")
_KIND_TYPES = {"image": "image/png", "audio": "audio/mpeg", "video": "video/mp4"}
_PDF = "application/pdf"

_NEVER_FETCHED = ("gs://", "https://generativelanguage.googleapis.com/")
_VIDEO_HOSTS = ("youtube.com", "youtu.be")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(://.*)", re.DOTALL)
_DATA_URI = re.compile(r"data:([^,]*?)(;\s*base64\s*)?,", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")
_HEAD = 1368  # characters of base64 that are looked at: 1 KiB, enough for any signature


@dataclass(slots=True)
class Download:
    """An address whose bytes go into a part before the request is sent.

    `moved` is called where the bytes are of a type that the part's place does not take.
    """

    url: str
    part: Json
    kind: str
    label: str | None
    office: bool
    moved: Callable[[str], None] | None = None

    def fill(self, data: bytes, label: str | None) -> None:
        """Put what was fetched into the part.

        Args:
            data: The file.
            label: The type that the server gave it.

        Raises:
            UnsupportedContentError: If Google takes no such file.
        """
        said = self.label or type_from_label(label)
        said = said or type_from_name(urlsplit(self.url).path)
        mime = _checked_type(data[:1024], said, self.kind, office=self.office)
        if not data:
            raise _refused(f"{self.url!r} gave an empty file")
        self.part["inlineData"] = {
            "mimeType": mime,
            "data": b64encode(data).decode(),
        }
        if self.moved:
            self.moved(mime)


@dataclass(slots=True)
class Media:
    """What the conversion of one request may do with media, and what it left to do.

    Attributes:
        urls: Addresses are fetched ("inline"), passed on to Google ("pass"), or only
            counted ("count").
        per_part: Whether the model takes media in a function response, and a
            resolution for each part (Gemini 3 and later).
        office: Whether the model reads Office files.
        signed: The parts whose signatures a message says to be one backend's.
        is_inline: Set when a part holds data: the body is then written in pieces.
        downloads: What is to be fetched.
    """

    urls: Literal["inline", "pass", "count"] = "inline"
    per_part: bool = True
    office: bool = False
    signed: list[tuple[Json, str]] = field(default_factory=list)
    is_inline: bool = False
    downloads: list[Download] = field(default_factory=list)


def is_media(block: Mapping[str, Any]) -> bool:
    """Tell whether a block of content is one that `parts_from_media` reads."""
    kind = block.get("type")
    if kind == "resource":
        return isinstance(block.get("resource"), Mapping)
    if kind is not None:
        return kind in MEDIA_TYPES
    if block.keys() & {"inline_data", "file_data"}:
        return True
    held = block.get(next(iter(block), ""))
    return (
        len(block) == 1
        and not _BEDROCK.isdisjoint(block)
        and isinstance(held, Mapping)
        and "source" in held
    )


def parts_from_media(block: Mapping[str, Any], media: Media) -> list[Json]:
    """Return the parts of a media block, with video and resolution notes beside it.

    There is one, but for a document with a title or with content of its own.

    Raises:
        UnsupportedContentError: If the block does not hold media that can be sent.
    """
    kind = str(block.get("type") or next(iter(block)))
    found = _spread(block)
    notes = {**_mapping(found.get("extras")), **found}
    titles = [str(notes[key]) for key in _TITLES if notes.get(key)]
    if isinstance(content := found.get("content"), str | list):
        parts = [
            part for inner in _listed(content) for part in _inner_parts(inner, media)
        ]
    elif (text := _text_in(found, kind)) is not None:
        return [{"text": "\n".join([*titles, text])}]
    else:
        parts = [_part_from_found(found, kind, media)]
        note_on_part(parts[0], notes, per_part=media.per_part)
    head = [{"text": "\n".join(titles)}] if titles else []
    return [*head, *parts]


def _listed(content: str | list[Any]) -> list[Any]:
    return [content] if isinstance(content, str) else content


def _inner_parts(block: Any, media: Media) -> list[Json]:
    if isinstance(block, str):
        return [{"text": block}]
    if block.get("type") == "text":
        return [{"text": block["text"]}]
    return parts_from_media(block, media)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _spread(block: Mapping[str, Any]) -> Json:
    """Lay what lies inside over what lies around it; it is nearer to the media."""
    found: Json = {}
    inside: Json = {}
    for key, value in block.items():
        value = plain_json(value)
        if key in _HOLDERS and isinstance(value, Mapping):
            inner = _spread(value)
            if (source := inner.pop("type", None)) is not None:
                inner["source_type"] = source
            inside |= inner
        else:
            found[key] = value
    return {**found, **inside}


def _text_in(found: Json, kind: str) -> str | None:
    """Return a document that is given as text."""
    text = found.get("text")
    if text is None and found.get("source_type") == "text":
        text = found.get("data", found.get("url"))
    elif kind != "resource" and any(found.get(k) for k in (*_DATA, *_ADDRESSES)):
        return None
    return text if isinstance(text, str) else None


def _part_from_found(found: Json, kind: str, media: Media) -> Json:
    source = found.get("source_type")
    if source in ("data", "url") and "value" in found:  # AG-UI's
        found = {**found, source: found["value"]}
    for key in _DATA:
        if (data := found.get(key)) is not None:
            return _part_from_data(
                data, found, kind, media, is_data=key not in _HOLDERS
            )
    for key in _ADDRESSES:
        if key in found:
            return part_from_url(found[key], _label(found, kind), kind, media)
    if (id_ := next((found[key] for key in _IDS if found.get(key)), None)) is not None:
        return _passed(str(id_), _label(found, kind), kind, media)
    raise _nothing_in(found, kind)


def _nothing_in(found: Json, kind: str) -> UnsupportedContentError:
    source = found.get("source_type")
    if source == "base64":
        return _refused(f"a block of type {kind!r} needs base64 text or bytes")
    if source is not None:
        return _refused(
            f"a block of type {kind!r} has a source of type {source!r}, which is none "
            "of base64, url, text, content and file"
        )
    if kind.endswith("_url"):
        return _refused(f"a block of type {kind!r} has an empty address")
    return _refused(f"a block of type {kind!r} has neither base64, url nor file_id")


def _part_from_data(
    data: Any, found: Json, kind: str, media: Media, *, is_data: bool
) -> Json:
    if isinstance(data, str) and _ADDRESS.match(data[:64]):
        return part_from_url(data, _label(found, kind), kind, media)
    if isinstance(data, str) and data[:5].lower() == "data:":
        return _from_data_uri(data, found, kind, media)
    if not is_data and kind.endswith("_url"):
        return part_from_url(data, _label(found, kind), kind, media)
    return _inline(data, _label(found, kind), found, kind, media)


def _label(found: Json, kind: str) -> str | None:
    """Return the type that a block gives its media; what is no type counts as none."""
    for key in _TYPES:
        if label := found.get(key):
            mime = type_from_label(label)
            if mime is None and key == "format" and kind.endswith("audio"):
                mime = f"audio/{label}"
            return mime
    return None


def _checked_type(
    head: bytes, label: str | None, kind: str, *, office: bool = False
) -> str:
    """Return the type of a file, which bytes tell before labels do."""
    mime = type_from_bytes(head, label)
    if not mime:
        raise _refused(
            f"a block of type {kind!r} has no mime_type, and its bytes do not show one"
        )
    shown = (label or kind.removeprefix("input_")).partition("/")[0].partition("_")[0]
    if mime == "text/html":
        if shown in _KIND_TYPES:
            raise _refused(
                f"a block of type {kind!r} holds an HTML page where it says {shown}"
            )
        return TEXT
    return _taken(mime, kind, office=office)


def _taken(mime: str, kind: str, *, office: bool) -> str:
    if not is_taken(mime, office=office):
        raise _refused(
            f"a block of type {kind!r} holds {mime}, which Google does not take: make "
            "it PNG, JPEG, WebP, PDF, text, or another type of "
            "https://ai.google.dev/gemini-api/docs/file-input-methods; a block "
            "{'inlineData': ...} in Google's own words goes as it is"
        )
    return mime


def _inline(data: Any, label: str | None, found: Json, kind: str, media: Media) -> Json:
    text = _checked_base64(data, kind)
    head = b64decode(_padded(text[:_HEAD]))
    if label is None and kind == "text-plain":
        label = TEXT
    elif label is None:
        label = next(
            (mime for key in _NAMES if (mime := type_from_name(found.get(key)))), None
        )
    mime = _checked_type(head, label, kind, office=media.office)
    media.is_inline = True
    return {"inlineData": {"mimeType": mime, "data": text}}


def _padded(text: str) -> str:
    return text.translate(_URL_SAFE) + "=" * (-len(text) % 4)


def _base64_from_bytes(data: Any) -> Any:
    if isinstance(data, list) and all(n in range(256) for n in data):
        data = bytes(data)  # JavaScript's Uint8Array
    if isinstance(data, bytes | bytearray | memoryview):
        return b64encode(data).decode()
    return data


def _checked_base64(data: Any, kind: str) -> str:
    """Return base64 text; the whole of it is Google's to check, its ends are ours."""
    data = _base64_from_bytes(data)
    if not isinstance(data, str) or not data:
        raise _refused(
            f"a block of type {kind!r} needs base64 text or bytes, and not none"
        )
    text: str = data
    # Four searches of C; one with a regular expression takes ten times as long.
    if any(space in text for space in "\n\r \t"):
        text = "".join(text.split())
    whole = text
    if len(text) > _HEAD:
        whole = text[:_HEAD] + text[-(len(text) % 4 + 4) :]
    try:
        b64decode(_padded(whole), validate=True)
    except (Base64Error, ValueError) as error:
        raise _refused(f"the data of a block of type {kind!r} is not base64") from error
    return text


def _from_data_uri(uri: str, found: Json, kind: str, media: Media) -> Json:
    if (head := _DATA_URI.match(uri)) is None:
        raise _refused(f"a block of type {kind!r} has a data URI that is not base64")
    # One copy of the data; str.partition would search and copy for a millisecond more.
    data: Any = uri[head.end() :]
    if head[2] is None:
        data = unquote_to_bytes(data)
    elif "%" in data:
        data = unquote(data)
    label = type_from_label(head[1]) or _label(found, kind)
    if label is None and head[2] is None:
        label = TEXT  # what RFC 2397 says of a URI without a type
    return _inline(data, label, found, kind, media)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.").removeprefix("m.")


def part_from_url(url: Any, label: str | None, kind: str, media: Media) -> Json:
    """Return the part of a media address.

    `data:` becomes inline data; `gs://`, YouTube and Google's file addresses are passed
    on; other addresses are passed on or fetched, as `media.urls` says.

    Raises:
        UnsupportedContentError: If the address cannot be used.
    """
    if not isinstance(url, str) or not url:
        raise _refused(f"a block of type {kind!r} has an empty address")
    if url[:5].lower() == "data:":
        return _from_data_uri(url, {"mime_type": label}, kind, media)
    if whole := _ADDRESS.fullmatch(url):
        url = whole[1].lower() + whole[2]
    if url.startswith(_NEVER_FETCHED) or _host(url) in _VIDEO_HOSTS:
        return _passed(url, label, kind, media)
    if not url.startswith(("http://", "https://")):
        raise _refused(
            f"a block of type {kind!r} has an address that is neither http(s), gs nor "
            f"data: {url[:80]!r}; give the bytes of a local file as base64"
        )
    if media.urls != "inline":
        return _passed(url, label, kind, media)
    likely = label or type_from_name(urlsplit(url).path) or ""
    part: Json = {"inlineData": {"mimeType": likely, "data": ""}}
    media.is_inline = True
    media.downloads.append(Download(url, part, kind, label, media.office))
    return part


def _passed(url: str, label: str | None, kind: str, media: Media) -> Json:
    mime = label or type_from_name(urlsplit(url).path)
    if not mime and _host(url) in _VIDEO_HOSTS:
        mime = "video/mp4"
    if not mime and kind == "document":
        mime = _PDF
    if not mime and media.urls == "count":
        mime = _KIND_TYPES.get(kind.removeprefix("input_").removesuffix("_url"), _PDF)
    if not mime:
        raise _refused(
            f"a block of type {kind!r} needs mime_type beside its address {url!r}: "
            "Gemini wants one, and the address does not show it"
        )
    if "://" not in url and not url.startswith("files/"):
        raise _refused(
            f"a block of type {kind!r} has the file_id {url!r}, which another "
            "provider gave: give the file itself, or Google's own address of it"
        )
    mime = _taken(mime, kind, office=media.office)
    return {"fileData": {"mimeType": mime, "fileUri": url}}


def _refused(what: str) -> UnsupportedContentError:
    return UnsupportedContentError(what)

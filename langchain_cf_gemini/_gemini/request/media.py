"""Media blocks as Gemini parts: images, sound, film, documents, in every dialect.

Understood are the blocks of LangChain (v1, v0, JavaScript), OpenAI (chat, Responses),
Anthropic, Bedrock, MCP, AG-UI, google-genai and the AI SDK. They differ in how deep the
media lies and what its data, address and type are called, so all are read in one way:
what lies inside is spread over what lies around it. Nothing here does I/O: addresses
that have to be fetched are collected in `Media.downloads`.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import SplitResult, unquote, unquote_to_bytes, urlsplit

from langchain_cf_gemini._gemini.request.base64_data import bytes_of, text_from_data
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
    | {"input_file", "input_video", "inline_data", "file_data", "computer_screenshot"}
    | {"search_result"}
)
"""The types of block that `parts_from_media` reads."""

TEXT_TYPES = frozenset({"text", "input_text", "output_text", "guard_content"})
"""The types of block that hold a text in `text`: LangChain's, OpenAI's, Bedrock's."""

_BEDROCK = frozenset({"image", "audio", "video", "document"})
_URLS = ("image_url", "video_url", "audio_url")
_FILES = (
    *("source", "file", "input_audio", "resource", "s3Location"),
    *("inline_data", "file_data", "inlineData", "fileData", *sorted(_BEDROCK)),
)
_HOLDERS = frozenset({*_FILES, *_URLS})
_DATA = ("base64", "data", "bytes", "blob", "b64_json", "value", *_FILES)
_ADDRESSES = ("url", "uri", "file_uri", "fileUri", "file_url", "fileUrl", *_URLS)
_ANYWHERE = (*_DATA, *_ADDRESSES)
_IDS = ("file_id", "fileId", "id")
_TYPES = ("mime_type", "mimeType", "media_type", "mediaType", "format")
_NAMES = ("filename", "file_name", "fileName", "name")
_TITLES = ("title", "context")
_KIND_TYPES = {"image": "image/png", "audio": "audio/mpeg", "video": "video/mp4"}
_PDF = "application/pdf"

_NEVER_FETCHED = ("gs://", "https://generativelanguage.googleapis.com/")
_VIDEO_HOSTS = ("youtube.com", "youtu.be")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(://.*)", re.DOTALL)
_USER = re.compile(r"(://)[^/]*@")
_IS_ADDRESS = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]{0,30}://|data:)", re.IGNORECASE)
_DATA_URI = re.compile(r"data:([^,]*?)(;\s*base64\s*)?,", re.IGNORECASE)


@dataclass(slots=True)
class Download:
    """An address whose bytes go into a part before the request is sent.

    `moved` is called where the bytes are of a type that the part's place does not take.
    """

    url: str
    part: Json
    block: "_Block"
    moved: Callable[[], None] | None = None

    def fill(self, data: bytes, label: str | None) -> None:
        """Put what was fetched into the part.

        Args:
            data: The file.
            label: The type that the server gave it.

        Raises:
            UnsupportedContentError: If Google takes no such file.
        """
        said = self.block.label() or type_from_label(label)
        said = said or type_from_name(self.block.parts_of(self.url).path)
        mime = self.block.type_of(data[:1024], said)
        if not data:
            shown = _shown_url(self.url)
            raise UnsupportedContentError(f"{shown!r} returned an empty file.")
        self.part["inlineData"] = {
            "mimeType": mime,
            "data": b64encode(data).decode(),
        }
        if self.moved:
            self.moved()


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


def said_in(block: Any) -> list[Json]:
    """Return the part of a block of text, or of a bare text; nothing of others.

    Raises:
        UnsupportedContentError: If a block of text holds none.
    """
    if isinstance(block, str):
        return [{"text": block}]
    if block.get("type") not in TEXT_TYPES:
        return []
    text = block.get("text")
    if not isinstance(text, str):
        raise _refused(block["type"], f"needs text, a string, not {text!r}")
    return [{"text": text}]


def is_media(block: Mapping[str, Any]) -> bool:
    """Tell whether a block of content is one that `parts_from_media` reads."""
    kind = block.get("type")
    if kind == "resource":
        return isinstance(block.get("resource"), Mapping)
    if kind is not None:
        return kind in MEDIA_TYPES
    if block.keys() & {"inline_data", "file_data"}:
        return True
    if isinstance(inline := block.get("inlineData"), Mapping):
        return not isinstance(inline.get("data"), str)  # bytes are to be written
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
        UnsupportedContentError: If the block does not hold media that can be sent. It
            is counted as its kind where nothing is.
    """
    kind = str(block.get("type") or next(iter(block)))
    try:
        return _parts(_Block(kind, _spread(block), media))
    except UnsupportedContentError:
        if media.urls != "count":
            raise
        return [{"fileData": {"mimeType": _usual_type(kind), "fileUri": ""}}]


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


@dataclass(slots=True)
class _Block:
    """A media block whose fields all lie side by side."""

    kind: str
    found: Json
    media: Media

    def first(self, keys: tuple[str, ...]) -> Any:
        """Return the first of some fields that is given."""
        for key in keys:
            if (value := self.found.get(key)) is not None:
                return value
        return None

    def label(self) -> str | None:
        """Return the type that is said; what is no type counts as none."""
        said = next((key for key in _TYPES if self.found.get(key)), "")
        label = self.found.get(said)
        mime = type_from_label(label)
        if mime is None and said == "format" and self.kind.endswith("audio"):
            return f"audio/{label}"
        return mime

    def notes(self) -> Json:
        """Return the fields, and what stands in `extras` beside them."""
        extras = self.found.get("extras")
        return {**extras, **self.found} if isinstance(extras, Mapping) else self.found

    def titles(self, notes: Json) -> list[str]:
        """Return what is said above a text."""
        keys = ("title", "source") if self.kind == "search_result" else _TITLES
        return [str(notes[key]) for key in keys if notes.get(key)]

    def type_of(self, head: bytes, label: str | None) -> str:
        """Return the type of its file, which bytes tell before labels do."""
        mime = type_from_bytes(head, label)
        if not mime:
            raise self.refused(
                f"needs mime_type, for example {_usual_type(self.kind)!r}"
            )
        if label is None and "audio" in self.kind:
            mime = mime.replace("video/", "audio/")  # one container for both
        if mime != "text/html":
            return self.taken(mime)
        shown = (label or self.kind.removeprefix("input_")).partition("/")[0]
        shown = shown.partition("_")[0]
        if shown in _KIND_TYPES:
            raise self.refused(f"contains an HTML page instead of {shown}")
        return TEXT

    def taken(self, mime: str) -> str:
        """Return a type that Google takes."""
        if not is_taken(mime, office=self.media.office):
            raise self.refused(
                f"contains {mime}, which Google doesn't support. Convert it to PNG, "
                "JPEG, WebP, PDF, text or another type of "
                "https://ai.google.dev/gemini-api/docs/file-input-methods. A raw "
                "Gemini part, {'inlineData': ...}, is sent unchanged"
            )
        return mime

    def refused(self, what: str) -> UnsupportedContentError:
        """Return the error of a block that cannot be sent."""
        return _refused(self.kind, what)

    def parts_of(self, url: str) -> SplitResult:
        """Return the parts of a URL; raises if nobody could read it."""
        try:
            return urlsplit(url)
        except ValueError:
            raise self.refused(f"has the invalid URL {_shown_url(url)!r}") from None


def _refused(kind: str, what: str) -> UnsupportedContentError:
    return UnsupportedContentError(f"A block of type {kind!r} {what}.")


def _parts(block: _Block) -> list[Json]:
    notes = block.notes()
    titles = block.titles(notes)
    content = block.found.get("content")
    content = [content] if isinstance(content, str) else content
    if isinstance(content, list):
        parts = [
            part
            for inner in content
            for part in said_in(inner) or parts_from_media(inner, block.media)
        ]
    elif (text := _text_in(block)) is not None:
        return [{"text": "\n".join([*titles, text])}]
    else:
        parts = [_part_from_block(block)]
        note_on_part(parts[0], notes, per_part=block.media.per_part)
    head = [{"text": "\n".join(titles)}] if titles else []
    return [*head, *parts]


def _text_in(block: _Block) -> str | None:
    """Return a document that is given as text."""
    text = block.found.get("text")
    if text is None and block.found.get("source_type") == "text":
        text = block.first(("data", "url"))
    elif text is None or (block.kind != "resource" and block.first(_ANYWHERE)):
        return None
    return text if isinstance(text, str) else None


def _part_from_block(block: _Block) -> Json:
    given, is_data = block.first(_ANYWHERE), block.first(_DATA) is not None
    if isinstance(given, str):
        # Data URIs stand where data belongs, and with Ollama data for an address.
        is_data = is_data or bool(_first_bytes_of(given[:400]))
        is_data = is_data and not _IS_ADDRESS.match(given)
    if is_data:
        return _inline(given, block.label(), block)
    if given is not None:
        return _part_from_url(given, block)
    if id_ := block.first(_IDS):
        return _passed(str(id_), block)
    source = block.found.get("source_type")
    if source not in (None, "base64"):
        raise block.refused(
            f"has the unknown source type {source!r}. Use base64, url, text, content "
            "or file"
        )
    if block.kind in _URLS:
        raise block.refused("has an empty URL")
    raise block.refused("needs base64, url or file_id")


def _inline(data: Any, label: str | None, block: _Block) -> Json:
    text, head = text_from_data(data) or ("", b"")
    if not text:
        raise block.refused(
            "contains nothing, or data that isn't base64. Pass base64 text or bytes"
        )
    if label is None and block.kind == "text-plain":
        label = TEXT
    if label is None:
        named = (type_from_name(block.found.get(key)) for key in _NAMES)
        label = next((mime for mime in named if mime), None)
    if label != TEXT and head.isascii() and (inner := _first_bytes_of(head.decode())):
        # `b64encode(...)` without `.decode()`, or data that was encoded twice.
        text, head = "".join(bytes_of(text).decode("ascii", "replace").split()), inner
    block.media.is_inline = True
    return {"inlineData": {"mimeType": block.type_of(head, label), "data": text}}


def _first_bytes_of(text: str) -> bytes:
    """Return the first bytes of a file that a text is the base64 of, if it is."""
    head = (text_from_data(text) or ("", b""))[1]
    return head if type_from_bytes(head) else b""


def _from_data_uri(uri: str, block: _Block) -> Json:
    if (head := _DATA_URI.match(uri)) is None:
        raise block.refused("has a data URI that isn't base64")
    # One copy of the data; str.partition would search and copy for a millisecond more.
    data: Any = uri[head.end() :]
    if head[2] is None:
        data = unquote_to_bytes(data)
    elif "%" in data:
        data = unquote(data)
    label = type_from_label(head[1]) or block.label()
    if label is None and head[2] is None:
        label = TEXT  # what RFC 2397 says of a URI without a type
    return _inline(data, label, block)


def _shown_url(url: str) -> str:
    """Return a URL without user name and query, which may be credentials."""
    return _USER.sub(r"\1", re.split("[?#]", url, maxsplit=1)[0])[:80]


def _is_video_host(url: str, block: _Block) -> bool:
    host = block.parts_of(url).hostname or ""
    return host.removeprefix("www.").removeprefix("m.") in _VIDEO_HOSTS


def _part_from_url(url: Any, block: _Block) -> Json:
    """Return the part of a media address.

    `data:` becomes inline data; `gs://`, YouTube and Google's file addresses are passed
    on; other addresses are passed on or fetched, as `media.urls` says.
    """
    url = url.strip() if isinstance(url, str) else ""
    if not url:
        raise block.refused("has an empty URL")
    if url[:5].lower() == "data:":
        return _from_data_uri(url, block)
    if whole := _ADDRESS.fullmatch(url):
        url = whole[1].lower() + whole[2]
    if url.startswith(_NEVER_FETCHED) or _is_video_host(url, block):
        return _passed(url, block)
    if not url.startswith(("http://", "https://")):
        raise block.refused(
            f"has the unsupported URL {_shown_url(url)!r}. Use http(s), gs or data, "
            "and pass local files as base64"
        )
    media = block.media
    if media.urls != "inline":
        return _passed(url, block)
    likely = block.label() or type_from_name(block.parts_of(url).path) or ""
    part: Json = {"inlineData": {"mimeType": likely, "data": ""}}
    media.is_inline = True
    media.downloads.append(Download(url, part, block))
    return part


def _usual_type(kind: str) -> str:
    return _KIND_TYPES.get(kind.removeprefix("input_").removesuffix("_url"), _PDF)


def _passed(url: str, block: _Block) -> Json:
    mime = block.label() or type_from_name(block.parts_of(url).path)
    if not mime and _is_video_host(url, block):
        mime = "video/mp4"
    if not mime and block.kind == "document":
        mime = _PDF
    if "://" not in url and not url.startswith("files/"):
        raise block.refused(
            f"has the file_id {url!r} of another provider. It needs mime_type and the "
            "file's bytes, or Google's URL of the file"
        )
    if not mime:
        raise block.refused(
            f"with the URL {_shown_url(url)!r} needs mime_type, because the URL "
            "doesn't show it"
        )
    return {"fileData": {"mimeType": block.taken(mime), "fileUri": url}}

"""Media blocks of every dialect as Gemini parts."""

from __future__ import annotations

from base64 import b64decode, b64encode, encodebytes
from datetime import timedelta
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from langchain_cf_gemini import UnsupportedContentError
from tests.support.gemini import Media, body_from_messages, parts_from_media
from tests.support.http import FILES
from tests.support.models import (
    Cloudflare,
    Json,
    answer,
    calling,
    contents_of,
    every_way,
    inline,
    result,
    stored,
    text,
    tool_call,
)
from tests.support.tables import rows


def _b64(data: bytes) -> str:
    return b64encode(data).decode()


def _parts(block: Any, **settings: Any) -> list[Json]:
    parts: list[Json] = contents_of([HumanMessage([block])], **settings)[0]["parts"]
    return parts


def _block(kind: str, mime: str | None = None, /, **fields: Any) -> Json:
    typed = {"mime_type": mime} if mime else {}
    return {"type": kind, **typed, **fields}


def _source(kind: str, media: Json, **fields: Any) -> Json:
    """A block of Anthropic's or AG-UI's."""
    return {"type": kind, "source": media, **fields}


def _base64(mime: str, data: str) -> Json:
    return {"type": "base64", "media_type": mime, "data": data}


PNG = _b64(b"\x89PNG\r\n\x1a\n" + b"0" * 12)
WAV = _b64(b"RIFF\x24\x00\x00\x00WAVEfmt ")
MP3 = _b64(b"ID3\x04\x00\x00")
FLAC = _b64(b"fLaC\x00\x00")
MP4 = _b64(b"\x00\x00\x00\x18ftypmp42")
PDF = _b64(b"%PDF-1.7\n")
TXT = _b64(b"some words")
PNG_URI = f"data:image/png;base64,{PNG}"
PDF_URI = f"data:application/pdf;base64,{PDF}"
FILM = _block("video", "video/mp4", base64=MP4)
IMAGE = _block("image", "image/png", base64=PNG)
PNG_PART, PDF_PART = inline("image/png", PNG), inline("application/pdf", PDF)
WAV_PART, MP4_PART = inline("audio/wav", WAV), inline("video/mp4", MP4)
HIGH = {"mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}}
LOW = {"mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}
ULTRA = {"mediaResolution": {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}}

_GOOGLES = "https://generativelanguage.googleapis.com/v1beta/files/1"
_YOUTUBE = "https://youtu.be/x"
_WATCH = "https://www.youtube.com/watch?v=x"
_CUT = {"start_offset": "1s", "end_offset": "3.5s", "fps": 2}
_SENT_CUT = {"startOffset": "1s", "endOffset": "3.5s", "fps": 2}
# Blocks that become a PNG, a PDF and a text, by the dialect that they are in.
IMAGES: dict[str, Json] = {
    "v1 image": IMAGE,
    "v1 image without its type": _block("image", base64=PNG),
    "a data URI where base64 belongs": _block("image", "png", base64=PNG_URI),
    "base64 that was not decoded": _block("image", "image/png", base64=PNG.encode()),
    "base64 of base64, with line breaks":
        _block("media", "image/png", data=encodebytes(PNG.encode()).decode()),
    "v0 image": _block("image", "image/png", source_type="base64", data=PNG),
    "v0 image without its type": _block("image", source_type="base64", data=PNG),
    "v0 image with an id":
        _block("image", "image/png", source_type="base64", data=PNG, id="block-1"),
    "v0 address of v1's data": _block("image", source_type="url", base64=PNG),
    "Google's own with bytes":
        {"inlineData": {"mimeType": "image/png", "data": b64decode(PNG)}},
    "google-genai's inline_data":
        {"inline_data": {"mime_type": "image/png", "data": PNG}},
    "OpenAI image": _block("image_url", image_url={"url": PNG_URI}),
    "OpenAI image, short": _block("image_url", image_url=PNG_URI),
    "OpenAI screenshot": _block("computer_screenshot", image_url=PNG_URI),
    "OpenAI Responses: image": _block("input_image", image_url=PNG_URI),
    "Anthropic image": _source("image", _base64("image/png", PNG)),
    "Ollama: base64 where an address belongs": _block("image_url", image_url=PNG),
    "MCP: image": _block("image", data=PNG, mimeType="image/png"),
    "Node's Buffer":
        _block("image", data=_block("Buffer", data=[*b64decode(PNG)]),
               mimeType="image/png"),
    "AG-UI: data":
        _source("image", {"type": "data", "value": PNG, "mimeType": "image/png"}),
    "AI SDK: image": _block("image", image=PNG, mediaType="image/png"),
}  # fmt: skip
PAPERS: dict[str, Json] = {
    "v1 file": _block("file", "application/pdf", base64=PDF),
    "v0 file without its type, with an id":
        _block("file", source_type="base64", data=PDF, id="block-1"),
    "OpenAI file": _block("file", file={"filename": "a.pdf", "file_data": PDF_URI}),
    "OpenAI file, bare": _block("file", file={"filename": "a.pdf", "file_data": PDF}),
    "OpenAI file with LangChain's type":
        _block("file", "application/pdf", file={"file_data": PDF_URI}),
    "OpenAI Responses: file": _block("input_file", filename="a.pdf", file_data=PDF),
    "Anthropic document": _source("document", _base64("application/pdf", PDF)),
    "MCP: resource":
        _block("resource", resource={"uri": "a:b", "mimeType": "application/pdf",
               "blob": PDF}),
    "AG-UI: binary": _block("binary", data=PDF, mimeType="application/pdf"),
}  # fmt: skip
WORDS: dict[str, Json] = {
    "v1 text file": _block("text-plain", "text/plain", text="hi"),
    "v0 text": _block("file", source_type="text", text="hi"),
    "Anthropic text": _source("document", {"type": "text", "data": "hi"}),
    "Anthropic content": _source("document", {"type": "content", "content": "hi"}),
    "Bedrock: guarded text": _block("guard_content", text="hi"),
    "Bedrock: text":
        {"document": {"format": "txt", "name": "t", "source": {"text": "hi"}}},
    "MCP: text": _block("resource", resource={"uri": "a:b", "text": "hi"}),
}  # fmt: skip
BLOCKS: dict[str, tuple[Json, Json]] = {
    "v1 image whose name has its type": (
        _block("image", base64="AAAA", filename="a.png"), inline("image/png", "AAAA")),
    "v1 audio": (_block("audio", "audio/wav", base64=WAV), WAV_PART),
    "v1 video": (FILM, MP4_PART),
    "v1 text file with title": (
        _block("text-plain", "text/plain", text="hi", title="T"), text("T\nhi")),
    "v1 text file as data": (_block("text-plain", "text/plain", base64=TXT),
                             inline("text/plain", TXT)),
    "a text that is base64": (_block("file", "text/plain", data=PNG.encode()),
                              inline("text/plain", _b64(PNG.encode()))),
    "url-safe base64": (_block("image", "image/png", base64="-_-_"),
                        inline("image/png", "-_-_")),
    "a sound in a film's container": (_block("audio", base64=MP4),
                                      inline("audio/mp4", MP4)),
    "v0 of v1's fields": (_block("audio", source_type="base64", base64=WAV), WAV_PART),
    "older media": (_block("media", "video/mp4", data=MP4), MP4_PART),
    "older media, bytes": (_block("media", "video/mp4", data=b"abc"),
                           inline("video/mp4", _b64(b"abc"))),
    "older media, address": (_block("media", "video/mp4", file_uri="gs://b/o"),
                             stored("video/mp4", "gs://b/o")),
    "gs": (_block("file", "application/pdf", url="gs://b/o.pdf"),
           stored("application/pdf", "gs://b/o.pdf")),
    "gs by its name": (_block("image", url="gs://b/o.png"),
                       stored("image/png", "gs://b/o.png")),
    "YouTube": (_block("video", url=_WATCH), stored("video/mp4", _WATCH)),
    "YouTube, short": (_block("media", file_uri=_YOUTUBE),
                       stored("video/mp4", _YOUTUBE)),
    "file_id": (_block("file", "image/png", file_id="https://g/files/1"),
                stored("image/png", "https://g/files/1")),
    "v0 id": (_block("file", "image/png", source_type="id", id=_GOOGLES),
              stored("image/png", _GOOGLES)),
    "Google's own file": (_block("file", "image/png", url=_GOOGLES),
                          stored("image/png", _GOOGLES)),
    "video_metadata": ({**FILM, "video_metadata": _CUT},
                       {**MP4_PART, "videoMetadata": _SENT_CUT}),
    "the most frames": ({**FILM, "video_metadata": {"fps": 24}},
                        {**MP4_PART, "videoMetadata": {"fps": 24}}),
    "video_metadata in extras": (
        {**FILM, "extras": {"videoMetadata": {"startOffset": "1s"}}},
        {**MP4_PART, "videoMetadata": {"startOffset": "1s"}}),
    "media_resolution": ({**IMAGE, "media_resolution": "ultra_high"},
                         {**PNG_PART, **ULTRA}),
    "media_resolution of the wire": ({**IMAGE, **LOW}, {**PNG_PART, **LOW}),
    "google-genai's, a film": (
        {"inline_data": {"mime_type": "video/mp4", "data": MP4},
         "video_metadata": {"fps": 2}},
        {**MP4_PART, "videoMetadata": {"fps": 2}}),
    "google-genai's file_data": (
        {"file_data": {"mime_type": "video/mp4", "file_uri": "gs://b/o"}},
        stored("video/mp4", "gs://b/o")),
    "OpenAI image, detail": (
        _block("image_url", image_url={"url": PNG_URI, "detail": "high"}),
        {**PNG_PART, **HIGH}),
    "OpenAI image with a type": (
        _block("image_url", image_url={"url": "gs://b/o", "mime_type": "png"}),
        stored("image/png", "gs://b/o")),
    "OpenAI audio, other": (
        _block("input_audio", input_audio={"data": FLAC, "format": "flac"}),
        inline("audio/flac", FLAC)),
    "OpenAI audio with LangChain's type": (
        _block("input_audio", "audio/wav", input_audio={"data": WAV, "format": "wav"}),
        WAV_PART),
    "OpenAI video_url": (_block("video_url", video_url={"url": _YOUTUBE}),
                         stored("video/mp4", _YOUTUBE)),
    "OpenAI audio_url": (
        _block("audio_url", audio_url=f"data:audio/wav;base64,{WAV}"), WAV_PART),
    "OpenAI Responses: detail": (
        _block("input_image", image_url=PNG_URI, detail="low"), {**PNG_PART, **LOW}),
    "OpenAI Responses: address": (_block("input_file", file_url="gs://b/o.pdf"),
                                  stored("application/pdf", "gs://b/o.pdf")),
    "Bedrock: image": (
        {"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n"}}},
        inline("image/png", _b64(b"\x89PNG\r\n\x1a\n"))),
    "Bedrock: document": (
        {"document": {"format": "csv", "name": "t", "source": {"bytes": b"a,b"}}},
        inline("text/plain", _b64(b"a,b"))),
    "LangChain.js: bytes": (
        _block("image", data=[137, 80, 78, 71], mimeType="image/png"),
        inline("image/png", _b64(b"\x89PNG"))),
    "LangChain.js: fileId": (
        _block("file", fileId="gs://b/o", mimeType="application/pdf"),
        stored("application/pdf", "gs://b/o")),
    "AG-UI: address": (_source("video", {"type": "url", "value": "gs://b/o.mp4"}),
                       stored("video/mp4", "gs://b/o.mp4")),
    **{name: (block, PNG_PART) for name, block in IMAGES.items()},
    **{name: (block, PDF_PART) for name, block in PAPERS.items()},
    **{name: (block, text("hi")) for name, block in WORDS.items()},
}  # fmt: skip


@rows("block part", BLOCKS)
def test_blocks(block: Json, part: Json) -> None:
    assert _parts(block) == [part]
    assert _parts({"type": "non_standard", "value": block}) == [part]


def test_sounds_of_openai() -> None:
    """LangChain names the type of what it converts, and Google takes both names."""
    block = _block("input_audio", input_audio={"data": MP3, "format": "mp3"})
    assert _parts(block) == [inline("audio/mp3", MP3)]
    wrapped = {"type": "non_standard", "value": block}
    assert _parts(wrapped) == [inline("audio/mpeg", MP3)]


_TITLED = {"title": "T", "context": "C"}
_SAID = [{"type": "text", "text": "hi"}, IMAGE]
DOCUMENTS: dict[str, tuple[Json, list[Json]]] = {
    "data": (_source("document", _base64("application/pdf", PDF), **_TITLED),
             [text("T\nC"), PDF_PART]),
    "text": (_source("document", {"type": "text", "media_type": "text/plain",
                                  "data": "hi"}, **_TITLED), [text("T\nC\nhi")]),
    "content": (_source("document", {"type": "content", "content": _SAID}, title="T"),
                [text("T"), text("hi"), PNG_PART]),
    "search result": (
        {"type": "search_result", "title": "T", "source": "https://a.example",
         "content": [{"type": "text", "text": "hi"}], "citations": {"enabled": True}},
        [text("T\nhttps://a.example"), text("hi")]),
}  # fmt: skip


@rows("block parts", DOCUMENTS)
def test_documents_with_a_title_or_content(block: Json, parts: list[Json]) -> None:
    assert _parts(block) == parts


WEBP = _b64(b"RIFF\x10\x00\x00\x00WEBPVP8 ")
HTML = _b64(b"<!DOCTYPE html><html></html>")
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'></svg>"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# The data, its label, and what goes out; None where Google takes no such thing.
TYPES: dict[str, tuple[str, str | None, str | None]] = {
    "jpg": (_b64(b"\xff\xd8\xff\xe0"), "image/jpg", "image/jpeg"),
    "a word": (PNG, "png", "image/png"),
    "capitals": (PNG, "IMAGE/PNG", "image/png"),
    "twice": (PNG, "image/png, image/png", "image/png"),
    "no type": (PNG, "application/octet-stream", "image/png"),
    "any type": (PNG, "image/*", "image/png"),
    "another image": (WEBP, "image/jpeg", "image/webp"),
    "another kind": (PDF, "image/png", "application/pdf"),
    "a page for a PDF": (HTML, "application/pdf", "text/plain"),
    "a page for an image": (HTML, "image/png", None),
    "a drawing": (_b64(SVG), "image/svg+xml", None),
    "a drawing for an image": (_b64(SVG), "image/png", None),
    "a drawing's source": (_b64(SVG), "text/plain", "text/plain"),
    "Python": (TXT, "text/x-python", "text/plain"),
    "JSON": (TXT, "application/json", "text/plain"),
    "GeoJSON": (TXT, "application/geo+json", "text/plain"),
    "CSV": (TXT, "text/csv; charset=utf-8", "text/plain"),
    "sound in a film's clothes": (MP4, "audio/mp4", "audio/mp4"),
    "raw sound": ("AAAA", "audio/L16; rate=24000", "audio/L16;rate=24000"),
    "an old name": (WAV, "audio/x-wav", "audio/wav"),
    "mp3": (MP3, "audio/mp3", "audio/mp3"),
    "Word": (_b64(b"PK\x03\x04"), DOCX, None),
    "an archive": (_b64(b"PK\x03\x04"), "application/pdf", None),
    "a bitmap": (_b64(b"BM\x10\x00\x00\x00\x00\x00\x00\x00"), "image/bmp", None),
    "Matroska": ("AAAA", "video/x-matroska", None),
    "a model": ("AAAA", "model/gltf-binary", None),
    "not padded": (PNG.rstrip("="), "image/png", "image/png"),
    "no label": (PDF, None, "application/pdf"),
}


@rows("data label mime", TYPES)
def test_types(data: str, label: str | None, mime: str | None) -> None:
    block = {"type": "media", "data": data, "mime_type": label}
    if mime is None:
        with pytest.raises(UnsupportedContentError, match=r"doesn't support|contains"):
            _parts(block)
    else:
        assert _parts(block) == [inline(mime, data)]
    own = {"inlineData": {"mimeType": label, "data": data}}
    assert _parts(own) == [own]  # Google's own words go as they are


NAMES = {
    **dict.fromkeys(["a.ts", "a.py", "A.MD"], "text/plain"),
    **dict.fromkeys(["a.tar.pdf", "a%2Epdf"], "application/pdf"),
    "a.wav": "audio/wav",
    "a.webp": "image/webp",
}


@pytest.mark.parametrize("name", NAMES)
def test_types_by_name_are_the_same_on_every_machine(name: str) -> None:
    block = _block("input_file", filename=name, file_data="AAAA")
    assert _parts(block) == [inline(NAMES[name], "AAAA")]
    address = f"gs://b/{name}?x=1.png"
    assert _parts(_block("file", url=address)) == [stored(NAMES[name], address)]


URIS: dict[str, tuple[str, Json]] = {
    "capitals": (f"DATA:image/png;BASE64,{PNG}", PNG_PART),
    "a space": (f"data:image/png; base64,{PNG}", PNG_PART),
    "white space around": (f" {PNG_URI}\n", PNG_PART),
    "percents": (PNG_URI.replace("=", "%3D"), PNG_PART),
    "in plain": ("data:text/plain,a%2Cb", inline("text/plain", _b64(b"a,b"))),
    "nothing but text": ("data:,hi", inline("text/plain", _b64(b"hi"))),
    "parameters": ("data:audio/L16;rate=24000;base64,AAAA",
                   inline("audio/L16;rate=24000", "AAAA")),
    "lines": (f"data:image/png;base64,{PNG[:8]}\r\n{PNG[8:]}\n", PNG_PART),
}  # fmt: skip


@rows("uri part", URIS)
def test_data_uris(uri: str, part: Json) -> None:
    assert _parts(_block("image_url", image_url={"url": uri})) == [part]
    assert _parts(_block("file", url=uri)) == [part]


_SPAN = timedelta(minutes=1, milliseconds=5)
OFFSETS: dict[str, Any] = {
    "0s": 0, "0.1s": 0.1, "1.5s": "1.5s", "10s": 10, "20.5s": 20.5,
    "20s": {"seconds": 20}, "60.005s": _SPAN,
    "5.05s": {"seconds": "5", "nanos": 50_000_000},
}  # fmt: skip


@pytest.mark.parametrize("sent", OFFSETS)
def test_offsets(sent: str) -> None:
    metadata = {"start_offset": OFFSETS[sent]}
    (part,) = _parts({**FILM, "video_metadata": metadata})
    assert part["videoMetadata"] == {"startOffset": sent}


NOT_OFFSETS: list[Json] = [
    *({"start_offset": wrong} for wrong in ("1m", -1, {"seconds": -1}, {"minutes": 1})),
    *({"end_offset": "10"}, {"start_offset": 20, "end_offset": 10}, {"end_offset": 0}),
    *({"startOffset": True}, {"fps": 0}, {"fps": 25}, {"fps": "fast"}, {"fps": True}),
]


@pytest.mark.parametrize("metadata", NOT_OFFSETS, ids=str)
def test_offsets_that_are_none(metadata: Json) -> None:
    with pytest.raises(UnsupportedContentError, match="video_metadata"):
        _parts({**FILM, "video_metadata": metadata})


def test_objects_of_google_genai() -> None:
    level = types.PartMediaResolutionLevel.MEDIA_RESOLUTION_HIGH
    notes = {
        "video_metadata": types.VideoMetadata(start_offset="1s", fps=2),
        "media_resolution": types.PartMediaResolution(level=level),
        "media_processing": "agentic",
    }
    sent = {"videoMetadata": {"startOffset": "1s", "fps": 2}, **HIGH}
    wanted = {**MP4_PART, **sent, "mediaProcessing": "AGENTIC"}
    assert _parts({**FILM, **notes}) == [wanted]


LOCAL = ["/etc/passwd", "file:///a.png", "C:\\a.png", "s3://b/o.png", "a.png"]


@pytest.mark.parametrize("url", LOCAL)
@pytest.mark.parametrize("urls", ["inline", "pass"])
def test_addresses_that_google_cannot_reach(url: str, urls: str) -> None:
    with pytest.raises(UnsupportedContentError, match="unsupported URL"):
        _parts(_block("image", "image/png", url=url), media_urls=urls)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://me:s3cret@b/o.png?sig=s3cret", "unsupported URL 's3://b/o.png'"),
        ("https://far.example/o?sig=s3cret", "URL 'https://far.example/o' needs"),
        ("https://[far.example/o?sig=s3cret", "invalid URL 'https://[far.example/o'"),
    ],
)
def test_errors_show_addresses_without_credentials(url: str, shown: str) -> None:
    with pytest.raises(UnsupportedContentError) as caught:
        _parts({"type": "file", "url": url}, media_urls="pass")
    assert shown in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_files_of_other_providers() -> None:
    with pytest.raises(UnsupportedContentError, match="another provider"):
        _parts(_block("file", "application/pdf", file_id="file-1"))


@given(st.binary(min_size=1, max_size=40), st.sampled_from(["", *TYPES]))
def test_any_bytes_are_sent_under_a_type_that_google_takes_or_refused(
    data: bytes, label: str
) -> None:
    block = _block("media", TYPES.get(label, ("",) * 3)[1], data=data)
    try:
        (part,) = _parts(block)
    except UnsupportedContentError:
        return
    assert b64decode(part["inlineData"]["data"]) == data
    mime = part["inlineData"]["mimeType"]
    is_taken = mime.partition("/")[0] in ("image", "audio", "video")
    assert is_taken or mime in ("text/plain", "application/pdf")


BYTES = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-1.7", "application/pdf"),
    (b"ID3\x04", "audio/mpeg"),
    (b"\xff\xfb\x90", "audio/mpeg"),
    (b"OggS\x00", "audio/ogg"),
    (b"fLaC\x00", "audio/flac"),
    (b"RIFF....WAVE", "audio/wav"),
    (b"RIFF....WEBP", "image/webp"),
    (b"RIFF....AVI ", "video/x-msvideo"),
    (b"....ftypmp42", "video/mp4"),
    (b"....ftypisom", "video/mp4"),
    (b"....ftypM4A ", "audio/m4a"),
    (b"....ftypqt  ", "video/quicktime"),
    (b"....ftypheic", "image/heic"),
    (b"....ftypmif1", "image/heif"),
    (b"....ftypavif", "image/avif"),
    (b"....ftyp3gp5", "video/3gpp"),
    (b"\x1aE\xdf\xa3....webm", "video/webm"),
    (b"\xff\xf1\x50", "audio/aac"),
    (b"FORM....AIFF", "audio/aiff"),
    (b"\r\n%PDF-1.7", "application/pdf"),
    (b"<!doctype HTML>", "text/plain"),
]


@pytest.mark.parametrize(("data", "mime"), BYTES)
def test_types_that_bytes_show(data: bytes, mime: str) -> None:
    assert _parts({"type": "media", "data": data}) == [inline(mime, _b64(data))]


_SITE = "https://example.com/a"
PASSED: dict[str, tuple[Json, Json]] = {
    "by name": (_block("image", url=f"{_SITE}.png"),
                stored("image/png", f"{_SITE}.png")),
    "by name, with a query": (_block("image", url=f"{_SITE}.png?x=1"),
                              stored("image/png", f"{_SITE}.png?x=1")),
    "typed": (_block("image", "audio/wav", url=_SITE), stored("audio/wav", _SITE)),
    "Anthropic": (_source("document", {"type": "url", "url": _SITE}),
                  stored("application/pdf", _SITE)),
}  # fmt: skip


@rows("block part", PASSED)
def test_addresses_that_are_passed_on(block: Json, part: Json) -> None:
    assert _parts(block, media_urls="pass") == [part]


def test_detail_of_images_before_gemini_3() -> None:
    block = _block("image_url", image_url={"url": PNG_URI, "detail": "low"})
    assert _parts(block, model="gemini-2.5-flash") == [PNG_PART]


def test_media_of_the_model() -> None:
    history = [HumanMessage("draw"), AIMessage([IMAGE]), HumanMessage("thanks")]
    assert contents_of(history)[1]["parts"] == [PNG_PART]


@every_way
def test_what_was_fetched_arrives_in_its_place(way: Any) -> None:
    """In every way of asking; the files are there, as after an earlier turn."""
    root = "https://files.example"
    FILES.keep(f"{root}/b", (b64decode(PDF), "application/pdf"))
    FILES.keep(f"{root}/a", (b64decode(PNG), "image/png"))
    pdf, png = _block("file", url=f"{root}/b"), _block("image", url=f"{root}/a")
    blocks: list[Any] = [pdf, _block("text", text="and"), png, pdf]
    cloudflare = Cloudflare([answer(text("ok"))])
    way(cloudflare.model(endpoint="gateway"), [HumanMessage(blocks)])
    wanted = [PDF_PART, text("and"), PNG_PART, PDF_PART]
    assert cloudflare.contents[0]["parts"] == wanted


def test_what_was_fetched_goes_inline() -> None:
    """An address that names its type keeps it; else the server's word counts."""
    media = Media()
    blocks = (_block("image", mime, url="https://x/a") for mime in ("image/webp", None))
    parts = [part for block in blocks for part in parts_from_media(block, media)]
    for download in media.downloads:
        download.fill(b"abc", "image/png")
    assert parts == [inline("image/webp", "YWJj"), inline("image/png", "YWJj")]


def test_what_was_fetched_is_what_its_bytes_are() -> None:
    media = Media()
    parts_from_media({"type": "image", "url": "https://x/a.png"}, media)
    (download,) = media.downloads
    download.fill(b64decode(WEBP), "image/png")
    assert download.part == inline("image/webp", WEBP)
    for data, label, said in [
        (b"", "image/png", "empty"),
        (b64decode(HTML), "image/png", "HTML page"),
        (b"abc", "application/zip", "application/zip"),
    ]:
        with pytest.raises(UnsupportedContentError, match=said):
            download.fill(data, label)
    download.fill(b"abc", "binary/octet-stream")
    assert download.part == inline("image/png", "YWJj")  # by its name


def test_what_a_tool_showed_moves_once_its_type_is_known() -> None:
    """Gemini 3 takes a PNG inside of a response, and a GIF beside it."""
    media = Media()
    shown = [_block("image", url=f"https://x/{n}.png") for n in "ab"]
    history = [HumanMessage("hi"), calling(tool_call()), result(shown)]
    body = body_from_messages(history, media=media, signs_calls=True)
    first, second = media.downloads
    first.fill(b"GIF89a", "image/png")
    second.fill(b64decode(PNG), "image/png")
    response, beside = body["contents"][-1]["parts"]
    assert response["functionResponse"]["parts"] == [PNG_PART]
    assert beside == inline("image/gif", _b64(b"GIF89a"))

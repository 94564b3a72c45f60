"""Media blocks of every dialect as Gemini parts."""

from __future__ import annotations

from base64 import b64decode, b64encode, encodebytes
from datetime import timedelta
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_cf_gemini import UnsupportedContentError
from tests.support.gemini import Media, body_from_messages, parts_from_media
from tests.support.http import FILES
from tests.support.models import Cloudflare, Json, answer, contents_of, every_way, text


def _b64(data: bytes) -> str:
    return b64encode(data).decode()


PNG = _b64(b"\x89PNG\r\n\x1a\n" + b"0" * 12)
URL_SAFE = "-_-_"


def _inline(mime: str, data: str = PNG) -> Json:
    return {"inlineData": {"mimeType": mime, "data": data}}


def _file(mime: str, uri: str) -> Json:
    return {"fileData": {"mimeType": mime, "fileUri": uri}}


def _parts(block: Any, **settings: Any) -> list[Json]:
    parts: list[Json] = contents_of([HumanMessage([block])], **settings)[0]["parts"]
    return parts


WAV = _b64(b"RIFF\x24\x00\x00\x00WAVEfmt ")
MP3 = _b64(b"ID3\x04\x00\x00")
FLAC = _b64(b"fLaC\x00\x00")
MP4 = _b64(b"\x00\x00\x00\x18ftypmp42")
PDF = _b64(b"%PDF-1.7\n")
TXT = _b64(b"some words")


BLOCKS: dict[str, tuple[Json, Json]] = {
    "v1 image": ({"type": "image", "base64": PNG, "mime_type": "image/png"},
                 _inline("image/png")),
    "v1 audio": ({"type": "audio", "base64": WAV, "mime_type": "audio/wav"},
                 _inline("audio/wav", WAV)),
    "v1 video": ({"type": "video", "base64": MP4, "mime_type": "video/mp4"},
                 _inline("video/mp4", MP4)),
    "v1 file": ({"type": "file", "base64": PDF, "mime_type": "application/pdf"},
                _inline("application/pdf", PDF)),
    "v1 text file": ({"type": "text-plain", "text": "hi", "mime_type": "text/plain"},
                     {"text": "hi"}),
    "v1 text file with title": (
        {"type": "text-plain", "text": "hi", "mime_type": "text/plain", "title": "T"},
        {"text": "T\nhi"}),
    "v1 text file as data": ({"type": "text-plain", "base64": TXT,
                              "mime_type": "text/plain"}, _inline("text/plain", TXT)),
    "v0 image": ({"type": "image", "source_type": "base64", "data": PNG,
                  "mime_type": "image/png"}, _inline("image/png")),
    "OpenAI image": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        _inline("image/png")),
    "OpenAI image, short": (
        {"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"},
        _inline("image/png")),
    "OpenAI image, detail": (
        {"type": "image_url",
         "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "high"}},
        {**_inline("image/png"),
         "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}}),
    "OpenAI audio": (
        {"type": "input_audio", "input_audio": {"data": MP3, "format": "mp3"}},
        _inline("audio/mp3", MP3)),
    "OpenAI audio, other": (
        {"type": "input_audio", "input_audio": {"data": FLAC, "format": "flac"}},
        _inline("audio/flac", FLAC)),
    "OpenAI file": ({"type": "file",
                     "file": {"filename": "a.pdf",
                              "file_data": f"data:application/pdf;base64,{PDF}"}},
                    _inline("application/pdf", PDF)),
    "OpenAI file, bare": (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
        _inline("application/pdf", PDF)),
    "Anthropic image": ({"type": "image",
                         "source": {"type": "base64", "media_type": "image/png",
                                    "data": PNG}}, _inline("image/png")),
    "Anthropic document": (
        {"type": "document",
         "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
        _inline("application/pdf", PDF)),
    "Anthropic text": ({"type": "document", "source": {"type": "text", "data": "hi"}},
                       {"text": "hi"}),
    "older media": ({"type": "media", "data": MP4, "mime_type": "video/mp4"},
                    _inline("video/mp4", MP4)),
    "older media, bytes": ({"type": "media", "data": b"abc", "mime_type": "video/mp4"},
                           _inline("video/mp4", _b64(b"abc"))),
    "older media, address": (
        {"type": "media", "file_uri": "gs://b/o", "mime_type": "video/mp4"},
        _file("video/mp4", "gs://b/o")),
    "url-safe base64": ({"type": "image", "base64": URL_SAFE, "mime_type": "image/png"},
                        _inline("image/png", URL_SAFE)),
    "gs": ({"type": "file", "url": "gs://b/o.pdf", "mime_type": "application/pdf"},
           _file("application/pdf", "gs://b/o.pdf")),
    "gs by its name": ({"type": "image", "url": "gs://b/o.png"},
                       _file("image/png", "gs://b/o.png")),
    "YouTube": ({"type": "video", "url": "https://www.youtube.com/watch?v=x"},
                _file("video/mp4", "https://www.youtube.com/watch?v=x")),
    "YouTube, short": ({"type": "media", "file_uri": "https://youtu.be/x"},
                       _file("video/mp4", "https://youtu.be/x")),
    "file_id": ({"type": "file", "file_id": "https://g/files/1",
                 "mime_type": "image/png"}, _file("image/png", "https://g/files/1")),
    "Google's own file": (
        {"type": "file",
         "url": "https://generativelanguage.googleapis.com/v1beta/files/1",
         "mime_type": "image/png"},
        _file("image/png", "https://generativelanguage.googleapis.com/v1beta/files/1")),
    "video_metadata": (
        {"type": "video", "base64": MP4, "mime_type": "video/mp4",
         "video_metadata": {"start_offset": "1s", "end_offset": "3.5s", "fps": 2}},
        {**_inline("video/mp4", MP4),
         "videoMetadata": {"startOffset": "1s", "endOffset": "3.5s", "fps": 2}}),
    "video_metadata in extras": (
        {"type": "video", "base64": MP4, "mime_type": "video/mp4",
         "extras": {"videoMetadata": {"startOffset": "1s"}}},
        {**_inline("video/mp4", MP4), "videoMetadata": {"startOffset": "1s"}}),
    "media_resolution": ({"type": "image", "base64": PNG, "mime_type": "image/png",
                          "media_resolution": "ultra_high"},
                         {**_inline("image/png"),
                          "mediaResolution": {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}}),
    "media_resolution of the wire": (
        {"type": "image", "base64": PNG, "mime_type": "image/png",
         "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
        {**_inline("image/png"), "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}),
}  # fmt: skip


_YOUTUBE = "https://youtu.be/x"
DIALECTS: dict[str, tuple[Json, Json]] = {
    "Google's own with bytes": (
        {"inlineData": {"mimeType": "image/png", "data": b64decode(PNG)}},
        _inline("image/png")),
    "Node's Buffer": ({"type": "image",
                       "data": {"type": "Buffer", "data": list(b64decode(PNG))},
                       "mimeType": "image/png"}, _inline("image/png")),
    "a sound in a film's container": ({"type": "audio", "base64": MP4},
                                      _inline("audio/mp4", MP4)),
    "google-genai's inline_data": (
        {"inline_data": {"mime_type": "image/png", "data": PNG}},
        _inline("image/png")),
    "google-genai's, a film": (
        {"inline_data": {"mime_type": "video/mp4", "data": MP4},
         "video_metadata": {"fps": 2}},
        {**_inline("video/mp4", MP4), "videoMetadata": {"fps": 2}}),
    "google-genai's file_data": (
        {"file_data": {"mime_type": "video/mp4", "file_uri": "gs://b/o"}},
        _file("video/mp4", "gs://b/o")),
    "OpenAI Responses: image": (
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
        _inline("image/png")),
    "OpenAI Responses: detail": (
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}",
         "detail": "low"},
        {**_inline("image/png"), "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}),
    "OpenAI Responses: file": ({"type": "input_file", "filename": "a.pdf",
                                "file_data": PDF}, _inline("application/pdf", PDF)),
    "OpenAI Responses: address": ({"type": "input_file", "file_url": "gs://b/o.pdf"},
                                  _file("application/pdf", "gs://b/o.pdf")),
    "OpenAI: image with a type": (
        {"type": "image_url", "image_url": {"url": "gs://b/o", "mime_type": "png"}},
        _file("image/png", "gs://b/o")),
    "OpenAI: video_url": ({"type": "video_url", "video_url": {"url": _YOUTUBE}},
                          _file("video/mp4", _YOUTUBE)),
    "OpenAI: audio_url": (
        {"type": "audio_url", "audio_url": f"data:audio/wav;base64,{WAV}"},
        _inline("audio/wav", WAV)),
    "Bedrock: image": (
        {"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n"}}},
        _inline("image/png", _b64(b"\x89PNG\r\n\x1a\n"))),
    "Bedrock: document": (
        {"document": {"format": "csv", "name": "t", "source": {"bytes": b"a,b"}}},
        _inline("text/plain", _b64(b"a,b"))),
    "Bedrock: text": ({"document": {"format": "txt", "name": "t",
                                    "source": {"text": "hi"}}}, {"text": "hi"}),
    "MCP: image": ({"type": "image", "data": PNG, "mimeType": "image/png"},
                   _inline("image/png")),
    "MCP: resource": ({"type": "resource",
                       "resource": {"uri": "a:b", "mimeType": "application/pdf",
                                    "blob": PDF}}, _inline("application/pdf", PDF)),
    "MCP: text": ({"type": "resource", "resource": {"uri": "a:b", "text": "hi"}},
                  {"text": "hi"}),
    "LangChain.js: bytes": (
        {"type": "image", "mimeType": "image/png", "data": [137, 80, 78, 71]},
        _inline("image/png", _b64(b"\x89PNG"))),
    "LangChain.js: fileId": (
        {"type": "file", "mimeType": "application/pdf", "fileId": "gs://b/o"},
        _file("application/pdf", "gs://b/o")),
    "AG-UI: data": ({"type": "image",
                     "source": {"type": "data", "value": PNG, "mimeType": "image/png"}},
                    _inline("image/png")),
    "AG-UI: address": (
        {"type": "video", "source": {"type": "url", "value": "gs://b/o.mp4"}},
        _file("video/mp4", "gs://b/o.mp4")),
    "AG-UI: binary": ({"type": "binary", "mimeType": "application/pdf", "data": PDF},
                      _inline("application/pdf", PDF)),
    "AI SDK: image": ({"type": "image", "image": PNG, "mediaType": "image/png"},
                      _inline("image/png")),
    "v1 image without its type": ({"type": "image", "base64": PNG},
                                  _inline("image/png")),
    "v1 image whose name has its type": (
        {"type": "image", "base64": "AAAA", "filename": "a.png"},
        _inline("image/png", "AAAA")),
    "v0 image without its type": ({"type": "image", "source_type": "base64",
                                   "data": PNG}, _inline("image/png")),
    "v0 image with an id": ({"type": "image", "source_type": "base64", "data": PNG,
                             "mime_type": "image/png", "id": "block-1"},
                            _inline("image/png")),
    "v0 file without its type, with an id": (
        {"type": "file", "source_type": "base64", "data": PDF, "id": "block-1"},
        _inline("application/pdf", PDF)),
    "v0 of v1's fields": ({"type": "audio", "source_type": "base64", "base64": WAV},
                          _inline("audio/wav", WAV)),
    "v0 address of v1's data": ({"type": "image", "source_type": "url", "base64": PNG},
                                _inline("image/png")),
    "v0 text that is not in url": ({"type": "file", "source_type": "text",
                                    "text": "hi"}, {"text": "hi"}),
    "OpenAI: file with LangChain's type": (
        {"type": "file", "mime_type": "application/pdf",
         "file": {"file_data": f"data:application/pdf;base64,{PDF}"}},
        _inline("application/pdf", PDF)),
    "OpenAI: audio with LangChain's type": (
        {"type": "input_audio", "mime_type": "audio/wav",
         "input_audio": {"data": WAV, "format": "wav"}},
        _inline("audio/wav", WAV)),
    "base64 that was not decoded": (
        {"type": "image", "base64": PNG.encode(), "mime_type": "image/png"},
        _inline("image/png")),
    "base64 of base64, with line breaks": (
        {"type": "media", "data": encodebytes(PNG.encode()).decode(),
         "mime_type": "image/png"},
        _inline("image/png")),
    "a text that is base64": (
        {"type": "file", "data": PNG.encode(), "mime_type": "text/plain"},
        _inline("text/plain", _b64(PNG.encode()))),
    "Ollama: base64 where an address belongs": (
        {"type": "image_url", "image_url": PNG}, _inline("image/png")),
    "OpenAI: screenshot": (
        {"type": "computer_screenshot", "image_url": f"data:image/png;base64,{PNG}"},
        _inline("image/png")),
    "Bedrock: guarded text": ({"type": "guard_content", "text": "hi"}, {"text": "hi"}),
    "a data URI where base64 belongs": (
        {"type": "image", "base64": f"data:image/png;base64,{PNG}", "mime_type": "png"},
        _inline("image/png")),
}  # fmt: skip


@pytest.mark.parametrize(("block", "part"), DIALECTS.values(), ids=DIALECTS.keys())
def test_dialects(block: Json, part: Json) -> None:
    assert _parts(block) == [part]
    wrapped = {"type": "non_standard", "value": block}
    assert _parts(wrapped) == [part]


TITLED: dict[str, tuple[Json, list[Json]]] = {
    "Anthropic document": (
        {"type": "document", "title": "T", "context": "C",
         "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
        [{"text": "T\nC"}, _inline("application/pdf", PDF)]),
    "Anthropic text": ({"type": "document", "title": "T", "context": "C",
                        "source": {"type": "text", "media_type": "text/plain",
                                   "data": "hi"}}, [{"text": "T\nC\nhi"}]),
    "Anthropic content": ({"type": "document", "title": "T",
                           "source": {"type": "content",
                                      "content": [{"type": "text", "text": "hi"},
                                                  {"type": "image", "base64": PNG,
                                                   "mime_type": "image/png"}]}},
                          [{"text": "T"}, {"text": "hi"}, _inline("image/png")]),
    "Anthropic content in a word": (
        {"type": "document", "source": {"type": "content", "content": "hi"}},
        [{"text": "hi"}]),
}  # fmt: skip


@pytest.mark.parametrize(("block", "parts"), TITLED.values(), ids=TITLED.keys())
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


@pytest.mark.parametrize(("data", "label", "mime"), TYPES.values(), ids=TYPES.keys())
def test_types(data: str, label: str | None, mime: str | None) -> None:
    block = {"type": "media", "data": data, "mime_type": label}
    if mime is None:
        with pytest.raises(UnsupportedContentError, match=r"doesn't support|contains"):
            _parts(block)
    else:
        assert _parts(block) == [_inline(mime, data)]
    own = {"inlineData": {"mimeType": label, "data": data}}
    assert _parts(own) == [own]  # Google's own words go as they are


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("a.ts", "text/plain"),
        ("a.py", "text/plain"),
        ("A.MD", "text/plain"),
        ("a.wav", "audio/wav"),
        ("a.webp", "image/webp"),
        ("a.tar.pdf", "application/pdf"),
        ("a%2Epdf", "application/pdf"),
    ],
)
def test_types_by_name_are_the_same_on_every_machine(name: str, mime: str) -> None:
    block = {"type": "input_file", "filename": name, "file_data": "AAAA"}
    assert _parts(block) == [_inline(mime, "AAAA")]
    by_address = {"type": "file", "url": f"gs://b/{name}?x=1.png"}
    assert _parts(by_address) == [_file(mime, f"gs://b/{name}?x=1.png")]


URIS: dict[str, tuple[str, Json]] = {
    "capitals": (f"DATA:image/png;BASE64,{PNG}", _inline("image/png")),
    "a space": (f"data:image/png; base64,{PNG}", _inline("image/png")),
    "white space around": (f" data:image/png;base64,{PNG}\n", _inline("image/png")),
    "percents": (f"data:image/png;base64,{PNG.replace('=', '%3D')}",
                 _inline("image/png")),
    "in plain": ("data:text/plain,a%2Cb", _inline("text/plain", _b64(b"a,b"))),
    "nothing but text": ("data:,hi", _inline("text/plain", _b64(b"hi"))),
    "parameters": ("data:audio/L16;rate=24000;base64,AAAA",
                   _inline("audio/L16;rate=24000", "AAAA")),
    "lines": (f"data:image/png;base64,{PNG[:8]}\r\n{PNG[8:]}\n", _inline("image/png")),
}  # fmt: skip


@pytest.mark.parametrize(("uri", "part"), URIS.values(), ids=URIS.keys())
def test_data_uris(uri: str, part: Json) -> None:
    assert _parts({"type": "image_url", "image_url": {"url": uri}}) == [part]
    assert _parts({"type": "file", "url": uri}) == [part]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (10, "10s"),
        (20.5, "20.5s"),
        (0.1, "0.1s"),
        ("1.5s", "1.5s"),
        (timedelta(minutes=1, milliseconds=5), "60.005s"),
        ({"seconds": 20}, "20s"),
        ({"seconds": "5", "nanos": 50_000_000}, "5.05s"),
    ],
)
def test_offsets(given: Any, sent: str) -> None:
    film = {"type": "video", "base64": MP4, "mime_type": "video/mp4"}
    (part,) = _parts({**film, "video_metadata": {"start_offset": given}})
    assert part["videoMetadata"] == {"startOffset": sent}


NOT_OFFSETS: list[Json] = [
    {"start_offset": "1m"},
    {"start_offset": -1},
    {"start_offset": {"seconds": -1}},
    {"start_offset": {"minutes": 1}},
    {"end_offset": "10"},
    {"start_offset": 20, "end_offset": 10},
    {"startOffset": True},
    {"fps": 0},
    {"fps": 25},
]


@pytest.mark.parametrize("metadata", NOT_OFFSETS, ids=str)
def test_offsets_that_are_none(metadata: Json) -> None:
    film = {"type": "video", "base64": MP4, "mime_type": "video/mp4"}
    with pytest.raises(UnsupportedContentError, match="video_metadata"):
        _parts({**film, "video_metadata": metadata})


def test_objects_of_google_genai() -> None:
    film = {"type": "video", "base64": MP4, "mime_type": "video/mp4"}
    notes = {
        "video_metadata": types.VideoMetadata(start_offset="1s", fps=2),
        "media_resolution": types.PartMediaResolution(
            level=types.PartMediaResolutionLevel.MEDIA_RESOLUTION_HIGH
        ),
        "media_processing": "agentic",
    }
    assert _parts({**film, **notes}) == [
        {
            **_inline("video/mp4", MP4),
            "videoMetadata": {"startOffset": "1s", "fps": 2},
            "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"},
            "mediaProcessing": "AGENTIC",
        }
    ]


@pytest.mark.parametrize(
    "url", ["/etc/passwd", "file:///a.png", "C:\\a.png", "s3://b/o.png", "a.png"]
)
@pytest.mark.parametrize("urls", ["inline", "pass"])
def test_addresses_that_google_cannot_reach(url: str, urls: str) -> None:
    block = {"type": "image", "url": url, "mime_type": "image/png"}
    with pytest.raises(UnsupportedContentError, match="unsupported URL"):
        _parts(block, media_urls=urls)


def test_files_of_other_providers() -> None:
    block = {"type": "file", "file_id": "file-1", "mime_type": "application/pdf"}
    with pytest.raises(UnsupportedContentError, match="another provider"):
        _parts(block)


@given(st.binary(min_size=1, max_size=40), st.sampled_from(["", *TYPES]))
def test_any_bytes_are_sent_under_a_type_that_google_takes_or_refused(
    data: bytes, label: str
) -> None:
    block = {"type": "media", "data": data, "mime_type": TYPES.get(label, ("",) * 3)[1]}
    try:
        (part,) = _parts(block)
    except UnsupportedContentError:
        return
    blob = part["inlineData"]
    assert b64decode(blob["data"]) == data
    kind = blob["mimeType"].partition("/")[0]
    assert kind in ("image", "audio", "video") or blob["mimeType"] in (
        "text/plain",
        "application/pdf",
    )


@pytest.mark.parametrize(("block", "part"), BLOCKS.values(), ids=BLOCKS.keys())
def test_blocks(block: Json, part: Json) -> None:
    assert _parts(block) == [part]


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
    (part,) = _parts({"type": "media", "data": data})
    assert part == _inline(mime, _b64(data))


@pytest.mark.parametrize(
    ("url", "mime", "known"),
    [
        ("https://example.com/a.png", None, "image/png"),
        ("https://example.com/a.png?x=1", None, "image/png"),
        ("https://example.com/a", "audio/wav", "audio/wav"),
    ],
)
def test_addresses_that_are_passed_on(url: str, mime: str | None, known: str) -> None:
    block: Json = {"type": "image", "url": url}
    if mime:
        block["mime_type"] = mime
    assert _parts(block, media_urls="pass") == [_file(known, url)]


def test_detail_of_images_before_gemini_3() -> None:
    block = {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"},
    }
    assert _parts(block, model="gemini-2.5-flash") == [_inline("image/png")]


def test_anthropic_addresses() -> None:
    source = {"type": "url", "url": "https://example.com/a"}
    parts = _parts({"type": "document", "source": source}, media_urls="pass")
    assert parts == [_file("application/pdf", "https://example.com/a")]


def test_media_of_the_model() -> None:
    image = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    history = [HumanMessage("draw"), AIMessage([image]), HumanMessage("thanks")]
    assert contents_of(history)[1]["parts"] == [_inline("image/png")]


@every_way
def test_what_was_fetched_arrives_in_its_place(way: Any) -> None:
    """In every way of asking; the files are there, as after an earlier turn."""
    root = "https://files.example"
    FILES.keep(f"{root}/b", (b64decode(PDF), "application/pdf"))
    FILES.keep(f"{root}/a", (b64decode(PNG), "image/png"))
    blocks: list[Any] = [
        {"type": "file", "url": f"{root}/b"},
        {"type": "text", "text": "and"},
        {"type": "image", "url": f"{root}/a"},
        {"type": "file", "url": f"{root}/b"},
    ]
    cloudflare = Cloudflare([answer(text("ok"))])
    way(cloudflare.model(endpoint="gateway"), [HumanMessage(blocks)])
    pdf = _inline("application/pdf", PDF)
    wanted = [pdf, text("and"), _inline("image/png"), pdf]
    assert cloudflare.contents[0]["parts"] == wanted


def test_what_was_fetched_goes_inline() -> None:
    """An address that names its type keeps it; else the server's word counts."""
    media = Media()
    typed: Json = {"type": "image", "url": "https://x/a", "mime_type": "image/webp"}
    blocks = (typed, {**typed, "mime_type": None})
    parts = [part for block in blocks for part in parts_from_media(block, media)]
    for download in media.downloads:
        download.fill(b"abc", "image/png")
    assert parts == [_inline("image/webp", "YWJj"), _inline("image/png", "YWJj")]


def test_what_was_fetched_is_what_its_bytes_are() -> None:
    media = Media()
    parts_from_media({"type": "image", "url": "https://x/a.png"}, media)
    (download,) = media.downloads
    download.fill(b64decode(WEBP), "image/png")
    assert download.part == _inline("image/webp", WEBP)
    for data, label, said in [
        (b"", "image/png", "empty"),
        (b64decode(HTML), "image/png", "HTML page"),
        (b"abc", "application/zip", "application/zip"),
    ]:
        with pytest.raises(UnsupportedContentError, match=said):
            download.fill(data, label)
    download.fill(b"abc", "binary/octet-stream")
    assert download.part == _inline("image/png", "YWJj")  # by its name


def test_what_a_tool_showed_moves_once_its_type_is_known() -> None:
    """Gemini 3 takes a PNG inside of a response, and a GIF beside it."""
    media = Media()
    shown = [{"type": "image", "url": f"https://x/{n}.png"} for n in "ab"]
    call: Any = {"name": "look", "args": {}, "id": "a", "type": "tool_call"}
    history = [
        HumanMessage("hi"),
        AIMessage("", tool_calls=[call]),
        ToolMessage(list(shown), tool_call_id="a"),
    ]
    body = body_from_messages(history, media=media, signs_calls=True)
    first, second = media.downloads
    first.fill(b"GIF89a", "image/png")
    second.fill(b64decode(PNG), "image/png")
    response, beside = body["contents"][-1]["parts"]
    assert response["functionResponse"]["parts"] == [_inline("image/png")]
    assert beside == _inline("image/gif", _b64(b"GIF89a"))


CONVERTED: dict[str, tuple[Json, Json]] = {
    "v0 text": ({"type": "file", "source_type": "text", "text": "hi"}, {"text": "hi"}),
    "OpenAI file, data URI": (
        {"type": "file", "file": {"file_data": f"data:image/png;base64,{PNG}"}},
        _inline("image/png")),
    "OpenAI audio": (
        {"type": "input_audio", "input_audio": {"data": MP3, "format": "mp3"}},
        _inline("audio/mpeg", MP3)),
}  # fmt: skip


@pytest.mark.parametrize(("block", "part"), CONVERTED.values(), ids=CONVERTED.keys())
def test_blocks_that_langchain_core_usually_converts(block: Json, part: Json) -> None:
    assert parts_from_media(block, Media()) == [part]

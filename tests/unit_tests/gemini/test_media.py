"""Media blocks of every dialect as Gemini parts."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from tests.models import Json, contents_of


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


BLOCKS: dict[str, tuple[Json, Json]] = {
    "v1 image": (
        {"type": "image", "base64": PNG, "mime_type": "image/png"},
        _inline("image/png"),
    ),
    "v1 audio": (
        {"type": "audio", "base64": PNG, "mime_type": "audio/wav"},
        _inline("audio/wav"),
    ),
    "v1 video": (
        {"type": "video", "base64": PNG, "mime_type": "video/mp4"},
        _inline("video/mp4"),
    ),
    "v1 file": (
        {"type": "file", "base64": PNG, "mime_type": "application/pdf"},
        _inline("application/pdf"),
    ),
    "v1 text file": (
        {"type": "text-plain", "text": "hi", "mime_type": "text/plain"},
        {"text": "hi"},
    ),
    "v1 text file with title": (
        {"type": "text-plain", "text": "hi", "mime_type": "text/plain", "title": "T"},
        {"text": "T\nhi"},
    ),
    "v1 text file as data": (
        {"type": "text-plain", "base64": PNG, "mime_type": "text/plain"},
        _inline("text/plain"),
    ),
    "v0 image": (
        {
            "type": "image",
            "source_type": "base64",
            "data": PNG,
            "mime_type": "image/png",
        },
        _inline("image/png"),
    ),
    "OpenAI image": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        _inline("image/png"),
    ),
    "OpenAI image, short": (
        {"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"},
        _inline("image/png"),
    ),
    "OpenAI image, detail": (
        {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "high"},
        },
        {
            **_inline("image/png"),
            "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"},
        },
    ),
    "OpenAI audio": (
        {"type": "input_audio", "input_audio": {"data": PNG, "format": "mp3"}},
        _inline("audio/mp3"),
    ),
    "OpenAI audio, other": (
        {"type": "input_audio", "input_audio": {"data": PNG, "format": "flac"}},
        _inline("audio/flac"),
    ),
    "OpenAI file": (
        {
            "type": "file",
            "file": {
                "filename": "a.pdf",
                "file_data": f"data:application/pdf;base64,{PNG}",
            },
        },
        _inline("application/pdf"),
    ),
    "OpenAI file, bare": (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PNG}},
        _inline("application/pdf"),
    ),
    "Anthropic image": (
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
        },
        _inline("image/png"),
    ),
    "Anthropic document": (
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PNG},
        },
        _inline("application/pdf"),
    ),
    "Anthropic text": (
        {"type": "document", "source": {"type": "text", "data": "hi"}},
        {"text": "hi"},
    ),
    "older media": (
        {"type": "media", "data": PNG, "mime_type": "video/mp4"},
        _inline("video/mp4"),
    ),
    "older media, bytes": (
        {"type": "media", "data": b"abc", "mime_type": "video/mp4"},
        _inline("video/mp4", _b64(b"abc")),
    ),
    "older media, address": (
        {"type": "media", "file_uri": "gs://b/o", "mime_type": "video/mp4"},
        _file("video/mp4", "gs://b/o"),
    ),
    "url-safe base64": (
        {"type": "image", "base64": URL_SAFE, "mime_type": "image/png"},
        _inline("image/png", URL_SAFE),
    ),
    "gs": (
        {"type": "file", "url": "gs://b/o.pdf", "mime_type": "application/pdf"},
        _file("application/pdf", "gs://b/o.pdf"),
    ),
    "gs by its name": (
        {"type": "image", "url": "gs://b/o.png"},
        _file("image/png", "gs://b/o.png"),
    ),
    "YouTube": (
        {"type": "video", "url": "https://www.youtube.com/watch?v=x"},
        _file("video/mp4", "https://www.youtube.com/watch?v=x"),
    ),
    "YouTube, short": (
        {"type": "media", "file_uri": "https://youtu.be/x"},
        _file("video/mp4", "https://youtu.be/x"),
    ),
    "file_id": (
        {"type": "file", "file_id": "https://g/files/1", "mime_type": "image/png"},
        _file("image/png", "https://g/files/1"),
    ),
    "Google's own file": (
        {
            "type": "file",
            "url": "https://generativelanguage.googleapis.com/v1beta/files/1",
            "mime_type": "image/png",
        },
        _file("image/png", "https://generativelanguage.googleapis.com/v1beta/files/1"),
    ),
    "video_metadata": (
        {
            "type": "video",
            "base64": PNG,
            "mime_type": "video/mp4",
            "video_metadata": {"start_offset": "1s", "end_offset": "3.5s", "fps": 2},
        },
        {
            **_inline("video/mp4"),
            "videoMetadata": {"startOffset": "1s", "endOffset": "3.5s", "fps": 2},
        },
    ),
    "video_metadata in extras": (
        {
            "type": "video",
            "base64": PNG,
            "mime_type": "video/mp4",
            "extras": {"videoMetadata": {"startOffset": "1s"}},
        },
        {**_inline("video/mp4"), "videoMetadata": {"startOffset": "1s"}},
    ),
    "media_resolution": (
        {
            "type": "image",
            "base64": PNG,
            "mime_type": "image/png",
            "media_resolution": "ultra_high",
        },
        {
            **_inline("image/png"),
            "mediaResolution": {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"},
        },
    ),
    "media_resolution of the wire": (
        {
            "type": "image",
            "base64": PNG,
            "mime_type": "image/png",
            "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
        },
        {**_inline("image/png"), "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
    ),
}


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


def test_what_was_fetched_goes_inline() -> None:
    """An address that names its type keeps it; else the server's word counts."""

    from langchain_cf_gemini._gemini.request.media import Media, part_from_media
    from langchain_cf_gemini._langchain.call import fill_part

    media = Media()
    typed: Json = {"type": "image", "url": "https://x/a", "mime_type": "image/webp"}
    parts = [
        part_from_media(block, media) for block in (typed, {**typed, "mime_type": None})
    ]
    for download in media.downloads:
        fill_part(download, b"abc", "image/png")
    assert parts == [_inline("image/webp", "YWJj"), _inline("image/png", "YWJj")]


CONVERTED: dict[str, tuple[Json, Json]] = {
    "v0 text": ({"type": "file", "source_type": "text", "text": "hi"}, {"text": "hi"}),
    "OpenAI file, data URI": (
        {"type": "file", "file": {"file_data": f"data:image/png;base64,{PNG}"}},
        _inline("image/png"),
    ),
    "OpenAI audio": (
        {"type": "input_audio", "input_audio": {"data": PNG, "format": "mp3"}},
        _inline("audio/mpeg"),
    ),
}


@pytest.mark.parametrize(("block", "part"), CONVERTED.values(), ids=CONVERTED.keys())
def test_blocks_that_langchain_core_usually_converts(block: Json, part: Json) -> None:
    from langchain_cf_gemini._gemini.request.media import Media, part_from_media

    assert part_from_media(block, Media()) == part

"""Offline token estimates, against counts that were recorded."""

import base64
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    trim_messages,
)

from langchain_cf_gemini import UnsupportedContentError
from tests.support.gemini import (
    audio_seconds,
    image_size,
    pdf_pages,
    tokens_from_request,
    tokens_from_text,
    video_seconds,
)
from tests.support.models import (
    Cloudflare,
    Json,
    call,
    calling,
    code,
    printed,
    result,
    silent,
    stored,
    tool_call,
)
from tests.support.recorded import recordings
from tests.support.tables import rows


def body_of(*texts: str, **more: Any) -> Json:
    contents = [
        {"role": "model" if n % 2 else "user", "parts": [{"text": one}]}
        for n, one in enumerate(texts)
    ]
    return {"contents": contents, **more}


_SYSTEM = "You are a helpful coding assistant specializing in Python."
# Prompts and promptTokenCount of Cloudflare's own catalogue pages.
CATALOGUE: dict[str, tuple[Json, int]] = {
    "a question": (body_of("What are the three laws of thermodynamics?"), 8),
    "a system message": (
        body_of("How do I read a JSON file in Python?",
                systemInstruction={"parts": [{"text": _SYSTEM}]}), 20),
    "a conversation": (
        body_of("I need help planning a road trip from San Francisco to Los Angeles.",
                "I'd be happy to help! The drive is about 380 miles and takes roughly "
                "5-6 hours. Would you like suggestions for scenic routes or "
                "interesting stops along the way?",
                "Yes, what are some good places to stop?"), 65),
}  # fmt: skip


@rows("body counted", CATALOGUE)
def test_text_is_close_to_what_google_counted(body: Json, counted: int) -> None:
    assert abs(tokens_from_request(body) - counted) <= max(2, counted * 0.15)


WRITTEN = {
    "": 0, "word": 1, "two words": 2, "internationalisation": 2, "2026": 4, "x_y": 3,
    "a\n\n\nb": 3, '{"a": 1}': 5, "東京都": 2, "Привет": 2, "für Köln": 2,
}  # fmt: skip
_CODE = {"role": "model", "parts": [code("print(1)"), printed("1")]}
BODIES: dict[str, tuple[Json, int]] = {
    "nothing": ({}, 0),
    "no contents": ({"contents": [], "tools": [{"googleSearch": {}}]}, 0),
    "no parts": ({"contents": [{"role": "user"}]}, 1),
    "a call without a name": (
        {"contents": [{"parts": [{"functionCall": {"args": {}}}]}]},
        1,
    ),
    "code and its result": ({"contents": [_CODE]}, 4 + 1 + 1),
}


def test_text_is_counted_by_words_digits_and_signs() -> None:
    assert {said: tokens_from_text(said) for said in WRITTEN} == WRITTEN
    assert tokens_from_text("print(1)") == 4


@rows("body tokens", BODIES)
def test_bodies(body: Json, tokens: int) -> None:
    assert tokens_from_request(body) == tokens


DECLARATION = {
    "name": "get_weather",
    "description": "Get the current weather for a city.",
    "parametersJsonSchema": {"type": "object",
                             "properties": {"city": {"type": "string"}},
                             "required": ["city"]},
}  # fmt: skip


def test_declarations_calls_and_responses_count() -> None:
    plain = body_of("What is the weather in Paris?")
    tools = plain | {"tools": [{"functionDeclarations": [DECLARATION]}]}
    made = call("get_weather", "A" * 5000, args={"city": "Paris"})
    answer = {"functionResponse": {"name": "get_weather", "response": {"sky": ["x"]}}}
    turns = [{"role": "model", "parts": [made]}, {"role": "user", "parts": [answer]}]
    loop = tools | {"contents": [*plain["contents"], *turns]}
    counts = [tokens_from_request(body) for body in (plain, tools, loop)]
    # 49 were recorded for such a declaration and a short question (gemini-2.5-flash).
    assert counts[0] == 8
    assert 45 <= counts[1] <= 60
    assert counts[1] + 8 <= counts[2] <= counts[1] + 30


def test_a_schema_counts_what_it_says_and_not_its_keywords() -> None:
    def count(schema: dict[str, Any]) -> int:
        declared = {"name": "f", "parameters": schema}
        return tokens_from_request({"tools": [{"functionDeclarations": [declared]}]})

    one = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}
    enum = {"type": "OBJECT", "properties": {"a": {"enum": ["x", "y"]}}}
    deep = {"type": "OBJECT", "properties": {"a": {"type": "ARRAY", "items": one}}}
    either = {"properties": {"a": {"anyOf": [one, one]}}}
    named = {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": one}}
    assert count({}) == count({"type": "OBJECT"}) == 1
    longer = {"type": "OBJECT", "properties": {"a_longer_name": {"type": "STRING"}}}
    assert count(enum) == count(one) + 4
    assert count(longer) > count(one)
    assert count(deep) == count(named) > count(one)
    assert count(either) > count(deep)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">II", width, height)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(8)


def jpeg(width: int, height: int) -> bytes:
    exif = b"\xff\xe1" + struct.pack(">H", 1002) + bytes(1000)
    frame = struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + exif + b"\xff\xc0" + frame


def webp_extended(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + size


def webp_lossless(width: int, height: int) -> bytes:
    bits = struct.pack("<I", (width - 1) | (height - 1) << 14)
    return b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + bits


def webp_lossy(width: int, height: int) -> bytes:
    start = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a"
    return start + struct.pack("<HH", width, height)


MAKERS = [png, gif, jpeg, webp_extended, webp_lossless, webp_lossy]


@pytest.mark.parametrize("make", MAKERS, ids=[make.__name__ for make in MAKERS])
def test_an_images_size_is_read_from_its_header(make: Any) -> None:
    assert image_size(make(640, 480)) == (640, 480)
    assert image_size(png(16_384, 9)) == (16_384, 9)


BROKEN_HEADS: dict[str, bytes] = {
    "nothing": b"",
    "a bitmap": b"BM\0\0",
    "PNG": png(9, 9)[:20],
    "GIF": gif(9, 9)[:9],
    "JPEG without a frame": jpeg(9, 9)[:100],
    "JPEG": jpeg(9, 9)[:-12],
    "WebP, extended": webp_extended(9, 9)[:-1],
    "WebP, lossless": webp_lossless(9, 9)[:-1],
    "WebP, lossy": webp_lossy(9, 9)[:-1],
    "WebP of another kind": b"RIFF\0\0\0\0WEBPNONE" + bytes(20),
    "JPEG of a scan": b"\xff\xd8\xff\xda\0\2\0",
    "a side that is too long": png(16_385, 9),
}


@rows("head", BROKEN_HEADS)
def test_a_broken_header_has_no_size(head: bytes) -> None:
    assert image_size(head) is None


def media_body(part: Json, **config: Any) -> Json:
    return {"contents": [{"role": "user", "parts": [part]}], "generationConfig": config}


def inline(kind: str, data: bytes, **more: Any) -> Json:
    return {"inlineData": {"mimeType": kind, "data": b64(data)}, **more}


# 1,290 were recorded for an image of 640 x 480. 960 x 540 is Google's own example:
# 3 x 2 tiles; and the whole image.
TILES = {(384, 384): 1, (10, 10): 1, (640, 480): 5, (960, 540): 7, (4000, 4000): 37}


@pytest.mark.parametrize(("size", "tiles"), TILES.items())
def test_images_count_by_tiles_or_by_resolution(
    size: tuple[int, int], tiles: int
) -> None:
    body = media_body(inline("image/png", png(*size)))
    assert tokens_from_request(body, "gemini-2.5-flash") == tiles * 258 + 1
    assert tokens_from_request(body, "google/gemini-3-flash") == 1120 + 1
    assert tokens_from_request(body) == 1120 + 1


IMAGE, PAPER = "image/png", "application/pdf"


# The request's resolution, the part's own, its type, and its tokens before Gemini 3 and
# since.
RESOLUTIONS: list[tuple[str | None, str | None, str, int, int]] = [
    ("LOW", None, IMAGE, 64, 280),
    ("MEDIUM", None, IMAGE, 1290, 560),
    ("LOW", "ULTRA_HIGH", IMAGE, 1290, 2240),
    ("LOW", None, PAPER, 258, 280),
    (None, "HIGH", PAPER, 258, 1120),
    (None, None, PAPER, 258, 560),
]


@pytest.mark.parametrize("row", RESOLUTIONS, ids=str)
def test_media_resolution_changes_the_rate(row: Any) -> None:
    config, own, kind, older, newer = row
    part = inline(kind, png(640, 480))
    if own:
        part["mediaResolution"] = {"level": f"MEDIA_RESOLUTION_{own}"}
    told = {"mediaResolution": f"MEDIA_RESOLUTION_{config}"} if config else {}
    body = media_body(part, **told)
    assert tokens_from_request(body, "gemini-2.5-pro") == older + 1
    assert tokens_from_request(body, "gemini-3.1-pro") == newer + 1


def wav(seconds: float, rate: int = 32_000, before: bytes = b"") -> bytes:
    """A WAV of this length, bytes a second and chunks before its format."""
    samples = bytes(int(seconds * rate))
    head = struct.pack("<IHHIIHH", 16, 1, 1, rate // 2, rate, 2, 16)
    data = b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF\0\0\0\0WAVE" + before + b"fmt " + head + data


def mp3(seconds: float, head: bytes, rate: int) -> bytes:
    return b"ID3\x04\0\0\0\0\0\0" + head + bytes(int(seconds * rate))


XING = b"\xff\xfb\x50\xc4" + bytes(17) + b"Info\0\0\0\x0f" + struct.pack(">I", 1000)
_JUNK = b"JUNK" + struct.pack("<I", 8000) + bytes(8000)
_ENDS = wav(0, 8_000, _JUNK)[:-12]  # with the last byte of the rate
SOUNDS: dict[str, tuple[bytes, float]] = {
    "WAV": (wav(10), 10),
    "WAV of another rate": (wav(10, 8_000), 10),
    "WAV with a chunk before": (wav(9, 8_000, _JUNK), 10),
    "WAV that says no rate": (wav(1, 32_000).replace(b"\0\x7d\0\0", bytes(4)), 2),
    "WAV without a format": (b"RIFF\0\0\0\0WAVE" + bytes(160_000), 10),
    "WAV that ends with its rate": (_ENDS, 1),
    "WAV that ends within its rate": (_ENDS[:-1], 0.5),
    "MPEG 1, 128 kbit/s": (mp3(10, b"\xff\xfb\x90\xc4", 16_000), 10),
    "MPEG 2, 48 kbit/s": (mp3(10, b"\xff\xf3\x64\xc4", 6_000), 10),
    "variable rate, 1,000 frames": (XING + bytes(5000), 1000 * 1152 / 44_100),
    "128 kbit/s assumed": (b"OggS" + bytes(160_000), 10),
}


@rows("sound seconds", SOUNDS)
def test_a_sounds_length_is_read_from_its_header(sound: bytes, seconds: float) -> None:
    assert audio_seconds(b64(sound)) == pytest.approx(seconds, rel=0.01)


def mp4(seconds: float, *, wide: bool = False) -> bytes:
    layout = ">4sB3xQQIQ" if wide else ">4sB3xIIII"
    box = struct.pack(layout, b"mvhd", wide, 0, 0, 1000, int(seconds * 1000))
    return b"\0\0\0\x18ftypisom" + bytes(500) + box + bytes(40)


@pytest.mark.parametrize(
    ("film", "seconds"),
    [(mp4(12.5), 12.5), (mp4(7, wide=True), 7), (b"\x1aE\xdf\xa3" + bytes(500_000), 2)],
)
def test_a_videos_length_is_read_from_its_header(film: bytes, seconds: float) -> None:
    assert video_seconds(b64(film)) == pytest.approx(seconds, rel=0.01)


BROKEN: dict[str, tuple[str, bytes]] = {
    "PNG of 2 ** 31 pixels": (IMAGE, png(2**31 - 1, 2**31 - 1)),
    "PNG of no width": (IMAGE, png(0, 2**20)),
    "WAV of a byte a second": ("audio/wav", wav(400_000, 1)),
    "MP3 of 4e9 frames": ("audio/mpeg", XING[:-4] + b"\xff\xff\xff\xff"),
    "MP4 of years": (
        "video/mp4",
        b"mvhd" + bytes(12) + struct.pack(">II", 1, 2**32 - 1) + bytes(80)),
}  # fmt: skip


@rows("mime data", BROKEN)
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash"])
def test_broken_headers_do_not_count_for_more_than_google_takes(
    mime: str, data: bytes, model: str
) -> None:
    assert 0 < tokens_from_request(media_body(inline(mime, data)), model) < 4_000_000


def test_files_of_text_count_as_the_text() -> None:
    records = json.dumps([{"name": "Ann", "age": 3}] * 800)
    for mime in ("application/json", "text/plain", "text/csv", "application/x-yaml"):
        tokens = tokens_from_request(media_body(inline(mime, records.encode())))
        assert tokens == tokens_from_text(records) + 1


def _film(seconds: float, **metadata: Any) -> Json:
    noted = {"videoMetadata": metadata} if metadata else {}
    return inline("video/mp4", mp4(seconds), **noted)


def _raw(kind: str, data: str) -> Json:
    return {"inlineData": {"mimeType": kind, "data": data}}


# A part, and its tokens before Gemini 3 and since.
RATES: dict[str, tuple[Json, int, int]] = {
    "sound": (inline("audio/wav", wav(10)), 320, 250),
    "sound with a parameter": (inline("audio/wav; rate=16000", wav(10)), 320, 250),
    # 15,780 and 1,917 were recorded for a minute of video and its sound.
    "a film's address": (stored("video/mp4", "u"), 17_700, 5_700),
    "film": (_film(10), 10 * 263 + 320, 700 + 250),
    "two frames a second": (_film(10, fps=2), 20 * 263 + 320, 1400 + 250),
    "part of a film": (_film(60, startOffset="5s", endOffset="7.5s"), 738, 238),
    "an odd offset": (_film(10, startOffset="soon"), 2950, 950),
    "an image's address": (stored(IMAGE, "u"), 258, 1120),
    "a document's address": (stored(PAPER, "u"), 258, 560),
    "a sound's address": (stored("audio/mpeg", "u"), 1920, 1500),
    "text": (inline("text/plain", b"two words"), 2, 2),
    "text without padding": (_raw("text/plain", "dHdvIHdvcmQ"), 2, 2),
    "an unknown kind": (inline("application/x-unknown", b"??"), 0, 0),
    "no base64": (_raw(IMAGE, "ä"), 258, 1120),
    "half a byte": (_raw(IMAGE, "a"), 258, 1120),
    "within a response": (
        {"functionResponse": {"name": "look", "response": {},
                              "parts": [inline(IMAGE, png(10, 10))]}},
        258 + 1, 1120 + 1),
}  # fmt: skip


@rows("part older newer", RATES)
def test_media_count_by_googles_rates(part: Json, older: int, newer: int) -> None:
    body = media_body(part)
    assert tokens_from_request(body, "gemini-2.5-flash") == older + 1
    assert tokens_from_request(body, "gemini-3.8-flash") == newer + 1


def test_pages_of_a_pdf_are_counted() -> None:
    page = b"<< /Type /Page >>\n"
    assert pdf_pages(b"%PDF-1.4 << /Type /Pages /Count 3 >>" + 3 * page) == 3
    assert pdf_pages(b"%PDF-1.4 << /Type/Pages/Count 12 >>") == 12
    assert pdf_pages(b"%PDF-1.7 all in object streams") == 1
    bookmarks = b"7 0 obj << /Type /Outlines /Count 350 >> endobj "
    tree = b"1 0 obj << /Count 2 /Kids [2 0 R 3 0 R] /Type /Pages >> endobj "
    assert pdf_pages(b"%PDF-1.4 " + bookmarks + tree + 2 * page) == 2
    assert pdf_pages(b"%PDF-1.4 " + tree + bookmarks) == 2
    assert pdf_pages(b"%PDF-1.4 << /Type/Pages/Count 99999999 >>") == 1000


def test_what_is_asked_with_messages_counts() -> None:
    def count(tools: Any = None, **settings: Any) -> int:
        shown = {"type": "image", "base64": b64(png(9, 9)), "mime_type": IMAGE}
        asked = [HumanMessage([shown])]
        return silent(**settings).get_num_tokens_from_messages(asked, tools)

    assert count() == 1120 + 1
    assert count(media_resolution="low") == 280 + 1
    # As JSON Schema, which says more than OpenAPI.
    odd = {"type": "object", "properties": {"a-b": {"not": {"type": "string"}}}}
    declared = {"name": "f", "parametersJsonSchema": odd}
    body = {"tools": [{"functionDeclarations": [declared]}]}
    tools = [{"name": "f", "parameters": odd}]
    assert count(tools) == count() + tokens_from_request(body)


# ---- any slice of a conversation

_THREAD: list[BaseMessage] = [
    SystemMessage("Be brief."),
    HumanMessage(["What is this?", {"type": "image", "url": "https://x.org/pic"}]),
    calling(tool_call(n=1), content="Let me see."),
    result("A cat."),
    AIMessage("It is a cat."),
    HumanMessage("Sure?"),
]


@pytest.mark.parametrize("name", ["gemini-2.5-flash", "gemini-3-flash"])
def test_any_slice_of_a_conversation_counts(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = silent(model=name)
    shown = result([{"type": "image", "url": "https://x.org/pic"}])
    thread = [*_THREAD[:3], shown, *_THREAD[4:]]
    counts = [model.get_num_tokens_from_messages([message]) for message in thread]
    assert all(counts)
    for start in range(len(thread)):
        for end in range(start, len(thread)):
            # `trim_messages(strategy="last")` counts from the end.
            for part in (thread[start : end + 1], thread[start : end + 1][::-1]):
                count = model.get_num_tokens_from_messages(part)
                assert abs(count - sum(counts[start : end + 1])) <= len(part)
    assert model.get_num_tokens_from_messages([]) == 0
    assert caplog.messages == []


def test_a_caller_s_tokenizer_counts_the_texts() -> None:
    model = silent(custom_get_token_ids=lambda text: [0] * 100 * len(text.split()))
    assert model.get_num_tokens("What is") == 200
    counts = [model.get_num_tokens_from_messages([message]) for message in _THREAD]
    # The image counts by its kind; of calls and results, names and values are texts.
    assert counts == [201, 1421, 603, 403, 401, 101]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "file", "file_id": "file-abc"},
        {"type": "image", "base64": "PHN2Zz4=", "mime_type": "image/svg+xml"},
        {"type": "image", "base64": "???", "mime_type": IMAGE},
    ],
)
def test_media_that_is_refused_counts_as_its_kind(block: Json) -> None:
    model = silent()
    assert model.get_num_tokens_from_messages([HumanMessage([block])]) > 500
    with pytest.raises(UnsupportedContentError):
        model.invoke([HumanMessage([block])])


@pytest.mark.parametrize("strategy", ["first", "last"])
@pytest.mark.parametrize("limit", [0, 5, 10, 1_150, 10_000])
def test_trimming_by_our_count(strategy: Any, limit: int) -> None:
    kept = trim_messages(
        _THREAD,
        max_tokens=limit,
        token_counter=silent(),
        strategy=strategy,
        include_system=strategy == "last",
        allow_partial=True,
    )
    assert (kept == _THREAD) == (limit == 10_000)


def test_summaries_by_our_count() -> None:
    """As langchain's middleware counts: slices, with a model that has tools."""
    model = Cloudflare().model()
    counter: Any = model.get_num_tokens_from_messages
    middleware: Any = SummarizationMiddleware(
        model=model, trigger=("tokens", 100), keep=("tokens", 20), token_counter=counter
    )
    state = middleware.before_model({"messages": _THREAD}, None)
    _, summary, *kept = state["messages"]
    assert "ok" in summary.content
    assert [m.content for m in kept] == [m.content for m in _THREAD[2:]]


SHARED = Path(__file__).parents[4] / "shared"
SNAKE = re.compile(
    r'"(system_instruction|function_declarations|parameters_json_schema|function_call'
    r'|function_response|inline_data|mime_type|file_data|file_uri|thought_signature)":'
)


def camel(match: re.Match[str]) -> str:
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), match[0])


def recorded_requests() -> Iterator[tuple[str, Json, int]]:
    """Recorded requests to the catalogue's families, without what cannot be known."""
    for case in recordings():
        body, count = case.request, prompt_count(case.data["response"])
        if not body or not count or case.provenance != "recorded":
            continue
        wire = SNAKE.sub(camel, json.dumps(body))
        if "2.0" not in case.model and is_known(case.endpoint, wire):
            yield case.model, json.loads(wire), count
    for path in sorted((SHARED / "exchanges").glob("*.json")):
        case = json.loads(path.read_text())
        count = case["response"]["usageMetadata"]["promptTokenCount"]
        yield case["request"]["model"], case["request"]["input"], count


def prompt_count(response: Any) -> int | None:
    chunks = response if isinstance(response, list) else [response]
    usages = [c.get("usageMetadata") or {} for c in chunks if isinstance(c, dict)]
    counts = [usage.get("promptTokenCount") for usage in usages]
    return next((count for count in reversed(counts) if count), None)


def is_known(endpoint: str, wire: str) -> bool:
    if any(word in wire for word in ("fileUri", "cachedContent", "toolResponse")):
        return False
    tools = json.loads(wire).get("tools") or []
    built_in = [
        key for tool in tools for key, value in tool.items() if value is not None
    ]
    if set(built_in) - {"functionDeclarations"}:
        return False
    # The Gemini API counts the thoughts behind signatures, Vertex does not.
    signed = re.search(r'"thoughtSignature": "[^"]{100}', wire)
    return "aiplatform" in endpoint or signed is None


def test_the_documented_error_bounds_hold() -> None:
    errors = sorted(
        abs(tokens_from_request(body, model) - count) / count
        for model, body, count in recorded_requests()
    )
    if len(errors) < 50:
        pytest.skip(f"{len(errors)} recordings are too few for a median")
    assert median(errors) <= 0.09
    assert errors[int(len(errors) * 0.9)] <= 0.25

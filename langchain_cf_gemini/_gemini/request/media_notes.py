"""What stands beside media: which piece of a film, at which resolution."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from langchain_cf_gemini._gemini.json_values import is_number
from langchain_cf_gemini._gemini.vocabulary import Json, camel_keys
from langchain_cf_gemini.exceptions import UnsupportedContentError

_LEVELS = ("LOW", "MEDIUM", "HIGH", "ULTRA_HIGH")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_DURATION = re.compile(r"\d+(\.\d{1,9})?s")
_MOST_FPS = 24  # https://ai.google.dev/api/generate-content#VideoMetadata
_OFFSETS = ("startOffset", "endOffset")


def note_on_part(part: Json, notes: Mapping[str, Any], *, per_part: bool) -> None:
    """Write down beside a part's media how it is to be read.

    Args:
        part: The part.
        notes: What the block said: `video_metadata`, `media_resolution`, `detail` and
            `media_processing`.
        per_part: Whether the model has a resolution for each part.

    Raises:
        UnsupportedContentError: If a note is none that Google knows.
    """
    notes = camel_keys(notes)
    if video := notes.get("videoMetadata"):
        part["videoMetadata"] = _video_metadata(video)
    level = notes.get("mediaResolution")
    if level is None and per_part and notes.get("detail") in ("low", "high"):
        level = notes["detail"]
    if level:
        part["mediaResolution"] = _media_resolution(level)
    if processing := notes.get("mediaProcessing"):
        part["mediaProcessing"] = str(processing).upper()


def _video_metadata(video: Any) -> Json:
    if not isinstance(video, Mapping):
        raise UnsupportedContentError(
            f"video_metadata must be an object, not {video!r}"
        )
    made = camel_keys(video)
    for key in _OFFSETS:
        if made.get(key) is not None:
            made[key] = _duration(key, made[key])
    start, end = (float(str(made.get(key) or 0)[:-1] or 0) for key in _OFFSETS)
    if made.get("endOffset") is not None and end <= start:
        raise UnsupportedContentError(
            f"video_metadata ends at {end:g}s, which is not after {start:g}s"
        )
    if (fps := made.get("fps")) is not None:
        _check_fps(fps)
    return {key: value for key, value in made.items() if value is not None}


def _check_fps(fps: Any) -> None:
    number = _NUMBER.fullmatch(str(fps))
    if not number or not 0 < float(number[0]) <= _MOST_FPS:
        raise UnsupportedContentError(
            f"The fps of video_metadata must be above 0 and at most {_MOST_FPS}, not "
            f"{fps!r}."
        )


def _duration(name: str, value: Any) -> str:
    """Write seconds as protobuf's Duration: `10s`, `20.5s`."""
    if isinstance(value, Mapping) and value.keys() <= {"seconds", "nanos"}:
        number = f"{value.get('seconds') or 0}.{value.get('nanos') or 0:0>9}"
        value = number.rstrip("0").rstrip(".") + "s"
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if is_number(value) and value >= 0:
        value = f"{value:.9f}".rstrip("0").rstrip(".") + "s"
    text = f"{value}"
    if not _DURATION.fullmatch(text):
        raise UnsupportedContentError(
            f"video_metadata's {name} must be seconds from 0 (10, 20.5, '10s') or a "
            f"timedelta, not {value!r}"
        )
    return text


def _media_resolution(level: Any) -> Json:
    said: Json = dict(level) if isinstance(level, Mapping) else {"level": level}
    word = str(getattr(said.get("level"), "value", said.get("level"))).upper()
    word = word.removeprefix("MEDIA_RESOLUTION_")
    if word not in _LEVELS:
        raise UnsupportedContentError(
            f"media_resolution {level!r} is none of {', '.join(_LEVELS).lower()}"
        )
    return {**said, "level": f"MEDIA_RESOLUTION_{word}"}

"""Media types: what bytes, labels and names say, in the words that Google takes.

Bytes beat labels, labels beat names. What Google reads as text is `text/plain`: Vertex
takes no other type of text. The types are those of
https://ai.google.dev/gemini-api/docs/file-input-methods and of Vertex AI's pages on
images, audio, video and documents.
"""

import json
import re
from importlib.resources import files
from urllib.parse import unquote

TEXT = "text/plain"
_OFFICE = re.compile(
    r"application/(msword|vnd\.ms-|vnd\.openxmlformats-|vnd\.oasis\.opendocument)"
)
_SOURCE = re.compile(
    r"text/.+|application/(.+\+)?(json|xml|yaml|toml|sql|jsonl|x-ndjson|javascript"
    r"|ecmascript|typescript|graphql|rtf|x-(yaml|toml|sh|python|javascript|typescript"
    r"|httpd-php|ndjson|sql|latex|tex|subrip|www-form-urlencoded))"
)
_NO_TYPE = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "unknown/unknown"}
    | {"application/x-download", "application/force-download", "application/binary"}
)
_DATA = json.loads(files(__package__).joinpath("media_types.json").read_bytes())
_TAKEN = {kind: frozenset(names.split()) for kind, names in _DATA["taken"].items()}


def _by_word(table: str) -> dict[str, str]:
    """Turn a row of words for each type into a type for each word."""
    return {word: mime for mime, all_ in _DATA[table].items() for word in all_.split()}


_ALIASES = _by_word("aliases")
"""What people and servers write for a type that Google knows by another name."""
_WORDS = _by_word("names")
"""What an extension, or a type without its kind (`png`), stands for: our own table, as
Python's reads the machine's (`.ts` is a film there, `.wav` has two names)."""
_CONTAINERS = {mime: others.split() for mime, others in _DATA["containers"].items()}
"""Types that hold sound or film, which their first bytes do not tell: labels do."""

_SIGNATURES: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), mime)
    for pattern, mime in (
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"RIFF....WEBP", "image/webp"),
        (rb"RIFF....WAVE", "audio/wav"),
        (rb"RIFF....AVI ", "video/x-msvideo"),
        (rb"....ftyp(heic|heix|heim|heis|hevc|hevx)", "image/heic"),
        (rb"....ftyp(mif1|msf1)", "image/heif"),
        (rb"....ftypavi[fs]", "image/avif"),
        (rb"....ftypM4[AB]", "audio/m4a"),
        (rb"....ftypqt", "video/quicktime"),
        (rb"....ftyp3g", "video/3gpp"),
        (rb"....ftyp", "video/mp4"),
        (rb"[\s\xef\xbb\xbf]*%PDF", "application/pdf"),
        (rb"ID3|\xff[\xfa\xfb\xf2\xf3\xe2\xe3]", "audio/mpeg"),
        (rb"\xff[\xf0\xf1\xf8\xf9]", "audio/aac"),
        (rb"OggS", "audio/ogg"),
        (rb"fLaC", "audio/flac"),
        (rb"FORM....AIF[FC]", "audio/aiff"),
        (rb"\x1aE\xdf\xa3.{0,64}matroska", "video/x-matroska"),
        (rb"\x1aE\xdf\xa3", "video/webm"),
        (rb"FLV\x01", "video/x-flv"),
        (rb"0&\xb2u\x8ef\xcf\x11", "video/wmv"),
        (rb"\x00\x00\x01[\xba\xb3]", "video/mpeg"),
        (rb"BM....\x00\x00\x00\x00", "image/bmp"),
        (rb"II\*\x00|MM\x00\*", "image/tiff"),
        (rb"PK\x03\x04", "application/zip"),
        (rb"\x1f\x8b\x08", "application/gzip"),
        (rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg[\s>]", "image/svg+xml"),
        (rb"(?i:[\s\xef\xbb\xbf]*<(!doctype\s+html|html[\s>]))", "text/html"),
    )
)
_WRITTEN = frozenset({"image/svg+xml", "text/html"})  # source text, if one says so


def type_from_label(label: object) -> str | None:
    """Return the type that somebody wrote, in Google's spelling; None if it is none.

    Parameters stay where they mean something: `audio/L16;rate=24000`.
    """
    first = str(label or "").split(",")[0]
    mime, *parameters = (word.strip() for word in first.split(";"))
    word = mime.lower().lstrip(".")
    word = _ALIASES.get(word, word) if "/" in word else _WORDS.get(word, "")
    if word in _NO_TYPE or word.endswith("/*"):
        return None
    if _SOURCE.fullmatch(word):
        return TEXT
    if word.startswith("audio/") and any(parameters):
        spelled = mime if mime.lower() == word else word
        return ";".join([spelled, *filter(None, parameters)])
    return word


def type_from_name(name: object) -> str | None:
    """Return the type that the extension of a file's name or path stands for."""
    last = unquote(str(name or "")).replace("\\", "/").rpartition("/")[2]
    return _WORDS.get(last.rpartition(".")[2].lower())


def type_from_bytes(data: bytes, label: str | None = None) -> str | None:
    """Return the type that the first bytes show; the label where both can be true."""
    named = (label or "").partition(";")[0].lower()
    for signature, mime in _SIGNATURES:
        if signature.match(data):
            both = (
                named in _CONTAINERS.get(mime, ())
                or (mime == "application/zip" and _OFFICE.match(named))
                or (mime in _WRITTEN and named == TEXT)
            )
            return label if both or named == mime else mime
    return label


def is_taken(mime: str, *, office: bool = False) -> bool:
    """Tell whether Google takes a type.

    Args:
        mime: The type, with or without parameters.
        office: Whether the model reads Office files.
    """
    kind, _, name = mime.partition(";")[0].strip().lower().partition("/")
    if kind in _TAKEN:
        return name in _TAKEN[kind]
    return mime == "application/pdf" or bool(office and _OFFICE.match(mime))

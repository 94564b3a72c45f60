"""Media types: what bytes, labels and names say, in the words that Google takes.

Bytes beat labels, labels beat names. What Google reads as text is `text/plain`: Vertex
takes no other type of text. The types are those of
https://ai.google.dev/gemini-api/docs/file-input-methods and of Vertex AI's pages on
images, audio, video and documents.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

TEXT = "text/plain"
_TAKEN = {
    kind: frozenset(names.split())
    for kind, names in {
        "image": "png jpeg webp heic heif gif avif",
        "audio": "wav mp3 mpeg mpga aiff aac x-aac ogg opus flac m4a mp4 pcm l16 basic "
        "webm",
        "video": "mp4 mpeg mpg mpegps quicktime mov avi x-msvideo x-flv webm wmv 3gpp",
        "text": "plain",
    }.items()
}
_OPENXML = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"
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
# What people and servers write for a type that Google knows by another name.
_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/jfif": "image/jpeg",
    "image/x-png": "image/png",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/x-m4a": "audio/m4a",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/x-ogg": "audio/ogg",
    "application/ogg": "audio/ogg",
    "audio/pcm16": "audio/pcm",
    "video/x-m4v": "video/mp4",
    "video/m4v": "video/mp4",
    "video/x-ms-wmv": "video/wmv",
    "video/flv": "video/x-flv",
    "video/msvideo": "video/x-msvideo",
    "video/3gp": "video/3gpp",
    "application/x-pdf": "application/pdf",
    "application/mp4": "video/mp4",
}
_WORDS = {
    word: mime
    for mime, words in {
        TEXT: "txt text md markdown rst log csv tsv json jsonl ndjson xml html htm "
        "xhtml css scss yaml yml toml ini cfg conf env properties py pyi ipynb js mjs "
        "cjs jsx ts tsx vue svelte java kt kts scala groovy c h cc cpp hpp cxx cs go "
        "rs rb php pl lua r jl swift m mm dart ex exs erl hs ml clj lisp sql graphql "
        "proto sh bash zsh fish ps1 bat tex bib srt vtt diff patch gradle cmake "
        "makefile dockerfile tf asm s rtf",
        "image/jpeg": "jpg jpeg jpe jfif",
        "image/svg+xml": "svg",
        "image/tiff": "tif tiff",
        "audio/mpeg": "mp3 mpga",
        "audio/ogg": "ogg oga",
        "audio/aiff": "aif aiff",
        "audio/pcm": "pcm pcm16",
        "audio/L16": "l16",
        "video/mp4": "mp4 m4v",
        "video/mpeg": "mpeg mpg",
        "video/quicktime": "mov",
        "video/x-msvideo": "avi",
        "video/x-flv": "flv",
        "video/x-matroska": "mkv",
        "video/3gpp": "3gp 3gpp",
        **{f"image/{word}": word for word in ("png", "webp", "heic", "heif", "gif")},
        **{f"image/{word}": word for word in ("avif", "bmp")},
        **{f"audio/{word}": word for word in ("wav", "flac", "aac", "opus", "m4a")},
        **{f"video/{word}": word for word in ("webm", "wmv")},
        "application/pdf": "pdf",
        "application/zip": "zip",
        "application/msword": "doc",
        "application/vnd.ms-excel": "xls",
        "application/vnd.ms-powerpoint": "ppt",
        f"{_OPENXML}.wordprocessingml.document": "docx",
        f"{_OPENXML}.spreadsheetml.sheet": "xlsx",
        f"{_OPENXML}.presentationml.presentation": "pptx",
        f"{_ODF}.text": "odt",
        f"{_ODF}.spreadsheet": "ods",
        f"{_ODF}.presentation": "odp",
    }.items()
    for word in words.split()
}
"""What an extension, or a type without its kind (`png`), stands for: our own table, as
Python's reads the machine's (`.ts` is a film there, `.wav` has two names)."""

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
# Containers hold sound or film, which their first bytes do not tell: labels do.
_CONTAINERS: Mapping[str, frozenset[str]] = {
    "video/mp4": frozenset(
        {"audio/mp4", "audio/m4a", "audio/aac", "video/quicktime", "video/3gpp"}
        | {"video/mov"}
    ),
    "video/quicktime": frozenset({"video/mp4", "video/mov"}),
    "audio/m4a": frozenset({"audio/mp4", "audio/aac", "audio/x-aac"}),
    "video/3gpp": frozenset({"video/mp4", "audio/3gpp"}),
    "video/webm": frozenset({"audio/webm", "audio/opus"}),
    "audio/ogg": frozenset({"audio/opus"}),
    "audio/mpeg": frozenset({"audio/mp3", "audio/mpga"}),
    "audio/aac": frozenset({"audio/x-aac"}),
    "audio/wav": frozenset({"audio/l16", "audio/pcm"}),
    "video/mpeg": frozenset({"video/mpg", "video/mpegps"}),
    "video/x-msvideo": frozenset({"video/avi"}),
    "image/heic": frozenset({"image/heif"}),
    "image/heif": frozenset({"image/heic", "image/avif"}),
}


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

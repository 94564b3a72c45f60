"""Proto JSON: read a request body as Google's servers do, in Google's words.

The server takes camelCase and snake_case, enums in any case or as numbers, 64-bit
integers as strings, and null for "not set" (all seen in recorded requests that were
answered with 200). It refuses unknown names and wrong types. The result is the same
request in camelCase with enums in upper case, so that every rule reads one spelling.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic.alias_generators import to_camel, to_pascal, to_snake

from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._refusals import google_refusal

PREFIX = "GoogleCloudAiplatformV1beta1"
_TYPE_URL = "type.googleapis.com/google.cloud.aiplatform.v1beta1"
_STRUCT = "type.googleapis.com/google.protobuf.Struct"


_LEFT_OUT: Any = object()
MAX_DEPTH = 100  # protobuf's own limit for JSON
snake_case = cache(to_snake)

# Fields that one backend has and the other has not, by type; None takes a field of
# Vertex away. The published schema is Vertex AI's, which answers behind `/ai/run`; the
# gateway's google-ai-studio path and Google's own lead to the Gemini API. Sources: the
# converters of google-genai 2.34.0, which refuse such fields for the other backend, the
# Gemini API's protos (google/ai/generativelanguage/v1beta), and recorded requests.
# The published schema is of 6 November 2026; gemini-4-hydrogen, of the 12th, brought a
# thinking level more.
_NEWER = packaged("gemini")["newer_fields"]
BACKEND_FIELDS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "vertex": _NEWER,
    "gemini_api": {**_NEWER, **packaged("gemini")["gemini_api_fields"]},
}


def published_schema() -> Mapping[str, Any]:
    """The packaged schema of GenerateContent; its `$comment` names the revision."""
    return packaged("vertex_generate_content")


def depth(value: Any) -> int:
    """How many lists and objects stand in each other."""
    found, level = 0, [value]
    while level:
        holders = [node for node in level if isinstance(node, dict | list)]
        found += bool(holders)
        inside = (n.values() if isinstance(n, dict) else n for n in holders)
        level = [item for items in inside for item in items]
    return found


def canonical_body(
    body: Mapping[str, Any],
    *,
    extras: Mapping[str, Mapping[str, Any]] | None = None,
    lenient: bool = False,
) -> dict[str, Any]:
    """The body in one spelling.

    Args:
        body: JSON of the request.
        extras: Fields that a backend takes beyond the published schema, by type; None
            takes a published one away.
        lenient: Keep unknown names and leave out wrong types instead of refusing them.

    Raises:
        Refusal: If the schema does not allow the body and `lenient` is off, or if it
            is nested too deep to be read.
    """
    if depth(body) > MAX_DEPTH:
        said = "Invalid JSON payload received. Message too deep."
        raise google_refusal(said, rule="depth")
    reader = _Reader(extras or {})
    read = reader.message("GenerateContentRequest", body, "")
    if reader.violations and not lenient:
        kind = "type.googleapis.com/google.rpc.BadRequest"
        raise google_refusal(
            "\n".join(each["description"] for each in reader.violations),
            details=[{"@type": kind, "fieldViolations": reader.violations}],
            rule="schema",
        )
    return read if isinstance(read, dict) else {}


class _Reader:
    """Reads values by their published types, and notes what these do not allow.

    A path is Google's, such as `contents[0].parts[1].inline_data`.
    """

    def __init__(self, extras: Mapping[str, Mapping[str, Any]]) -> None:
        self.violations: list[dict[str, str]] = []
        self._types = published_schema()["$defs"]
        self._extras = extras

    def message(self, short: str, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self._refuse(f"{_TYPE_URL}.{short}", value, path)
        # Google's common types (LatLng) stand beside those of the API.
        published = (self._types.get(PREFIX + short) or self._types[short])[
            "properties"
        ]
        fields = {**published, **self._extras.get(short, {})}
        known = {name: kind for name, kind in fields.items() if kind is not None}
        return dict(self._members(known, value, path))

    def _members(
        self, known: Mapping[str, Any], value: dict[str, Any], path: str
    ) -> Iterator[tuple[str, Any]]:
        spelled = {snake_case(name): name for name in known}
        for given, item in value.items():
            name = spelled.get(given, given)
            if name not in known:
                self._unknown(given, path)
                yield given, item
            elif item is not None:
                inside = f"{path}.{snake_case(name)}" if path else snake_case(name)
                read = self._value(known[name], item, inside)
                if read is not _LEFT_OUT:
                    yield name, read

    def _value(self, schema: Mapping[str, Any], value: Any, path: str) -> Any:
        if not schema:
            return value
        if "items" in schema:
            # A single value stands for a list of one in Google's reader: its own REST
            # examples write `"parts": {"text": ...}`.
            items = value if isinstance(value, list) else [value]
            places = {i: (f"{path}[{i}]", item) for i, item in enumerate(items)}
            return list(self._read(schema["items"], places).values())
        if "additionalProperties" in schema:
            return self._map(schema["additionalProperties"], value, path)
        if isinstance(value, list):
            above, name = _place(path)
            reason = "Proto field is not repeating, cannot start list."
            return self._unknown(to_camel(name), above, reason)
        if "$ref" in schema:
            named = schema["$ref"].rpartition("/")[2].removeprefix(PREFIX)
            return self.message(named, value, path)
        return self._scalar(schema, value, path)

    def _map(self, schema: Mapping[str, Any], value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self._refuse(_STRUCT, value, path)
        keys = enumerate(value.items())
        places = {key: (f"{path}[{i}].value", item) for i, (key, item) in keys}
        return self._read(schema, places)

    def _read(
        self, schema: Mapping[str, Any], places: Mapping[Any, tuple[str, Any]]
    ) -> dict[Any, Any]:
        """What stands at these paths, without what is of the wrong type."""
        read = {
            key: self._value(schema, item, path) for key, (path, item) in places.items()
        }
        return {key: item for key, item in read.items() if item is not _LEFT_OUT}

    def _scalar(self, schema: Mapping[str, Any], value: Any, path: str) -> Any:
        if "enum" in schema:
            name = to_pascal(_place(path)[1])
            kind, convert = f"{_TYPE_URL}.{name}", _enum(schema["enum"])
        else:
            kind, convert = _SCALARS[schema.get("format") or schema["type"]]
        try:
            return convert(value)
        except binascii.Error:
            said = f'Base64 decoding failed for "{value[:40]}"'
            return self._note(f"Invalid value at '{path}' (TYPE_BYTES), {said}", path)
        except (TypeError, ValueError, OverflowError):
            return self._refuse(kind, value, path)

    def _refuse(self, kind: str, value: Any, path: str) -> Any:
        shown = json.dumps(value, ensure_ascii=False)[:200]
        return self._note(f"Invalid value at '{path}' ({kind}), {shown}", path)

    def _unknown(self, name: str, path: str, reason: str = "Cannot find field.") -> Any:
        where = f'Unknown name "{name}"' + (f" at '{path}'" if path else "")
        return self._note(f"Invalid JSON payload received. {where}: {reason}", path)

    def _note(self, said: str, path: str) -> Any:
        """Note a value that is not allowed; it is left out."""
        self.violations.append({"field": path, "description": said})
        return _LEFT_OUT


def _place(path: str) -> tuple[str, str]:
    """Where a field stands, and its name without an index."""
    above, _, name = path.rpartition(".")
    return above, name.partition("[")[0]


Convert = Callable[[Any], Any]


def _enum(names: list[str]) -> Convert:
    def convert(value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return names[value] if 0 <= value < len(names) else value
        return names[names.index(value.upper() if isinstance(value, str) else value)]

    return convert


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return value if isinstance(value, int | float) else float(value)


def _whole(bits: int) -> Convert:
    def convert(value: Any) -> int:
        number = float(_number(value))
        if not number.is_integer() or abs(number) >= 1 << (bits - 1):
            raise ValueError
        return int(number)

    return convert


def _typed(kind: type) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError
        return value

    return convert


def bytes_from_base64(text: str) -> bytes | None:
    """The bytes of either alphabet, padded or not; None if it is not base64."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _base64(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    if bytes_from_base64(value) is None:
        raise binascii.Error
    return value


_TEXT, _DOUBLE = ("TYPE_STRING", _typed(str)), ("TYPE_DOUBLE", _number)
_SCALARS: Mapping[str, tuple[str, Convert]] = {
    "boolean": ("TYPE_BOOL", _typed(bool)),
    "byte": ("TYPE_BYTES", _base64),
    "integer": ("TYPE_INT32", _whole(32)),
    "int32": ("TYPE_INT32", _whole(32)),
    "uint32": ("TYPE_UINT32", _whole(33)),
    "int64": ("TYPE_INT64", _whole(64)),
    **dict.fromkeys(("number", "float", "double"), _DOUBLE),
    **dict.fromkeys(("string", "google-duration", "google-datetime"), _TEXT),
}

"""Proto JSON: read a request body as Google's servers do, in Google's words.

The server takes camelCase and snake_case, enums in any case or as numbers, 64-bit
integers as strings, and null for "not set" (all seen in recorded requests that were
answered with 200). It refuses unknown names and wrong types. The result is the same
request in camelCase with enums in upper case, so that every rule reads one spelling.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._refusals import Refusal, google_refusal

PREFIX = "GoogleCloudAiplatformV1beta1"
_TYPE_URL = "type.googleapis.com/google.cloud.aiplatform.v1beta1"


_LEFT_OUT: Any = object()
MAX_DEPTH = 100  # protobuf's own limit for JSON


class Violation(NamedTuple):
    """One thing that a body says and the schema does not allow."""

    field: str
    message: str


class Field(NamedTuple):
    """Where a value stands by Google's path, and what was found wrong so far."""

    path: str
    name: str
    found: list[Violation]

    def at(self, name: str) -> "Field":
        """The field below this one."""
        path = f"{self.path}.{snake_case(name)}" if self.path else snake_case(name)
        return self._replace(path=path, name=name)

    def item(self, index: int, suffix: str = "") -> "Field":
        """The item of this list or map."""
        return self._replace(path=f"{self.path}[{index}]{suffix}")

    def refuse(self, kind: str, value: Any) -> Any:
        """Note a value of the wrong type; it is left out."""
        shown = json.dumps(value, ensure_ascii=False)[:200]
        text = f"Invalid value at '{self.path}' ({kind}), {shown}"
        self.found.append(Violation(self.path, text))
        return _LEFT_OUT

    def refuse_list(self) -> Any:
        """Note a list where one value belongs."""
        above = self._replace(path=self.path.rpartition(".")[0])
        above.unknown(self.name, "Proto field is not repeating, cannot start list.")
        return _LEFT_OUT

    def unknown(self, name: str, reason: str = "Cannot find field.") -> None:
        """Note a name that the type does not have."""
        where = f" at '{self.path}'" if self.path else ""
        text = f'Invalid JSON payload received. Unknown name "{name}"{where}: {reason}'
        self.found.append(Violation(self.path, text))


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


def snake_case(name: str) -> str:
    """`functionCall` -> `function_call`."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def camel_case(name: str) -> str:
    """`function_call` -> `functionCall`."""
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


def canonical_body(
    body: Mapping[str, Any],
    type_name: str = "GenerateContentRequest",
    *,
    extras: Mapping[str, Mapping[str, Any]] | None = None,
    lenient: bool = False,
) -> dict[str, Any]:
    """The body in one spelling.

    Args:
        body: JSON of the request.
        type_name: Short name of its type in the published schema.
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
    found: list[Violation] = []
    reader = _Reader(extras or {})
    top = Field("", "", found)
    read = reader.message(PREFIX + type_name, body, top)
    if found and not lenient:
        raise _refusal(found)
    return read if isinstance(read, dict) else {}


def _refusal(found: list[Violation]) -> Refusal:
    violations = [{"field": v.field, "description": v.message} for v in found]
    return google_refusal(
        "\n".join(v.message for v in found),
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": violations,
            }
        ],
        rule="schema",
    )


class _Reader:
    """Reads values by their published types."""

    def __init__(self, extras: Mapping[str, Mapping[str, Any]]) -> None:
        self._types = published_schema()["$defs"]
        self._extras = extras

    def message(self, type_name: str, value: Any, field: Field) -> Any:
        short = type_name.removeprefix(PREFIX)
        if not isinstance(value, dict):
            return field.refuse(f"{_TYPE_URL}.{short}", value)
        fields = {**self._types[type_name]["properties"], **self._extras.get(short, {})}
        known = {name: kind for name, kind in fields.items() if kind is not None}
        return dict(self._members(known, value, field))

    def _members(
        self, known: Mapping[str, Any], value: dict[str, Any], field: Field
    ) -> Iterator[tuple[str, Any]]:
        for name, item in value.items():
            camel = name if name in known else camel_case(name)
            if camel not in known:
                field.unknown(name)
                yield name, item
            elif item is not None:
                read = self.value(known[camel], item, field.at(camel))
                if read is not _LEFT_OUT:
                    yield camel, read

    def value(self, schema: Mapping[str, Any], value: Any, field: Field) -> Any:
        if "$ref" in schema:
            if isinstance(value, list):
                return field.refuse_list()
            return self.message(schema["$ref"].rpartition("/")[2], value, field)
        if "items" in schema:
            return self._list(schema["items"], value, field)
        if "additionalProperties" in schema:
            return self._map(schema["additionalProperties"], value, field)
        return _scalar(schema, value, field)

    def _list(self, schema: Mapping[str, Any], value: Any, field: Field) -> Any:
        # A single value stands for a list of one in Google's reader: its own REST
        # examples write `"parts": {"text": ...}`.
        if not isinstance(value, list):
            value = [value]
        read = [self.value(schema, item, field.item(i)) for i, item in enumerate(value)]
        return [item for item in read if item is not _LEFT_OUT]

    def _map(self, schema: Mapping[str, Any], value: Any, field: Field) -> Any:
        if not isinstance(value, dict):
            return field.refuse("type.googleapis.com/google.protobuf.Struct", value)
        if not schema:
            return value
        read = {
            key: self.value(schema, item, field.item(index, ".value"))
            for index, (key, item) in enumerate(value.items())
        }
        return {key: item for key, item in read.items() if item is not _LEFT_OUT}


def _scalar(schema: Mapping[str, Any], value: Any, field: Field) -> Any:
    if not schema:
        return value
    if isinstance(value, list):
        return field.refuse_list()
    if "enum" in schema:
        return _enum(schema["enum"], value, field)
    kind = schema.get("format") or schema["type"]
    return _READERS[kind](value, field)


def _enum(names: list[str], value: Any, field: Field) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return names[value] if 0 <= value < len(names) else value
    if isinstance(value, str) and value.upper() in names:
        return value.upper()
    return field.refuse(f"{_TYPE_URL}.{field.name[:1].upper()}{field.name[1:]}", value)


def _number(value: Any, field: Field) -> Any:
    try:
        if not isinstance(value, bool):
            return value if isinstance(value, int | float) else float(value)
    except (TypeError, ValueError):
        pass
    return field.refuse("TYPE_DOUBLE", value)


def _integer(bits: int) -> Callable[[Any, Field], Any]:
    def read(value: Any, field: Field) -> Any:
        try:
            whole = int(float(value)) if float(value).is_integer() else None
        except (TypeError, ValueError, OverflowError):
            whole = None
        if whole is None or isinstance(value, bool) or abs(whole) >= 1 << (bits - 1):
            return field.refuse(f"TYPE_INT{bits}", value)
        return whole

    return read


def _typed(kind: type, name: str) -> Callable[[Any, Field], Any]:
    def read(value: Any, field: Field) -> Any:
        return value if isinstance(value, kind) else field.refuse(name, value)

    return read


def bytes_from_base64(text: str) -> bytes | None:
    """The bytes of either alphabet, padded or not; None if it is not base64."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _bytes(value: Any, field: Field) -> Any:
    if not isinstance(value, str):
        return field.refuse("TYPE_BYTES", value)
    if bytes_from_base64(value) is not None:
        return value
    text = f"Invalid value at '{field.path}' (TYPE_BYTES), Base64 decoding failed"
    field.found.append(Violation(field.path, f'{text} for "{value[:40]}"'))
    return _LEFT_OUT


_text = _typed(str, "TYPE_STRING")
_READERS: Mapping[str, Callable[[Any, Field], Any]] = {
    "boolean": _typed(bool, "TYPE_BOOL"),
    "byte": _bytes,
    "integer": _integer(32),
    "int32": _integer(32),
    "uint32": _integer(33),
    "int64": _integer(64),
    **dict.fromkeys(("number", "float", "double"), _number),
    **dict.fromkeys(("string", "google-duration", "google-datetime"), _text),
}

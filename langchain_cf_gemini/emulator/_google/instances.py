"""Values that fit a JSON Schema (or Gemini's Schema), filled from a prompt."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.mentions import Mentions
from langchain_cf_gemini.emulator._google.models import packaged

_MAX_DEPTH = 6
_EXAMPLES: Mapping[str, str] = packaged("words")["examples"]


def instance_from_schema(
    schema: Any, mentions: Mentions, *, name: str = "value"
) -> Any:
    """A value that fits `schema`, the same for the same prompt."""
    root = schema if isinstance(schema, dict) else {}
    return _Writer(root, mentions).value(root, name, 0)


class _Writer:
    def __init__(self, root: Mapping[str, Any], mentions: Mentions) -> None:
        self._root = root
        self._mentions = mentions
        self._kinds: Mapping[str, Callable[[Mapping[str, Any], str, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": lambda schema, name, depth: True,
            "null": lambda schema, name, depth: None,
        }

    def value(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, dict) or depth > 3 * _MAX_DEPTH:
            return None
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            named = self._mentions.choice(schema["enum"])
            return schema["enum"][0] if named is None else named
        return self._kinds[_kind(schema)](schema, name, depth)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with references followed, unions decided and parts merged."""
        for _ in range(_MAX_DEPTH):
            reference = schema.get("$ref") or schema.get("ref")
            options = schema.get("anyOf") or schema.get("oneOf")
            if isinstance(reference, str):
                schema = {**self._target(reference), **_without(schema, "$ref", "ref")}
            elif options:
                chosen = next((o for o in options if not _is_null(o)), options[0])
                schema = {**_without(schema, "anyOf", "oneOf"), **chosen}
            elif schema.get("allOf"):
                schema = _merged([_without(schema, "allOf"), *schema["allOf"]])
            else:
                break
        return schema

    def _target(self, reference: str) -> Mapping[str, Any]:
        # Gemini's `ref` may name a definition without the path to it.
        inside = reference if reference.startswith("#") else f"#/defs/{reference}"
        node: Any = self._root
        for step in inside.removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            node = node.get(key, {}) if isinstance(node, dict) and key else node
        return node if isinstance(node, dict) else {}

    def _object(
        self, schema: Mapping[str, Any], name: str, depth: int
    ) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        # Schemas without `required` come from hands that mean every property.
        wanted = required or ([] if depth >= _MAX_DEPTH else list(properties))
        ordered = [*properties, *(key for key in wanted if key not in properties)]
        return {
            key: self.value(properties.get(key, {"type": "string"}), key, depth + 1)
            for key in ordered
            if key in wanted or self._is_mentioned(properties[key], key)
        }

    def _is_mentioned(self, schema: Any, name: str) -> bool:
        """Whether an optional property is worth filling: the prompt names it."""
        if not isinstance(schema, dict):
            return False
        schema = self._resolved(schema)
        if schema.get("enum"):
            return self._mentions.choice(schema["enum"]) is not None
        words = re.escape(name.replace("_", " "))
        return bool(re.search(rf"\b{words}\b", self._mentions.prompt, re.IGNORECASE))

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        fixed = [
            self.value(item, name, depth + 1)
            for item in schema.get("prefixItems") or ()
        ]
        items = schema.get("items", True)
        least = int(schema.get("minItems") or 0)
        if items is True or depth >= 2 * _MAX_DEPTH:
            return [*fixed, *["item"] * (least - len(fixed))]
        if items is False or (fixed and len(fixed) >= least):
            return fixed
        most = int(schema.get("maxItems", 100))
        values = fixed or self._numbers(items)[:most]
        while len(values) < min(most, max(1, least)):
            values.append(self._distinct(schema, values, name, depth))
        return values

    def _numbers(self, items: Mapping[str, Any]) -> list[Any]:
        """All numbers of the prompt, if the items are numbers."""
        plain = self._resolved(items)
        if "enum" in plain or "const" in plain or _kind(plain) not in _NUMBERS:
            return []
        return [self._fitted(plain, number) for number in self._mentions.numbers()]

    def _distinct(
        self, schema: Mapping[str, Any], others: list[Any], name: str, depth: int
    ) -> Any:
        item = self.value(schema["items"], name, depth + 1)
        if schema.get("uniqueItems") and item in others:
            if isinstance(item, str):
                return f"{item} {len(others) + 1}"
            if isinstance(item, int | float) and not isinstance(item, bool):
                return item + len(others)
        return item

    def _string(self, schema: Mapping[str, Any], name: str, depth: int) -> str:
        format_ = schema.get("format")
        text = self._mentions.text(name, format_)
        if text is None:
            text = _EXAMPLES.get(str(format_)) or f"{name.replace('_', ' ')} (emulated)"
        pattern = schema.get("pattern")
        if pattern and not _matches(pattern, text):
            text = string_from_pattern(pattern)
        least = int(schema.get("minLength") or 0)
        return text.ljust(least, ".")[: int(schema.get("maxLength", 10_000))]

    def _integer(self, schema: Mapping[str, Any], name: str, depth: int) -> int:
        found = self._mentions.number()
        return int(self._fitted(schema, 1 if found is None else found))

    def _number(self, schema: Mapping[str, Any], name: str, depth: int) -> float:
        found = self._mentions.number()
        return self._fitted(schema, 1 if found is None else found)

    def _fitted(self, schema: Mapping[str, Any], number: float) -> float:
        """The number moved into the schema's bounds."""
        whole = _kind(schema) == "integer"
        step = schema.get("multipleOf") or (1 if whole else 0)
        low, high = _bounds(schema, step or 0.5)
        number = min(max(int(number) if whole else number, low), high)
        if step and number % step:
            number = math.ceil(number / step) * step
            number = number - step if number > high else number
        return int(number) if whole else number


def _bounds(schema: Mapping[str, Any], step: float) -> tuple[float, float]:
    low = schema.get("minimum", -math.inf)
    high = schema.get("maximum", math.inf)
    if "exclusiveMinimum" in schema:
        low = max(low, schema["exclusiveMinimum"] + step)
    if "exclusiveMaximum" in schema:
        high = min(high, schema["exclusiveMaximum"] - step)
    return low, high


def _kind(schema: Mapping[str, Any]) -> str:
    declared = schema.get("type")
    if isinstance(declared, list):
        declared = next((kind for kind in declared if kind != "null"), "null")
    if isinstance(declared, str) and declared.lower() in _KINDS:
        return declared.lower()
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


_NUMBERS = ("integer", "number")
_KINDS = frozenset(
    {"object", "array", "string", "integer", "number", "boolean", "null"}
)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and str(schema.get("type")).lower() == "null"


def _without(schema: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keys}


def _merged(schemas: list[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for schema in schemas:
        for key, value in schema.items():
            old = merged.get(key)
            both = isinstance(value, dict) and isinstance(old, dict)
            merged[key] = {**old, **value} if both and old else value
    return merged


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True


def string_from_pattern(pattern: str) -> str:
    """A string that a simple pattern matches: classes, counts, literals, choices.

    What it cannot write it leaves out; the answer is then as wrong as a model's.
    """
    text, rest = "", pattern.removeprefix("^").removesuffix("$")
    token = re.compile(
        r"(?P<set>\\[dws]|\[\^?(?:\\.|[^\]])+\]|\((?:\?:)?(?P<group>[^()]*)\)|\\?.)"
        r"(?P<count>\{(?P<least>\d+)(?:,\d*)?\}|[+*?])?"
    )
    for found in token.finditer(rest):
        count = found["count"] or "{1}"
        times = int(found["least"]) if found["least"] else int(count not in "*?")
        text += _sample(found["set"], found["group"]) * times
    return text


def _sample(symbol: str, group: str | None) -> str:
    classes = {"\\d": "0", "\\w": "a", "\\s": " ", ".": "a"}
    if group is not None:
        return string_from_pattern(group.split("|")[0])
    if symbol in classes:
        return classes[symbol]
    if symbol.startswith("[") and len(symbol) > 1:
        inner = symbol[1:-1]
        if inner.startswith("^"):
            return next(c for c in "a0 -_" if re.match(symbol, c) is not None)
        return classes.get(inner[:2], inner[1] if inner[0] == "\\" else inner[0])
    return symbol.removeprefix("\\")

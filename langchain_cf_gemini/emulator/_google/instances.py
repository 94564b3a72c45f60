"""Values that fit a JSON Schema (or Gemini's Schema), filled from a prompt.

Each number and name that a prompt mentions is given away once, so that "add 1 and 2"
fills `a` and `b` with different numbers.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.models import packaged

_MAX_DEPTH, _MAX_ITEMS, _MAX_VALUES = 6, 100, 1_000
_WORDS = packaged("words")
_FORMATS = {name: re.compile(form) for name, form in _WORDS["formats"].items()}
_WHOLE_PROMPT = frozenset(_WORDS["whole_prompts"])
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w]|\.\d)")
# Straight quotes open after a space or so; otherwise "it's" would open one.
_QUOTED = re.compile(
    r"(?<!\w)'([^'\n]{1,200})'(?!\w)|(?<!\w)\"([^\"\n]{1,200})\""
    r"|[“„]([^”“\n]{1,200})[”“]|`([^`\n]{1,200})`|「([^」\n]{1,200})」"
)
_NOT_LATIN = re.compile(
    r"[\u0370-\u1fff\u2e80-\ud7ff\uf900-\ufaff]+(?:[ ・][\u0370-\u1fff\u2e80-\ud7ff]+)*"
)
_CAPITALISED = r"[A-ZÀ-Þ][\w'\u2019-]*"
# Capitalised runs that do not open a sentence: "in San Francisco, CA".
_PROPER = re.compile(
    rf"(?<=[^.!?:\n]\s)\(?(?!I\b)({_CAPITALISED}(?:(?:,? | of | de ){_CAPITALISED})*)"
)
_JOINS = ("$ref", "ref", "anyOf", "oneOf", "allOf")
_KINDS = ("object", "array", "string", "integer", "number", "boolean", "null")


def instance_from_schema(schema: Any, prompt: str) -> Any:
    """A value that fits `schema`, the same for the same prompt; None if it is none."""
    root = schema if isinstance(schema, dict) else {}
    try:
        return _Writer(root, prompt).value(root, "value", 0)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None  # a schema may say anything at all


class _Writer:
    def __init__(self, root: Mapping[str, Any], prompt: str) -> None:
        self._root = root
        self._prompt = prompt.strip()
        self._left = _MAX_VALUES
        self._numbers = [
            float(found) if "." in found else int(found)
            for found in _NUMBER.findall(prompt)
        ]
        quoted = ["".join(found) for found in _QUOTED.findall(prompt)]
        named = [*quoted, *_NOT_LATIN.findall(prompt), *_PROPER.findall(prompt)]
        self._names: list[str] = list(dict.fromkeys(named))
        self._kinds: Mapping[str, Callable[[Mapping[str, Any], str, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": lambda schema, name, depth: int(self._number(schema, 1)),
            "number": lambda schema, name, depth: self._number(schema, 0.5),
            "boolean": lambda schema, name, depth: True,
            "null": lambda schema, name, depth: None,
        }

    def value(self, schema: Any, name: str, depth: int) -> Any:
        self._left -= 1
        if not isinstance(schema, dict) or depth > 3 * _MAX_DEPTH or self._left < 0:
            return None
        schema = self._plain(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return next(iter(self._mentioned(schema["enum"])), schema["enum"][0])
        return self._kinds[_kind(schema)](schema, name, depth)

    def _plain(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with references followed, unions decided and parts merged."""
        for _ in range(_MAX_DEPTH):
            rest = {k: v for k, v in schema.items() if k not in _JOINS}
            reference = schema.get("$ref") or schema.get("ref")
            options = schema.get("anyOf") or schema.get("oneOf")
            if isinstance(reference, str):
                schema = {**self._target(reference), **rest}
            elif options:
                chosen = next((o for o in options if _kind(o) != "null"), options[0])
                schema = {**rest, **chosen}
            elif schema.get("allOf"):
                schema = _merged([rest, *schema["allOf"]])
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
        # Schemas without `required` come from hands that mean every property.
        wanted = schema.get("required") or ([] if depth >= _MAX_DEPTH else properties)
        return {
            key: self.value(properties.get(key, {"type": "string"}), key, depth + 1)
            for key in dict.fromkeys([*properties, *wanted])
            if key in wanted or self._speaks_of(properties[key], key)
        }

    def _speaks_of(self, schema: Any, name: str) -> bool:
        """Whether an optional property is worth filling: the prompt names it."""
        options = self._plain(schema).get("enum") if isinstance(schema, dict) else None
        return bool(self._mentioned(options or [name.replace("_", " ")]))

    def _mentioned(self, options: list[Any]) -> list[Any]:
        low = self._prompt.lower()
        return [
            o for o in options if re.search(rf"\b{re.escape(str(o).lower())}\b", low)
        ]

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        fixed = schema.get("prefixItems") or ()
        values = [self.value(item, name, depth + 1) for item in fixed]
        items = schema.get("items", True)
        least = min(int(schema.get("minItems") or 0), _MAX_ITEMS)
        if items is True or depth >= 2 * _MAX_DEPTH:
            return [*values, *["item"] * (least - len(values))]
        if items is False or (values and len(values) >= least):
            return values
        most = min(int(schema.get("maxItems", _MAX_ITEMS)), _MAX_ITEMS)
        if not values and _kind(self._plain(items)) in ("integer", "number"):
            count = max(1, len(self._numbers))
            values = [self.value(items, name, depth + 1) for _ in range(count)][:most]
        while len(values) < min(most, max(1, least)):
            values.append(self.value(items, name, depth + 1))
        return values

    def _string(self, schema: Mapping[str, Any], name: str, depth: int) -> str:
        words = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", name).lower())
        named = (_WORDS["formats_of_names"].get(word) for word in sorted(words))
        wanted = schema.get("format") or next(filter(None, named), None)
        text = self._found(name, words, _FORMATS.get(wanted))
        usual = f"{name.replace('_', ' ')} (emulated)"
        text = text or _WORDS["examples"].get(schema.get("format")) or usual
        text = text.ljust(min(int(schema.get("minLength") or 0), 10_000), ".")
        return str(text)[: int(schema.get("maxLength", 10_000))]

    def _found(
        self, name: str, words: list[str], form: re.Pattern[str] | None
    ) -> str | None:
        """What the prompt has for a string: of its format, after its name, the next."""
        if form:
            found = form.search(self._prompt)
            return str(found.group()) if found else None
        label = re.escape(name.replace("_", " "))
        labelled = rf"\b{label}\s*(?:is|=|:)\s*[\"'“]?([^\"'”,.;\n]+)"
        found = re.search(labelled, self._prompt, re.IGNORECASE)
        if found:
            self._names = [n for n in self._names if n != found.group(1).strip()]
            return str(found.group(1)).strip()
        if self._names:
            return self._names.pop(0)
        return self._prompt if _WHOLE_PROMPT & {*words} else None

    def _number(self, schema: Mapping[str, Any], step: float) -> float:
        low = max(_limit(schema, "minimum"), _limit(schema, "exclusiveMinimum") + step)
        high = min(
            -_limit(schema, "maximum", -1),
            -_limit(schema, "exclusiveMaximum", -1) - step,
        )
        return min(max(self._numbers.pop(0) if self._numbers else 1, low), high)


def _limit(schema: Mapping[str, Any], name: str, sign: int = 1) -> float:
    return sign * schema[name] if name in schema else -math.inf


def _kind(schema: Any) -> str:
    declared = schema.get("type") if isinstance(schema, dict) else None
    if isinstance(declared, list):
        declared = next((kind for kind in declared if kind != "null"), "null")
    if str(declared).lower() in _KINDS:
        return str(declared).lower()
    if isinstance(schema, dict) and ("properties" in schema or "required" in schema):
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _merged(schemas: list[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for schema in schemas:
        for key, value in schema.items():
            old = merged.get(key)
            both = isinstance(value, dict) and isinstance(old, dict)
            merged[key] = {**old, **value} if both and old else value
    return merged

"""Values that fit a JSON Schema (or Gemini's Schema), filled from a prompt.

Each number and name that a prompt mentions is given away once, so that "add 1 and 2"
fills `a` and `b` with different numbers.
"""

import math
import re
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from langchain_cf_gemini.emulator._google.checking import json_schema_from_gemini
from langchain_cf_gemini.emulator._google.models import packaged

_MAX_DEPTH, _MAX_ITEMS, _MAX_LENGTH, _MAX_VALUES = 6, 100, 10_000, 1_000
_LOW, _HIGH = -math.inf, math.inf
_WORDS = packaged("words")
_FORMATS = {name: re.compile(form) for name, form in _WORDS["formats"].items()}
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
_FIXED = {"boolean": True, "null": None}
_IMPLIED = {
    **dict.fromkeys(("properties", "required"), "object"),
    **dict.fromkeys(("items", "prefixItems"), "array"),
}


def instance_from_schema(schema: Any, prompt: str) -> Any:
    """A value that fits `schema`, the same for the same prompt; None if it is none."""
    plain = json_schema_from_gemini(schema)
    try:
        return _Writer(plain, prompt.strip()).value(plain, "value")
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None  # a schema may say anything at all


class _Writer:
    def __init__(self, root: Any, prompt: str) -> None:
        self._root = root
        self._prompt = prompt
        self._left = _MAX_VALUES
        found = _NUMBER.findall(prompt)
        self._numbers = [float(each) if "." in each else int(each) for each in found]
        quoted = ["".join(found) for found in _QUOTED.findall(prompt)]
        named = [*quoted, *_NOT_LATIN.findall(prompt), *_PROPER.findall(prompt)]
        self._names: list[str] = list(dict.fromkeys(named))

    def value(self, schema: Any, name: str, depth: int = 0) -> Any:
        self._left -= 1
        if depth > 3 * _MAX_DEPTH or self._left < 0:
            return None
        schema = self._plain(schema)
        if "const" in schema:
            return schema["const"]
        if options := schema.get("enum"):
            return next(self._mentioned(options), options[0])
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth + 1)
        if kind == "array":
            return self._array(schema, name, depth + 1)
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        return _FIXED[kind] if kind in _FIXED else self._string(schema, name)

    def _plain(self, schema: Any) -> Mapping[str, Any]:
        """The schema with references followed, unions decided and parts merged."""
        plain: Mapping[str, Any] = schema if isinstance(schema, dict) else {}
        for _ in range(_MAX_DEPTH):
            rest = dict(plain)
            if reference := rest.pop("$ref", "") or rest.pop("ref", ""):
                plain = {**self._target(reference), **rest}
            elif options := rest.pop("anyOf", None) or rest.pop("oneOf", None):
                chosen = next((o for o in options if _kind(o) != "null"), options[0])
                plain = {**rest, **chosen}
            elif parts := rest.pop("allOf", None):
                plain = reduce(_merged, parts, rest)
        return plain

    def _target(self, reference: str) -> Mapping[str, Any]:
        # Gemini's `ref` may name a definition without the path to it.
        inside = reference if reference.startswith("#") else f"#/defs/{reference}"
        node = self._root
        for step in filter(None, inside.removeprefix("#").split("/")):
            key = step.replace("~1", "/").replace("~0", "~")
            node = node.get(key, {}) if isinstance(node, dict) else {}
        return node if isinstance(node, dict) else {}

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        # Schemas without `required` come from hands that mean every property.
        wanted = schema.get("required") or ([] if depth > _MAX_DEPTH else properties)
        return {
            key: self.value(properties.get(key), key, depth)
            for key in dict.fromkeys([*properties, *wanted])
            if key in wanted or self._speaks_of(properties[key], key)
        }

    def _speaks_of(self, schema: Any, name: str) -> bool:
        """Whether an optional property is worth filling: the prompt names it."""
        options = self._plain(schema).get("enum") or [name.replace("_", " ")]
        return bool([*self._mentioned(options)])

    def _mentioned(self, options: list[Any]) -> Iterator[Any]:
        for option in options:
            if re.search(rf"\b{re.escape(str(option))}\b", self._prompt, re.IGNORECASE):
                yield option

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        values = [self.value(it, name, depth) for it in schema.get("prefixItems") or ()]
        items = schema.get("items")
        count = int("items" in schema and not values and depth <= 2 * _MAX_DEPTH)
        if count and _kind(self._plain(items)) in ("integer", "number"):
            count = max(1, len(self._numbers))
        count = max(count, int(schema.get("minItems") or 0))
        most = min(int(schema.get("maxItems", _MAX_ITEMS)), _MAX_ITEMS)
        while len(values) < min(count, most):
            values.append(self.value(items, name, depth))
        return values

    def _string(self, schema: Mapping[str, Any], name: str) -> str:
        """What the prompt has in its format or calls so, else the next name, or all."""
        spaced, kind = name.replace("_", " "), schema.get("format")
        words = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", name).lower())
        named = (_WORDS["formats_of_names"].get(word) for word in sorted(words))
        form = _FORMATS.get(kind or next(filter(None, named), None))
        labelled = rf"\b{re.escape(spaced)}\s*(?:is|=|:)\s*[\"'“]?([^\"'”,.;\n]+)"
        wanted = form or re.compile(labelled, re.IGNORECASE)
        text = ""
        if found := wanted.search(self._prompt):
            text = found[wanted.groups].strip()
            self._names = [name for name in self._names if name != text]
        elif not form and self._names:
            text = self._names.pop(0)
        elif not form and {*_WORDS["whole_prompts"]} & {*words}:
            text = self._prompt
        text = text or _WORDS["examples"].get(kind) or f"{spaced} (emulated)"
        text = text.ljust(min(int(schema.get("minLength") or 0), _MAX_LENGTH), ".")
        return text[: int(schema.get("maxLength", _MAX_LENGTH))]

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> float:
        given = self._numbers.pop(0) if self._numbers else 1
        step, bound = 1 if whole else 0.5, schema.get
        least = max(bound("minimum", _LOW), bound("exclusiveMinimum", _LOW) + step)
        most = min(bound("maximum", _HIGH), bound("exclusiveMaximum", _HIGH) - step)
        number = min(max(given, least), most)
        return int(number) if whole else number


def _kind(schema: Any) -> str:
    """The type of a schema, declared or implied; of several the first but null."""
    known = schema if isinstance(schema, dict) else {}
    declared = known.get("type")
    if isinstance(declared, list):
        declared = next((kind for kind in declared if kind != "null"), "null")
    implied = (kind for key, kind in _IMPLIED.items() if key in known)
    return str(declared or next(implied, "string"))


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both, with what is a mapping in both of them joined."""
    joined = {
        key: {**one[key], **value}
        for key, value in other.items()
        if isinstance(value, dict) and isinstance(one.get(key), dict)
    }
    return {**one, **other, **joined}

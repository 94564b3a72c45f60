"""Whether a scripted answer is one that the model could give to this request."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator.answers import Answer

_SHOWN = 200


def problems(answer: Answer, generation: Generation) -> Iterator[str]:
    """What the declared functions and the schema that was asked for do not allow."""
    declared = {str(d.get("name")): d for d in generation.declarations}
    called = [part["functionCall"] for part in answer.parts if "functionCall" in part]
    for call in called if declared else ():
        yield from _choice_problems(str(call.get("name")), generation.function_calling)
        yield from _call_problems(call, declared)
    schema, mime_type = generation.output
    texts = [p["text"] for p in answer.parts if "text" in p and not p.get("thought")]
    if texts and answer.finish_reason == "STOP":
        yield from _text_problems("".join(texts), schema, mime_type)


def _choice_problems(name: str, calling: Mapping[str, Any]) -> Iterator[str]:
    allowed = calling.get("allowedFunctionNames") or [name]
    if calling.get("mode") == "NONE":
        yield f"calls {name}, but the request allows no call (mode NONE)"
    elif name not in allowed:
        known = ", ".join(map(str, allowed))
        yield f"calls {name}, which is not allowed. Allowed: {known}."


def _call_problems(
    call: Mapping[str, Any], declared: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    name, args = str(call.get("name")), call.get("args") or {}
    if name not in declared:
        yield f"calls {name}, which is not declared. Declared: {', '.join(declared)}."
        return
    found = declared[name]
    schema = found.get("parametersJsonSchema") or found.get("parameters") or {}
    if not isinstance(schema, Mapping) or schema.get("additionalProperties"):
        return
    takes = schema.get("properties") or {}
    for arg in args:
        if arg not in takes and "$ref" not in schema:
            yield f"passes {arg!r} to {name}, which takes {list(takes)}"
    if wrong := _mismatch(args, schema):
        yield f"passes {_shown(args)} to {name}: {wrong}"


def _text_problems(text: str, schema: Any, mime_type: str | None) -> Iterator[str]:
    value: Any = text
    if mime_type == "application/json":
        try:
            value = json.loads(text)
        except ValueError:
            yield f"answers {text[:_SHOWN]!r}, but the request requires JSON"
            return
    elif mime_type != "text/x.enum":
        return
    if isinstance(schema, Mapping) and (wrong := _mismatch(value, schema)):
        yield f"answers {_shown(value)}, which does not match the schema: {wrong}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:_SHOWN]


def _mismatch(value: Any, schema: Mapping[str, Any]) -> str | None:
    """What the schema says against a value; a schema that is none says nothing."""
    # Here, because it takes longer to load than an emulator to start.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, best_match
    from referencing.exceptions import Unresolvable

    plain = json_schema_from_gemini(schema)
    try:
        Draft202012Validator.check_schema(plain)
        wrong = best_match(Draft202012Validator(plain).iter_errors(value))
    except (SchemaError, Unresolvable, RecursionError, re.error):
        return None
    if wrong is None:
        return None
    place = wrong.json_path.removeprefix("$").removeprefix(".")
    return f"{place}: {wrong.message}" if place else wrong.message


def json_schema_from_gemini(schema: Any) -> Any:
    """Gemini's Schema as JSON Schema; JSON Schema stays as it is."""
    if isinstance(schema, list):
        return [json_schema_from_gemini(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {key: _converted(key, value) for key, value in schema.items()}
    if made.pop("nullable", False):
        return {"anyOf": [made, {"type": "null"}]}
    return made


_LITERAL = frozenset({"const", "default", "enum", "example", "examples", "required"})


def _converted(key: str, value: Any) -> Any:
    if key in _LITERAL:
        return value
    if key == "type" and isinstance(value, str):
        return value.lower()
    if key in ("properties", "$defs", "defs") and isinstance(value, Mapping):
        return {name: json_schema_from_gemini(below) for name, below in value.items()}
    return json_schema_from_gemini(value)

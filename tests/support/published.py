"""Google's published request schema, as a check for what the converters write."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import langchain_cf_gemini

_FILE = "emulator/data/vertex_generate_content.json"
_PREFIX = "GoogleCloudAiplatformV1beta1"
_INT64 = {"type": "string", "format": "int64"}


def _closed(node: Any) -> Any:
    """Refuse unknown fields, and take int64 as a number, too: protobuf's JSON does."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.items() >= _INT64.items():
        return {"type": ["string", "integer"]}
    closed = {key: _closed(value) for key, value in node.items()}
    if "properties" in node and node.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def _validator(name: str) -> Draft202012Validator:
    path = Path(langchain_cf_gemini.__file__).parent / _FILE
    document = _closed(json.loads(path.read_text()))
    schema = {"$ref": f"#/$defs/{_PREFIX}{name}", "$defs": document["$defs"]}
    return Draft202012Validator(schema)


def problems(name: str, value: Any) -> list[str]:
    """List what is wrong with a value, read as one of Google's messages."""
    sent = json.loads(json.dumps(value))
    errors = _validator(name).iter_errors(sent)
    return [f"{error.json_path}: {error.message}" for error in errors]

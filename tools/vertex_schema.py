"""Build the packaged schema from Google's discovery document of Vertex AI.

The document ships in the Python package google-api-python-client. To regenerate:

    python -m tools.vertex_schema \
        .../googleapiclient/discovery_cache/documents/aiplatform.v1beta1.json \
        > langchain_cf_gemini/emulator/data/vertex_generate_content.json
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PREFIX = "GoogleCloudAiplatformV1beta1"
REQUEST = f"{PREFIX}GenerateContentRequest"
RESPONSE = f"{PREFIX}GenerateContentResponse"
_KEPT = ("type", "format", "enum")


def schema_from_discovery(document: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema (2020-12) of GenerateContent's request and response.

    Formats such as `byte` and `int64` stay, because proto JSON reads them.
    """
    published = document["schemas"]
    names = sorted(_reachable(published, [REQUEST, RESPONSE]))
    return {
        "$comment": (
            f"Built by tools/vertex_schema.py from Google's discovery document "
            f"{document['id']}, revision {document['revision']}, as shipped in "
            "google-api-python-client (Apache-2.0). Do not edit."
        ),
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": f"#/$defs/{REQUEST}",
        "$defs": {name: _type_from_discovery(published[name]) for name in names},
    }


def _reachable(published: Mapping[str, Any], roots: list[str]) -> set[str]:
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(_references(published[name]))
    return seen


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)


def _type_from_discovery(node: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        return {"$ref": f"#/$defs/{node['$ref']}"}
    if node.get("type") == "any":
        return {}
    built: dict[str, Any] = {key: node[key] for key in _KEPT if key in node}
    if node.get("format") == "int64":
        built["type"] = ["string", "integer"]
    if "items" in node:
        built["items"] = _type_from_discovery(node["items"])
    if node.get("type") == "object":
        built.update(_members(node))
    return built


def _members(node: Mapping[str, Any]) -> dict[str, Any]:
    if "additionalProperties" in node:
        return {
            "additionalProperties": _type_from_discovery(node["additionalProperties"])
        }
    properties = node.get("properties", {})
    return {
        "properties": {
            name: _type_from_discovery(properties[name]) for name in sorted(properties)
        },
        "additionalProperties": False,
    }


def main(path: str) -> None:
    """Print the schema of the discovery document at a path."""
    discovery = json.loads(Path(path).read_text("utf-8"))
    print(json.dumps(schema_from_discovery(discovery), indent=1))


if __name__ == "__main__":
    main(sys.argv[1])

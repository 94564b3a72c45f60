"""Fields of a request, and names in it, that only one of Google's two services knows.

Behind `run` is Vertex AI, behind the gateway the Gemini API; either answers 400 to a
field of the other. Sources: Google's discovery document for Vertex AI v1beta1 (revision
20261106), and the request converters of google-genai 3.6.1, which refuse the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from langchain_cf_gemini._gemini.vocabulary import Json

_STRANGE: Final[Mapping[str, tuple[str, ...]]] = {
    "vertex_ai": (
        "toolConfig.includeServerSideToolInvocations",
        "tools.fileSearch",
        "tools.mcpServers",
        "tools.googleSearch.timeRangeFilter",
        "generationConfig.enableEnhancedCivicAnswers",
    ),
    "gemini_api": (
        "tools.retrieval",
        "tools.enterpriseWebSearch",
        "tools.parallelAiSearch",
        "tools.exaAiSearch",
        "tools.googleSearch.excludeDomains",
        "tools.googleSearch.blockingConfidence",
        "tools.googleMaps.groundingTypes",
        "tools.functionDeclarations.parameters.additionalProperties",
        "toolConfig.functionCallingConfig.streamFunctionCallArguments",
        "generationConfig.audioTimestamp",
        "generationConfig.routingConfig",
        "generationConfig.modelConfig",
        "generationConfig.responseSchema.additionalProperties",
        "generationConfig.imageConfig.personGeneration",
        "generationConfig.imageConfig.prominentPeople",
        "generationConfig.imageConfig.imageOutputOptions",
        "safetySettings.method",
    ),
}
_SCHEMAS: Final = frozenset({"properties", "items", "anyOf"})
# What each of them keeps for its callers begins so.
_FOREIGN: Final[Mapping[str, tuple[str, ...]]] = {
    "vertex_ai": ("cachedContents/", "https://generativelanguage.googleapis.com/"),
    "gemini_api": ("projects/", "gs://"),
}
_ADVICE: Final = {
    "vertex_ai": "only the Gemini API supports. endpoint='run' uses Vertex AI: use "
    "endpoint='gateway', or leave it out.",
    "gemini_api": "only Vertex AI supports. endpoint='gateway' uses the Gemini API: "
    "use endpoint='run', or leave it out.",
}


def strange_field(
    body: Json, parts: Iterable[Mapping[str, Any]], backend: str
) -> str | None:
    """Tell which field of a request a backend does not know, and what to do.

    Args:
        body: The request in camelCase.
        parts: The parts of its contents that are more than text.
        backend: `vertex_ai` or `gemini_api`.

    Returns:
        What is wrong, or None.
    """
    for path in _STRANGE[backend]:
        field, *inner = path.split(".")
        if field in body and any(_reached(body[field], inner)):
            return f"The request contains {path}, which {_ADVICE[backend]}"
    names = [str(body.get("cachedContent") or "")]
    for part in parts:
        if "fileData" in part:
            names.append(str(part["fileData"].get("fileUri") or ""))
        if "partMetadata" in part and backend == "vertex_ai":
            return f"a part has partMetadata, which {_ADVICE[backend]}"
    for name in names:
        if name.startswith(_FOREIGN[backend]):
            return f"The request contains {name!r}, which {_ADVICE[backend]}"
    return None


def _reached(value: Any, path: list[str]) -> Iterator[bool]:
    """Yield True for each place where a path leads to a value that counts."""
    if isinstance(value, list):
        for each in value:
            yield from _reached(each, path)
    elif not path:
        yield value is not None
    elif isinstance(value, Mapping):
        key, *rest = path
        if key in value:
            yield from _reached(value[key], rest)
        if key == "additionalProperties":
            yield from _nested(value, path)


def _nested(schema: Mapping[str, Any], path: list[str]) -> Iterator[bool]:
    for key in _SCHEMAS & schema.keys():
        inner = schema[key]
        values = inner.values() if key == "properties" else [inner]
        for each in values:
            yield from _reached(each, path)

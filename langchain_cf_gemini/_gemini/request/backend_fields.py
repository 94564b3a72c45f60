"""Fields of a request, and names in it, that only one of Google's two services knows.

Behind `run` is Vertex AI, behind the gateway the Gemini API; either answers 400 to a
field of the other. Sources: Google's discovery document for Vertex AI v1beta1 (revision
20261106), and the request converters of google-genai 3.6.1, which refuse the same.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from langchain_cf_gemini._gemini.schema.json_schema import subschemas
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
        if field in body and _reaches(body[field], inner):
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


def _reaches(value: Any, path: list[str]) -> bool:
    """Whether a path leads to a value, of any item of a list, of any inner schema."""
    if isinstance(value, list):
        return any(_reaches(each, path) for each in value)
    if not path:
        return value is not None
    if not isinstance(value, Mapping):
        return False
    inner = subschemas(value) if path == ["additionalProperties"] else ()
    if path[0] in value and _reaches(value[path[0]], path[1:]):
        return True
    return any(_reaches(each, path) for each in inner)

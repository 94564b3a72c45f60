"""Fields that one backend has and the other has not.

The published schema is Vertex AI's, which is what answers behind `/ai/run`. The
gateway's google-ai-studio path and Google's own lead to the Gemini API. Sources: the
converters of google-genai 2.34.0, which refuse such fields for the other backend, the
Gemini API's protos (google/ai/generativelanguage/v1beta), and recorded requests.
"""

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_ANY: dict[str, Any] = {}
# None takes a field of Vertex away.
_NONE = None

GEMINI_API: Mapping[str, Mapping[str, Any]] = {
    "GenerateContentRequest": {
        "model": _TEXT,
        "serviceTier": _TEXT,
        "store": _FLAG,
        "modelArmorConfig": _NONE,
        "outputConfig": _NONE,
    },
    "Part": {"partMetadata": _ANY, "toolCall": _ANY, "toolResponse": _ANY},
    "FunctionResponse": {"willContinue": _FLAG},
    "GenerationConfig": {
        "enableEnhancedCivicAnswers": _FLAG,
        "routingConfig": _NONE,
        "modelConfig": _NONE,
        "audioTimestamp": _NONE,
    },
    "SafetySetting": {"method": _NONE},
    "Schema": {"additionalProperties": _NONE, "ref": _NONE, "defs": _NONE},
    "Tool": {
        "fileSearch": _ANY,
        "mcpServers": _ANY,
        "retrieval": _NONE,
        "enterpriseWebSearch": _NONE,
        "parallelAiSearch": _NONE,
        "exaAiSearch": _NONE,
    },
    "ToolGoogleSearch": {
        "timeRangeFilter": _ANY,
        "excludeDomains": _NONE,
        "blockingConfidence": _NONE,
    },
    "GoogleMaps": {"groundingTypes": _NONE},
    "ToolConfig": {"includeServerSideToolInvocations": _FLAG},
    "FunctionCallingConfig": {"streamFunctionCallArguments": _NONE},
}
BACKEND_FIELDS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "vertex": {},
    "gemini_api": GEMINI_API,
}

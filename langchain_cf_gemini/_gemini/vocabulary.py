"""Gemini's wire vocabulary: the names of `generateContent`, no logic.

Source: Google's published discovery document for Vertex AI v1beta1, revision 20261106.
Answers may hold keys beyond these; nothing in the package refuses them.
"""

from typing import Any, Literal, TypedDict

PROVIDER = "cloudflare_gemini"
"""The one provider id: `model_provider` of messages and `ls_provider` of traces."""

Json = dict[str, Any]
"""A JSON object whose keys Google owns."""


class Blob(TypedDict, total=False):
    """Media inside the body: base64 text, not bytes."""

    mimeType: str
    data: str
    displayName: str


class FileData(TypedDict, total=False):
    """Media behind a `gs://`, `https://` or YouTube address."""

    mimeType: str
    fileUri: str
    displayName: str


class FunctionCall(TypedDict, total=False):
    """One call the model makes; the id is optional, on Vertex it mostly is absent."""

    id: str
    name: str
    args: Json
    partialArgs: list[Json]
    willContinue: bool


class FunctionResponse(TypedDict, total=False):
    """The result of one call; `response` is always a JSON object."""

    id: str
    name: str
    response: Json
    parts: list[Json]


class ExecutableCode(TypedDict, total=False):
    """Code the model wrote for Google's sandbox."""

    id: str
    language: str
    code: str


class CodeExecutionResult(TypedDict, total=False):
    """What the sandbox answered."""

    id: str
    outcome: str
    output: str


class Part(TypedDict, total=False):
    """One piece of a Content: exactly one payload, and notes beside it."""

    text: str
    inlineData: Blob
    fileData: FileData
    functionCall: FunctionCall
    functionResponse: FunctionResponse
    executableCode: ExecutableCode
    codeExecutionResult: CodeExecutionResult
    thought: bool
    thoughtSignature: str
    videoMetadata: Json
    mediaResolution: Json


class Content(TypedDict, total=False):
    """One turn. There are two roles; results of calls travel as `user`."""

    role: Literal["user", "model"]
    parts: list[Part]


class Candidate(TypedDict, total=False):
    """One answer of the model."""

    content: Content
    index: int
    finishReason: str
    finishMessage: str
    safetyRatings: list[Json]
    citationMetadata: Json
    groundingMetadata: Json
    urlContextMetadata: Json
    avgLogprobs: float
    logprobsResult: Json


class GenerateContentResponse(TypedDict, total=False):
    """A whole answer, or one event of a stream."""

    candidates: list[Candidate]
    promptFeedback: Json
    usageMetadata: Json
    modelVersion: str
    responseId: str
    createTime: str
    gatewayMetadata: Json


DUMMY_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""Base64 of `skip_thought_signature_validator`, Google's word for calls that the model
did not make (https://ai.google.dev/gemini-api/docs/thought-signatures). Recorded with
status 200 on the Gemini API; on Vertex documented, not recorded."""

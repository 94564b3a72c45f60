"""Refused requests, in the words and shapes of whoever refuses them."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Refusal(Exception):  # noqa: N818 - an answer of the emulator, not its failure
    """A request that gets an error for its answer.

    Attributes:
        code: HTTP status.
        body: JSON of the answer.
        headers: Response headers beside the usual ones.
        rule: Name of the rule that refused it, for the log.
    """

    def __init__(
        self,
        code: int,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        rule: str = "",
    ) -> None:
        """Take the answer as it goes out."""
        super().__init__(f"{code} {body}")
        self.code = code
        self.body = body
        self.headers = dict(headers or {})
        self.rule = rule


def google_refusal(
    message: str,
    *,
    code: int = 400,
    status: str | None = None,
    details: Sequence[Mapping[str, Any]] = (),
    rule: str = "",
) -> Refusal:
    """Google's shape: `{"error": {"code", "message", "status", "details"}}`."""
    error: dict[str, Any] = {
        "code": code,
        "message": message,
        "status": status or google_status(code),
    }
    if details:
        error["details"] = list(details)
    return Refusal(code, {"error": error}, rule=rule)


def google_status(code: int) -> str:
    """The google.rpc name that goes with an HTTP status."""
    return _GOOGLE_STATUS.get(code, "INTERNAL" if code >= 500 else "INVALID_ARGUMENT")


def v4_refusal(code: int, error_code: int, message: str) -> Refusal:
    """Cloudflare's v4 envelope, as api.cloudflare.com answers."""
    return Refusal(
        code,
        {
            "success": False,
            "errors": [{"code": error_code, "message": message}],
            "messages": [],
            "result": None,
        },
        rule=f"cloudflare-{error_code}",
    )


def gateway_refusal(code: int, error_code: int, message: str) -> Refusal:
    """The gateway host's shape: a list under `error`, singular."""
    return Refusal(
        code,
        {
            "success": False,
            "result": [],
            "messages": [],
            "error": [{"code": error_code, "message": message}],
        },
        rule=f"cloudflare-{error_code}",
    )


def structured_refusal(code: int, error_code: int, message: str) -> Refusal:
    """The shape of guardrails and data loss prevention: `AiGatewayError`."""
    return Refusal(
        code,
        {
            "name": "AiGatewayError",
            "internalCode": error_code,
            "message": message,
            "error": [{"code": error_code, "message": message}],
        },
        rule=f"cloudflare-{error_code}",
    )


def openai_refusal(code: int, error_code: int, message: str) -> Refusal:
    """OpenAI's shape, for clients that speak its dialect."""
    error = {
        "message": message,
        "type": "invalid_request_error",
        "param": None,
        "code": error_code,
    }
    return Refusal(code, {"error": error}, rule="no route")


_OPENAI_PATHS = ("/chat/completions", "/responses", "/completions", "/embeddings")
_SERVED = (
    "The emulator serves POST /client/v4/accounts/{account}/ai/run[/{author}/{model}], "
    "POST /v1/{account}/{gateway}/google-ai-studio/{version}/models/{model}:"
    "{generateContent|streamGenerateContent|countTokens} (google-vertex-ai likewise), "
    "and Google's own /{version}/models/{model}:{method}."
)


def refusal_by_path(path: str) -> Callable[[int, int, str], Refusal]:
    """How whoever serves such a path refuses, so that the client's SDK shows it."""
    if path.endswith(_OPENAI_PATHS):
        return openai_refusal
    if path.startswith("/client/v4"):
        return v4_refusal
    if path.startswith("/v1/") and not path.startswith("/v1/models"):
        return gateway_refusal
    if path.startswith(("/v1/", "/v1beta/", "/v1beta1/", "/v1alpha/", "/upload/")):
        return lambda code, _, message: google_refusal(message, code=code)
    return v4_refusal


def unserved(path: str) -> Refusal:
    """What a client is told that asks for something that is not emulated."""
    refusal = refusal_by_path(path)
    if refusal is v4_refusal:
        return v4_refusal(400, 7000, f"No route for that URI. {_SERVED}")
    if refusal is gateway_refusal:
        return gateway_refusal(400, 2008, f"Invalid provider. {_SERVED}")
    return refusal(404, 404, f"{path} is not emulated. {_SERVED}")


def reason_phrase(code: int) -> str:
    """What HTTP calls a status, if it has a name."""
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Error"

"""Refused requests, in the words and shapes of whoever refuses them."""

from collections.abc import Mapping, Sequence
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


def reason_phrase(code: int) -> str:
    """What HTTP calls a status, if it has a name."""
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Error"

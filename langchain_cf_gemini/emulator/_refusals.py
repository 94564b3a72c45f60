"""Answers in the shapes of whoever gives them, refusals above all.

The shapes are data (data/shapes.json): "v4" is the envelope of api.cloudflare.com,
"gateway" that of the gateway's host, "structured" that of guardrails and data loss
prevention, "google" and "openai" are those of the two dialects.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http.client import responses
from typing import Any

from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._messages import Outgoing, json_answer

_SHAPES = packaged("shapes")


class Refusal(Exception):  # noqa: N818 - an answer of the emulator, not its failure
    """A request that gets an error for its answer.

    Attributes:
        code: HTTP status.
        body: JSON of the answer.
        rule: Name of the rule that refused it, for the log.
    """

    def __init__(self, code: int, body: Mapping[str, Any], *, rule: str = "") -> None:
        """Take the answer as it goes out."""
        super().__init__(f"{code} {body}")
        self.code = code
        self.body = body
        self.rule = rule


Refuse = Callable[[int, int, str], Refusal]


def shaped(shape: str, status: int, code: int, message: str) -> dict[str, Any]:
    """An error in one of the shapes."""
    known = {"$status": status, "$code": code, "$message": message}
    body: dict[str, Any] = _filled(
        _SHAPES[shape], {**known, "$name": google_status(status)}
    )
    return body


def _filled(node: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, known) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, known) for value in node]
    return known.get(node, node) if isinstance(node, str) else node


def _refusal(shape: str, status: int, code: int, message: str) -> Refusal:
    body = shaped(shape, status, code, message)
    return Refusal(status, body, rule=f"cloudflare-{code}")


v4_refusal: Refuse = partial(_refusal, "v4")
gateway_refusal: Refuse = partial(_refusal, "gateway")


def google_refusal(
    message: str,
    *,
    code: int = 400,
    details: Sequence[Mapping[str, Any]] = (),
    rule: str = "",
) -> Refusal:
    """Google's shape: `{"error": {"code", "message", "status", "details"}}`."""
    body = shaped("google", code, code, message)
    if details:
        body["error"]["details"] = list(details)
    return Refusal(code, body, rule=rule)


def google_status(code: int) -> str:
    """The google.rpc name that goes with an HTTP status."""
    usual = "INTERNAL" if code >= 500 else "INVALID_ARGUMENT"
    return str(_SHAPES["names"].get(str(code), usual))


def shape_by_path(path: str) -> str:
    """The shape of whoever serves such a path, so that the client's SDK shows it."""
    if path.endswith(tuple(_SHAPES["openai_paths"])):
        return "openai"
    if path.startswith("/v1/") and not path.startswith("/v1/models"):
        return "gateway"
    google = ("/v1/", "/v1beta/", "/v1beta1/", "/v1alpha/", "/upload/")
    return "google" if path.startswith(google) else "v4"


def v4_success(result: Any, **beside: Any) -> Outgoing:
    """An answer in the envelope of api.cloudflare.com."""
    told = {"result": result, "success": True, "errors": [], "messages": []}
    return json_answer(200, {**told, **beside})


def error_answer(path: str, status: int, code: int, message: str) -> Outgoing:
    """An error as whoever serves such a path tells it."""
    return json_answer(status, shaped(shape_by_path(path), status, code, message))


_UNSERVED: Mapping[str, tuple[int, int, str]] = {
    "v4": (400, 7000, "No route for that URI."),
    "gateway": (400, 2008, "Invalid provider."),
}


def unserved(path: str) -> Refusal:
    """What a client is told that asks for something that is not emulated."""
    shape, served = shape_by_path(path), _SHAPES["served"]
    unknown = (404, 404, f"{path} is not emulated.")
    status, code, said = _UNSERVED.get(shape, unknown)
    return _refusal(shape, status, code, f"{said} {served}")


def reason_phrase(code: int) -> str:
    """What HTTP calls a status, if it has a name."""
    return responses.get(code, "Error")

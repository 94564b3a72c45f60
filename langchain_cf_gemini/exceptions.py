"""Every error of the package, and which one an HTTP status becomes.

CloudflareGeminiError (ModelError)       whatever the far side or the way there did
  CloudflareAuthenticationError          401
  CloudflarePermissionError              402, 403
  CloudflareInvalidRequestError          400, 405, 413, 422, 424, other 4xx
    CloudflareContextOverflowError       the input is longer than the model takes
  CloudflareNotFoundError                404
  CloudflareRateLimitError               429
  CloudflareServerError                  408, 409, 5xx
  CloudflareConnectionError              no answer: refused, reset, cut
    CloudflareTimeoutError               no answer in time
  ResponseFormatError                    an answer that is not what was promised
UnsupportedContentError (ValueError)     our caller's fault, before any I/O
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.messages.ai import UsageMetadata

if sys.platform != "emscripten":
    import httpx2

Origin: TypeAlias = Literal["cloudflare", "gateway", "provider"]


class CloudflareGeminiError(ModelError):
    """A request that failed at Cloudflare, at AI Gateway or at Google.

    Attributes:
        message: What happened and what to do about it.
        status_code: HTTP status of the response, or the one in the error of a 200
            response. None without a response.
        code: Cloudflare's number (2009), or a word where there is no number.
        origin: `cloudflare` (its API or edge), `gateway` (AI Gateway) or `provider`
            (Google). None without a response.
        details: The error object of the answer, as it came; `spent` and `limit`, for
            instance, if a spending limit was reached. Or all that an answer said in
            which the model said nothing.
        ray_id: Cloudflare's `cf-ray`, to quote to its support.
        log_id: The gateway's log entry (`cf-aig-log-id`).
        request_id: `cf-aig-request-id`, or the ray id where that is missing.
        retry_after: Delay in seconds that the server requested.
        body: The answer's body, cut after 16,384 characters.
        headers: The answer's headers, without cookies.
        gateway: Facts of the gateway, as in
            `response_metadata["gateway"]` of a message.
        usage_metadata: The token counts of what was paid for and could not be read, in
            all attempts, as LangChain writes them; None if there were none.
        model_name: The model that responded last.
        is_sent: False if the call was not sent at all, because others before it have
            failed with nothing but this; the message contains since when.
    """

    is_sent = True
    usage_metadata: UsageMetadata | None = None
    model_name: str | None = None

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: int | str | None = None,
        origin: Origin | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        gateway: Mapping[str, Any] | None = None,
        is_retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.code = code
        self.origin = origin
        self.details = dict(details or {})
        self.retry_after = retry_after
        self.body = body
        self.headers = dict(headers or {})
        self.gateway = dict(gateway or {})
        if is_retryable is not None:
            self.is_retryable = is_retryable

    @property
    def ray_id(self) -> str | None:
        """Cloudflare's id of the exchange."""
        return self.gateway.get("ray_id")

    @property
    def log_id(self) -> str | None:
        """The gateway's log entry."""
        return self.gateway.get("log_id")

    @property
    def request_id(self) -> str | None:
        """The gateway's request id, else the ray id."""
        return self.gateway.get("request_id") or self.ray_id

    @property
    def response(self) -> httpx2.Response | None:
        """The answer as `httpx2.Response`, without its request; None if none came.

        LangChain's tracers read it. It is built on each call, because a true response
        holds the request, and that holds the token. None on Pyodide, without httpx2.
        """
        if self.status_code is None or not self.headers or sys.platform == "emscripten":
            return None
        kept = {k: v for k, v in self.headers.items() if k not in _OF_THE_WIRE}
        return httpx2.Response(
            self.status_code, headers=kept, content=(self.body or "").encode()
        )


# They describe the bytes on the wire, which `body` no longer is.
_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class CloudflareAuthenticationError(CloudflareGeminiError, ModelAuthenticationError):
    """Cloudflare or Google rejected the token or key (401)."""


class CloudflarePermissionError(CloudflareGeminiError, ModelPermissionDeniedError):
    """The token lacks a permission, or the account has no credit (402, 403)."""


class CloudflareInvalidRequestError(CloudflareGeminiError, ModelInvalidRequestError):
    """The request isn't valid (400, 413, 422, 424)."""


class CloudflareContextOverflowError(
    CloudflareInvalidRequestError, ContextOverflowError
):
    """The input has more tokens than the model supports."""


class CloudflareNotFoundError(CloudflareGeminiError, ModelNotFoundError):
    """No such model, gateway or path (404)."""


class CloudflareRateLimitError(CloudflareGeminiError, ModelRateLimitError):
    """Too many requests, or a spending limit was reached (429)."""


class CloudflareServerError(CloudflareGeminiError, ModelAPIError):
    """Cloudflare or Google failed (408, 409, 5xx)."""


class CloudflareConnectionError(CloudflareGeminiError, ModelConnectionError):
    """Cloudflare could not be reached, or the connection broke."""


class CloudflareTimeoutError(CloudflareConnectionError, ModelTimeoutError):
    """Cloudflare didn't respond in time."""


class ResponseFormatError(CloudflareGeminiError):
    """A response that can't be read: empty, not JSON, incomplete or too large."""


class UnsupportedContentError(ValueError):
    """The input has no Gemini equivalent. No request was sent."""


_CLASS_OF_STATUS: dict[int, type[CloudflareGeminiError]] = {
    401: CloudflareAuthenticationError,
    402: CloudflarePermissionError,
    403: CloudflarePermissionError,
    404: CloudflareNotFoundError,
    408: CloudflareServerError,
    409: CloudflareServerError,
    429: CloudflareRateLimitError,
}


def class_from_status(status: int) -> type[CloudflareGeminiError]:
    """The error class of an HTTP status; what is no error status is a format error."""
    if status in _CLASS_OF_STATUS:
        return _CLASS_OF_STATUS[status]
    if status >= 500:
        return CloudflareServerError
    return CloudflareInvalidRequestError if status >= 400 else ResponseFormatError

"""The error tree: classes, attributes, pickles."""

from __future__ import annotations

import pickle

import pytest
from langchain_core import exceptions as core
from langchain_core.exceptions import ModelError

from langchain_cf_gemini import exceptions as ours
from langchain_cf_gemini.exceptions import (
    CloudflareGeminiError,
    ResponseFormatError,
    UnsupportedContentError,
    class_from_status,
)

# A class, what it is beside, whether the request is sent again.
TREE: list[tuple[type[CloudflareGeminiError], type[ModelError], bool]] = [
    (ours.CloudflareAuthenticationError, core.ModelAuthenticationError, False),
    (ours.CloudflarePermissionError, core.ModelPermissionDeniedError, False),
    (ours.CloudflareInvalidRequestError, core.ModelInvalidRequestError, False),
    (ours.CloudflareContextOverflowError, core.ContextOverflowError, False),
    (ours.CloudflareContextOverflowError, ours.CloudflareInvalidRequestError, False),
    (ours.CloudflareNotFoundError, core.ModelNotFoundError, False),
    (ours.CloudflareRateLimitError, core.ModelRateLimitError, True),
    (ours.CloudflareServerError, core.ModelAPIError, True),
    (ours.CloudflareConnectionError, core.ModelConnectionError, True),
    (ours.CloudflareTimeoutError, core.ModelTimeoutError, True),
    (ours.ResponseFormatError, core.ModelError, False),
]


@pytest.mark.parametrize(("kind", "base", "is_retryable"), TREE)
def test_each_error_is_langchain_s_too(
    kind: type[CloudflareGeminiError], base: type[ModelError], is_retryable: bool
) -> None:
    assert issubclass(kind, CloudflareGeminiError)
    assert issubclass(kind, base)
    assert kind.is_retryable is is_retryable
    error = kind("what", status_code=418, code="x", is_retryable=True)
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is kind
    assert vars(twin) == vars(error)
    assert str(twin) == "what"


def test_our_caller_s_fault_is_a_value_error_and_no_model_error() -> None:
    assert issubclass(UnsupportedContentError, ValueError)
    assert not issubclass(UnsupportedContentError, ModelError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ResponseFormatError),
        (400, ours.CloudflareInvalidRequestError),
        (401, ours.CloudflareAuthenticationError),
        (402, ours.CloudflarePermissionError),
        (403, ours.CloudflarePermissionError),
        (404, ours.CloudflareNotFoundError),
        (408, ours.CloudflareServerError),
        (409, ours.CloudflareServerError),
        (413, ours.CloudflareInvalidRequestError),
        (418, ours.CloudflareInvalidRequestError),
        (424, ours.CloudflareInvalidRequestError),
        (429, ours.CloudflareRateLimitError),
        (500, ours.CloudflareServerError),
        (599, ours.CloudflareServerError),
    ],
)
def test_class_from_status(status: int, kind: type[CloudflareGeminiError]) -> None:
    assert class_from_status(status) is kind


def example() -> ours.CloudflareRateLimitError:
    return ours.CloudflareRateLimitError(
        "too many",
        status_code=429,
        code=2003,
        retry_after=3.5,
        body='{"error": 1}',
        headers={"cf-ray": "ray", "content-length": "999", "content-encoding": "br"},
        gateway={"ray_id": "ray", "log_id": "log", "request_id": "req"},
    )


def test_ids_come_from_what_the_gateway_said() -> None:
    error = example()
    assert (error.ray_id, error.log_id, error.request_id) == ("ray", "log", "req")
    bare = CloudflareGeminiError("x", gateway={"ray_id": "ray"})
    assert (bare.ray_id, bare.log_id, bare.request_id) == ("ray", None, "ray")


def test_the_response_that_tracers_read_is_readable_and_has_no_request() -> None:
    response = example().response
    assert response is not None
    assert response.status_code == 429
    assert response.json() == {"error": 1}
    assert response.headers["cf-ray"] == "ray"
    with pytest.raises(RuntimeError):
        _ = response.request
    assert CloudflareGeminiError("no answer at all").response is None

"""The arguments of `ChatCloudflareGemini`, for type checkers: every name it takes."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    import httpx
    import httpx2
    from langchain_core.caches import BaseCache
    from langchain_core.callbacks import Callbacks
    from langchain_core.language_models import ModelProfile
    from langchain_core.rate_limiters import BaseRateLimiter
    from pydantic import SecretStr

    from langchain_cf_gemini.gateway import GatewayOptions

    Secret = str | SecretStr | None
    Timeout = float | httpx.Timeout | httpx2.Timeout | None


class ModelArguments(TypedDict, total=False):
    """What the constructor takes; `ChatCloudflareGemini` says what each means."""

    model: str
    model_name: str
    account_id: str | None
    api_token: "Secret"
    api_key: "Secret"
    gateway_token: "Secret"
    google_api_key: "Secret"
    endpoint: Literal["auto", "run", "gateway"]
    base_url: str | None
    gateway_base_url: str | None
    allow_http: bool
    gateway: "str | GatewayOptions | Mapping[str, Any] | None"
    gateway_metadata_keys: Sequence[str] | Mapping[str, str] | None
    google_model: str | None

    temperature: float | None
    top_p: float | None
    top_k: int | None
    max_tokens: int | None
    max_output_tokens: int | None
    stop: Sequence[str] | str | None
    stop_sequences: Sequence[str] | str | None
    seed: int | None
    presence_penalty: float | None
    frequency_penalty: float | None
    n: int | None
    candidate_count: int | None
    thinking_level: str | None
    reasoning_effort: str | None
    thinking_budget: int | None
    include_thoughts: bool | None
    response_mime_type: str | None
    response_schema: Any
    response_modalities: Sequence[str] | None
    media_resolution: str | None
    speech_config: Mapping[str, Any] | None
    image_config: Mapping[str, Any] | None
    logprobs: bool | int | None
    generation_config: Mapping[str, Any] | None
    safety_settings: Mapping[str, str] | Sequence[Mapping[str, Any]] | None
    tool_config: Mapping[str, Any] | None
    schema_dialect: Literal["json", "openapi"]
    cached_content: str | None
    labels: Mapping[str, str] | None
    automatic_continuation: bool | None
    media_urls: Literal["inline", "pass"]

    timeout: "Timeout"
    request_timeout: "Timeout"
    max_retries: int
    streaming: bool | None
    stream_usage: bool
    stream_on_run: bool
    adaptive_rate: bool
    default_headers: "Mapping[str, str | SecretStr] | None"
    http_client: "httpx.Client | httpx2.Client | None"
    http_async_client: "httpx.AsyncClient | httpx2.AsyncClient | None"
    binding: Any
    carry_secrets: bool
    required_secrets: Sequence[str] | None
    fallback_ttl: float
    gateway_memory: Any

    name: str | None
    cache: "BaseCache | bool | None"
    verbose: bool
    callbacks: "Callbacks"
    tags: list[str] | None
    metadata: dict[str, Any] | None
    custom_get_token_ids: Callable[[str], list[int]] | None
    rate_limiter: "BaseRateLimiter | None"
    disable_streaming: bool | Literal["tool_calling"]
    output_version: str | None
    profile: "ModelProfile | None"

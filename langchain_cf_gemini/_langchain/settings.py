"""The fields of `ChatCloudflareGemini`, their checks, and what they add up to."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.utils import from_env, secret_from_env
from pydantic import (
    AfterValidator,
    AliasChoices,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)

from langchain_cf_gemini._cloudflare.endpoints import API_BASE_URL, GATEWAY_BASE_URL
from langchain_cf_gemini._gemini.request.generation_config import (
    ALIASES,
    GENERATION,
    canonical,
)
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini._http.attempt import DEFAULT_TIMEOUT
from langchain_cf_gemini._version import __version__
from langchain_cf_gemini.gateway import GatewayOptions, metadata_from_run

if TYPE_CHECKING:
    import httpx

    from langchain_cf_gemini._cloudflare.endpoints import Account
    from langchain_cf_gemini._http.client import Transport

ACCOUNT_VARIABLES = ["CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"]
TOKEN_VARIABLES = ["CLOUDFLARE_API_TOKEN", "CF_API_TOKEN", "CF_AI_API_TOKEN"]

# A call may say these beside the fields, which it may say again.
_PER_CALL = frozenset(
    {"tools", "tool_choice", "strict", "parallel_tool_calls", "response_format"}
)
_PER_REQUEST = frozenset(
    {
        "cached_content",
        "default_headers",
        "endpoint",
        "gateway",
        "google_model",
        "labels",
        "max_retries",
        "media_urls",
        "model",
        "safety_settings",
        "schema_dialect",
        "stream_on_run",
        "stream_usage",
        "timeout",
        "tool_config",
    }
)
_ARGUMENTS = GENERATION | _PER_REQUEST | _PER_CALL
_FIELDS = tuple(sorted(GENERATION | _PER_REQUEST | {"output_version"}))
_FROM_ENVIRONMENT = ("account_id", "api_token", "api_key")
_ENDPOINTS = ("auto", "run", "gateway")


def _aliased(name: str, default: Any = None, **rules: Any) -> Any:
    """Return a field that also takes its other name."""
    names = [alias for alias, field in ALIASES.items() if field == name]
    if callable(default):
        rules["default_factory"] = default
    else:
        rules["default"] = default
    return Field(validation_alias=AliasChoices(name, *names), **rules)


def _timeout_from(value: Any) -> Any:
    """Read a timeout: seconds, None, or httpx's, also as its four limits."""
    if isinstance(value, dict):
        import httpx

        return httpx.Timeout(**value)
    if value is None or hasattr(value, "as_dict"):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError(
            "timeout must be a number of seconds above 0, an httpx.Timeout or None, "
            f"not {value!r}"
        )
    return float(value)


if TYPE_CHECKING:
    Timeout = float | httpx.Timeout | None
else:
    Timeout = Annotated[Any, AfterValidator(_timeout_from)]


class _Lease:
    """An instance's transport; never copied, pickled or shared with the instance."""

    __slots__ = ("key", "transport")

    def __init__(self) -> None:
        self.key: tuple[Any, ...] = ()
        self.transport: Transport | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Lease":
        return _Lease()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Lease, ())


class GeminiSettings(BaseChatModel):
    """Fields and checks; see `ChatCloudflareGemini` for what they mean."""

    # Validators are built with the first instance: 9 ms less to import.
    # Inputs stay out of validation errors: one of them is the token.
    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True)

    model: str = _aliased("model", ...)
    account_id: str | None = Field(
        default_factory=from_env(ACCOUNT_VARIABLES, default=None)
    )
    api_token: SecretStr | None = _aliased(
        "api_token", secret_from_env(TOKEN_VARIABLES, default=None)
    )
    google_api_key: SecretStr | None = None
    endpoint: Literal["auto", "run", "gateway"] = "auto"
    base_url: str = API_BASE_URL
    gateway_base_url: str = GATEWAY_BASE_URL
    allow_http: bool = False
    gateway: GatewayOptions = Field(default_factory=GatewayOptions)
    gateway_metadata_keys: list[str] | dict[str, str] | None = None
    google_model: str | None = None

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = _aliased("max_tokens")
    stop: list[str] | str | None = _aliased("stop")
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: int | None = _aliased("n")
    thinking_level: str | None = _aliased("thinking_level")
    thinking_budget: int | None = None
    include_thoughts: bool | None = None
    response_mime_type: str | None = None
    response_schema: Any = None
    response_modalities: list[str] | None = None
    media_resolution: str | None = None
    speech_config: dict[str, Any] | None = None
    image_config: dict[str, Any] | None = None
    logprobs: bool | int | None = None
    generation_config: dict[str, Any] | None = None
    safety_settings: dict[str, str] | list[dict[str, Any]] | None = None
    tool_config: dict[str, Any] | None = None
    schema_dialect: Literal["json", "openapi"] = "json"
    cached_content: str | None = None
    labels: dict[str, str] | None = None
    media_urls: Literal["inline", "pass"] = "inline"

    timeout: Timeout = _aliased("timeout", DEFAULT_TIMEOUT)
    max_retries: int = Field(default=2, ge=0)
    streaming: bool | None = None
    stream_usage: bool = True
    stream_on_run: bool = False
    default_headers: dict[str, str] | None = None
    http_client: Any = Field(default=None, exclude=True)
    http_async_client: Any = Field(default=None, exclude=True)
    carry_secrets: bool = False

    _lease: _Lease = PrivateAttr(default_factory=_Lease)
    _gateway_refused: bool = PrivateAttr(default=False)

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, values: Any) -> Any:
        """Refuse arguments that nobody reads; None means the environment's value."""
        if not isinstance(values, Mapping):
            return values
        canonical(values, frozenset(cls.model_fields), cls.__name__)
        return {
            name: value
            for name, value in values.items()
            if value is not None or name not in _FROM_ENVIRONMENT
        }

    @model_validator(mode="after")
    def _check_values(self) -> Self:
        """Refuse what Google would refuse, and credentials that are not there."""
        from langchain_cf_gemini._cloudflare.model_ids import (
            google_id_from,
            model_id_from,
            thinking_levels,
        )
        from langchain_cf_gemini._gemini.request.generation_config import (
            config_from_settings,
            safety_settings_from,
        )

        bare = model_id_from(self.model)
        if self.google_model is not None:
            google_id_from(self.model, self.google_model)
        config_from_settings(self._set(), bare, thinking_levels(bare))
        if self.safety_settings is not None:
            safety_settings_from(self.safety_settings)
        self.gateway.headers("gateway" if self.endpoint == "gateway" else "run")
        if self.google_api_key is not None and self.endpoint == "run":
            raise ValueError(
                "google_api_key is for the gateway endpoint: Cloudflare's /ai/run "
                "takes no key of Google's; use endpoint='gateway' or 'auto'"
            )
        self._account()
        self._add_version("langchain-cf-gemini", __version__)
        return self

    def _set(self) -> Json:
        """Return the fields that were set, under their canonical names."""
        values = self.__dict__
        return {k: v for k in _FIELDS if (v := values.get(k)) is not None}

    def _settings(
        self,
        stop: list[str] | None,
        arguments: Mapping[str, Any],
        run_metadata: Mapping[str, Any] | None = None,
    ) -> Json:
        """Return the fields with a call's own arguments laid over them.

        The run's metadata stands between the two: it says more than the instance and
        less than the call.

        Raises:
            TypeError: If there is no such argument.
        """
        settings = self._set()
        gateway = self.gateway
        if self.gateway_metadata_keys and run_metadata:
            named = metadata_from_run(run_metadata, self.gateway_metadata_keys)
            gateway = gateway.merged({"metadata": named})
        settings["gateway"] = gateway
        if arguments:
            given = canonical(arguments, _ARGUMENTS, "a call of ChatCloudflareGemini")
            if "gateway" in given:
                given["gateway"] = gateway.merged(given["gateway"])
            _drop_rivals(settings, given)
            settings |= given
        if stop is not None:
            settings["stop"] = stop
        if settings.get("endpoint", "auto") not in _ENDPOINTS:
            raise ValueError(f"endpoint must be one of {', '.join(_ENDPOINTS)}")
        return settings

    def _account(self) -> "Account":
        """Return where and as whom to ask."""
        from langchain_cf_gemini._cloudflare.endpoints import Account

        if not self.account_id:
            raise ValueError(
                "no Cloudflare account: set CLOUDFLARE_ACCOUNT_ID or pass account_id"
            )
        if not self.api_token or not (token := self.api_token.get_secret_value()):
            raise ValueError(
                "no Cloudflare API token: set CLOUDFLARE_API_TOKEN or pass api_token"
            )
        key = self.google_api_key
        return Account(
            account_id=self.account_id,
            api_token=token,
            google_api_key=key.get_secret_value() if key else None,
            base_url=self.base_url,
            gateway_base_url=self.gateway_base_url,
            allow_http=self.allow_http,
        )

    def _transport(self) -> "Transport":
        """Return the instance's transport, made anew when its settings changed."""
        from langchain_cf_gemini._http.client import Transport, TransportSettings

        clients = (self.http_client, self.http_async_client)
        key = (self.max_retries, self.timeout, *map(id, clients))
        lease = self._lease
        if lease.transport is None or lease.key != key:
            settings = TransportSettings(
                max_retries=self.max_retries,
                timeout=self.timeout,
                http_client=self.http_client,
                http_async_client=self.http_async_client,
            )
            lease.transport, lease.key = Transport(settings), key
        return lease.transport

    # ---- copies

    def __copy__(self) -> Self:
        """Copy the settings; connections are not shared through the copy."""
        copied = super().__copy__()
        copied._lease = _Lease()
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy the settings deeply; a user's own clients are shared, not copied."""
        memo = {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            if client is not None:
                memo[id(client)] = client
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Leave credentials and connections behind; workers read their environment."""
        state = dict(super().__getstate__())
        fields = state["__dict__"] = dict(state["__dict__"])
        fields["http_client"] = fields["http_async_client"] = None
        fields.pop("_serialized", None)
        if not self.carry_secrets:
            fields["api_token"] = fields["google_api_key"] = None
            state["__left_behind__"] = [
                name
                for name in ("api_token", "google_api_key")
                if getattr(self, name) is not None
            ]
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Read the environment for what did not travel."""
        left = state.pop("__left_behind__", ())
        super().__setstate__(state)
        if "api_token" in left:
            self.api_token = secret_from_env(TOKEN_VARIABLES, default=None)()
        if "google_api_key" in left:
            key = secret_from_env(["GOOGLE_API_KEY", "GEMINI_API_KEY"], default=None)()
            self.google_api_key = key


_RIVALS = {
    "thinking_level": "thinking_budget",
    "thinking_budget": "thinking_level",
    "response_format": "response_schema",
}


def _drop_rivals(settings: Json, given: Json) -> None:
    """Let a call's argument win over the field that excludes it."""
    for name, rival in _RIVALS.items():
        if name in given and rival not in given:
            settings.pop(rival, None)

"""`ChatCloudflareGemini`: Gemini through Cloudflare as a LangChain chat model."""

from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, cast, overload

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)

from langchain_cf_gemini._cloudflare import account_calls, credential_check
from langchain_cf_gemini._cloudflare.answers import EnvelopeReader
from langchain_cf_gemini._cloudflare.catalogue import ModelInfo
from langchain_cf_gemini._cloudflare.endpoints import Account
from langchain_cf_gemini._cloudflare.log_feedback import (
    Feedback,
    feedback_body,
    log_path,
)
from langchain_cf_gemini._cloudflare.routing import GatewayMemory, refuse_run
from langchain_cf_gemini._gemini.request import token_estimate
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini._http.attempt import DEFAULT_TIMEOUT
from langchain_cf_gemini._http.client import Transport
from langchain_cf_gemini._http.files import afetch, fetch
from langchain_cf_gemini._http.seam import run
from langchain_cf_gemini._langchain import call as calls
from langchain_cf_gemini._langchain import connection, field_errors, secrets, tracing
from langchain_cf_gemini._langchain.binding import (
    Binding,
    bound_tools,
    with_readable_batch,
    with_readable_prompt,
    with_run_metadata,
)
from langchain_cf_gemini._langchain.derived import (
    KEPT,
    derived,
    forget_derived,
    without_derived,
)
from langchain_cf_gemini._langchain.exchange import Exchange
from langchain_cf_gemini._langchain.fallback import Fallback, GatewayFallbackWarning
from langchain_cf_gemini._langchain.profile import (
    name_of_model,
    profile_for,
    traced_params,
)
from langchain_cf_gemini._langchain.registration import attributes_of, register
from langchain_cf_gemini._langchain.settings import (
    ALIASES,
    SETTINGS,
    ConstructorSignature,
    Method,
    Timeout,
    in_google_words,
    laid,
    layer_of,
    named,
    names_of,
)
from langchain_cf_gemini._version import __version__
from langchain_cf_gemini.arguments import ModelArguments
from langchain_cf_gemini.exceptions import CloudflareGeminiError
from langchain_cf_gemini.gateway import Endpoint, GatewayOptions, metadata_from_run

__all__ = ["ChatCloudflareGemini", "GatewayFallbackWarning", "ModelWarning"]

register()

_T = TypeVar("_T")
_Model = TypeVar("_Model", bound=BaseModel)

# What LangSmith's parameters are made of.
_TRACED = frozenset({"model", "temperature", "max_tokens", "stop", "generation_config"})


class ModelWarning(UserWarning):
    """The model is retired, or ignores a setting."""


class ChatCloudflareGemini(BaseChatModel):
    """LangChain chat model for Google Gemini through Cloudflare.

    Requests use Gemini's native format on two endpoints. `run` is
    `POST /accounts/{id}/ai/run`, which returns each response in one chunk. `gateway` is
    AI Gateway's Google path, the only one with documented streaming.
    `endpoint="auto"` uses `run` for `invoke` and `gateway` for `stream`. If the gateway
    isn't set up for streaming, `run` is used, and you get one `GatewayFallbackWarning`.

    Not tested with a live account; see "Verification status" in the documentation.

    Example:
        ```python
        from langchain_cf_gemini import ChatCloudflareGemini

        model = ChatCloudflareGemini(model="gemini-3-flash", max_tokens=500)
        model.invoke("What are the three laws of thermodynamics?").text
        ```

    Set generation options on the model, pass them to a single call, or use `bind()` or
    `configurable_fields()`. Options you leave out aren't sent, so Gemini's defaults
    apply. Invalid values and unknown arguments raise before a request is sent.

    Attributes:
        model: Model to use, for example `gemini-3-flash` or `google/gemini-3-flash`.
            Also `model_name`.
        account_id: Cloudflare account ID (default: `CLOUDFLARE_ACCOUNT_ID` or
            `CF_ACCOUNT_ID`).
        api_token: Cloudflare API token (default: `CLOUDFLARE_API_TOKEN`,
            `CF_API_TOKEN` or `CF_AI_API_TOKEN`). Also `api_key`.
        gateway_token: Separate token for AI Gateway (default: `CF_AIG_TOKEN` or
            `CLOUDFLARE_GATEWAY_TOKEN`, otherwise `api_token`).
        google_api_key: Your own Google key. All requests then use the gateway, the only
            endpoint that supports one.
        endpoint: `auto` (default), `run` or `gateway`.
        base_url: Address of Cloudflare's API (default:
            `https://api.cloudflare.com/client/v4`).
        gateway_base_url: Address of AI Gateway (default:
            `https://gateway.ai.cloudflare.com/v1`), or of a custom domain up to
            `/google-ai-studio`.
        allow_http: Allow unencrypted HTTP to other machines (default: False).
        gateway: Gateway's name, or `GatewayOptions` (default: the gateway `default`).
        gateway_metadata_keys: Keys of LangChain's run metadata to send as gateway
            metadata. A dict renames them (default: None).
        google_model: Google's ID of the model on the gateway, if the packaged catalog
            is out of date (`gemini-3-flash` is `gemini-3-flash-preview` there).
        temperature: 0 to 2. Google recommends the default of 1 for Gemini 3. No effect
            from Gemini 3.5 Flash-Lite and 3.6 on, like `top_p` and `top_k`.
        top_p: 0 to 1.
        top_k: At least 1.
        max_tokens: Maximum output tokens, including thinking. Also `max_output_tokens`.
        stop: Strings that end the response, at most 5. Also `stop_sequences`.
        seed: Seed for best-effort reproducible output.
        presence_penalty: -2 to below 2. Not supported from Gemini 3.5 Flash-Lite and
            3.6 on.
        frequency_penalty: -2 to below 2, like `presence_penalty`.
        n: Number of candidates, 1 to 8. Streams have one. Also `candidate_count`.
        thinking_level: `minimal`, `low`, `medium`, `high` or `xhigh`, depending on the
            model. For Gemini 3 and later. Also `reasoning_effort`.
        thinking_budget: Tokens for thinking, 0 for none, -1 to let the model decide.
            For Gemini 2.5.
        include_thoughts: Return thought summaries as reasoning blocks.
        response_mime_type: `application/json` or `text/plain`.
        response_schema: Schema of the response text: a Pydantic class, TypedDict or
            JSON Schema.
        response_modalities: List of `TEXT`, `IMAGE`, `AUDIO`.
        media_resolution: `low`, `medium` or `high`, for all media of the request.
        speech_config: Google's SpeechConfig.
        image_config: Google's ImageConfig.
        logprobs: True, or the number of alternatives per token.
        safety_settings: Dict of category to threshold, or Google's list.
        tool_config: Google's ToolConfig. `tool_choice` overrides it.
        schema_dialect: Schema format sent to Google: `json` (JSON Schema, lossless,
            default) or `openapi` (Google's older subset).
        cached_content: Name of content that Google caches.
        labels: Google's labels for the request.
        automatic_continuation: Request all pages of a response that Google ends at its
            limit for one request (`CONTINUATION`), and resume a broken stream from its
            last checkpoint (default: True). A call also accepts `continuation_token`.
        generation_config: Dict that overrides `generationConfig`, for fields that this
            package doesn't know.
        media_urls: `inline` (default) downloads media and sends the bytes. `pass` lets
            Google fetch the URL.
        timeout: Seconds per attempt (default: 600). For streams, the longest gap
            between events. An `httpx2.Timeout` sets each phase, None disables the
            limit. Also `request_timeout`.
        max_retries: Number of retries after a failed attempt (default: 2).
        adaptive_rate: Follow rate limits with one pace for the whole process (default:
            True). No effect with a `rate_limiter`. See "Batches".
        streaming: Stream also for `invoke` (default: None, not).
        stream_usage: Report token usage in streams (default: True).
        stream_on_run: Request streams from `run` too, which Cloudflare doesn't document
            for Gemini's format (default: False).
        default_headers: Additional headers for every request.
        http_client: Your own httpx2 or httpx client for sync calls. You close it.
        http_async_client: Your own client for async calls.
        binding: A Worker's AI binding, such as `self.env.AI`. It replaces connections
            and needs neither account nor token, and supports async calls only. See
            "In a Cloudflare Worker" in the documentation.
        carry_secrets: Include credentials in pickles (default: False: workers read
            their own environment).
        required_secrets: Secrets without which a loaded model sends nothing. Saved
            models set this.
        fallback_ttl: Seconds before a gateway that failed to stream is tried again
            (default: 600).
        gateway_memory: Recent failures of gateways. Copies of a model share it.

    Raises:
        ValueError: From the constructor, for an invalid value, an unsupported model, or
            missing credentials.
        CloudflareGeminiError: From calls. The subclass tells what went wrong.
        UnsupportedContentError: From calls, if the input has no Gemini equivalent. No
            request was sent.
    """

    # Validators are built with the first instance: 9 ms less to import.
    # Inputs stay out of validation errors: one of them is the token.
    # A subclass may give a field a name of its own; the field's holds, too.
    model_config = ConfigDict(
        defer_build=True,
        hide_input_in_errors=True,
        ignored_types=(derived,),
        populate_by_name=True,
    )

    model: str
    account_id: str | None = connection.from_environment("account_id")
    api_token: SecretStr | None = connection.from_environment("api_token")
    gateway_token: SecretStr | None = connection.from_environment("gateway_token")
    google_api_key: SecretStr | None = None
    endpoint: Literal["auto", "run", "gateway"] = "auto"
    base_url: str = connection.from_environment("base_url")
    gateway_base_url: str = connection.from_environment("gateway_base_url")
    allow_http: bool = False
    gateway: GatewayOptions = Field(default_factory=GatewayOptions)
    gateway_metadata_keys: list[str] | dict[str, str] | None = None
    google_model: str | None = None

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: list[str] | str | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: int | None = None
    thinking_level: str | None = None
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
    automatic_continuation: bool | None = None
    media_urls: Literal["inline", "pass"] = "inline"

    timeout: Timeout = DEFAULT_TIMEOUT
    max_retries: int = Field(default=2, ge=0)
    adaptive_rate: bool = True
    streaming: bool | None = None
    stream_usage: bool = True
    stream_on_run: bool = False
    default_headers: dict[str, SecretStr] | None = None
    http_client: Any = Field(default=None, exclude=True)
    http_async_client: Any = Field(default=None, exclude=True)
    binding: Any = Field(default=None, exclude=True)
    carry_secrets: bool = False
    required_secrets: list[str] | None = None
    fallback_ttl: float = Field(default=600.0, ge=0)
    gateway_memory: Any = Field(default_factory=GatewayMemory, exclude=True, repr=False)

    _told: set[str] = PrivateAttr(default_factory=set)

    def __init__(self, **arguments: Unpack[ModelArguments]) -> None:
        """Check the arguments, which the class describes; nothing is sent."""
        given = cast("Json", arguments)
        hidden = secrets.hide(given, names_of(type(self), given) | ALIASES.keys())
        given.clear()  # errors keep this frame, and tools show what is in it
        try:
            return super().__init__(**hidden)
        except ValidationError as error:
            refused = field_errors.error_from_validation(error, type(self), hidden)
        raise refused

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Give each class the signature of its own fields, with every alias."""
        super().__pydantic_init_subclass__(**kwargs)
        ConstructorSignature.put_on(cls)

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, values: Any) -> Any:
        """Refuse arguments that nobody reads; None means the environment's value."""
        if not isinstance(values, Mapping):
            return values
        given = named(values, names_of(cls, values), cls.__name__, once=True)
        unset = {ALIASES.get(k, k): None for k in values} | given
        read = connection.READ_BY_FIELDS
        return {k: v for k, v in unset.items() if v is not None or k not in read}

    @model_validator(mode="after")
    def _check_values(self) -> Self:
        """Refuse what Google would refuse, and credentials that are not there."""
        self._add_version("langchain-cf-gemini", __version__)
        self.__dict__["gateway"] = connection.with_named_gateway(self.gateway)
        # Defaults of subclasses are not looked at before.
        self.__dict__ |= secrets.hidden_fields(self.__dict__)
        self._tell(calls.check_settings(self._settings(None, {})))
        account = self._account
        if self.endpoint == "run":
            refuse_run(account, self.gateway)
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _hide_secrets(cls, values: Any, make: Callable[[Any], Self]) -> Self:
        """Let nobody's errors show secrets: those of pydantic keep what was given."""
        return field_errors.without_texts(cls, values, make)

    # ---- copies

    def __copy__(self) -> Self:
        """Copy the settings; connections are not shared through the copy."""
        return super().__copy__()._forgotten()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy the settings deeply; clients and a limiter are shared, not copied."""
        memo = {} if memo is None else memo
        for name in (*connection.SENDERS, "rate_limiter", KEPT):
            if (shared := self.__dict__.get(name)) is not None:
                memo[id(shared)] = shared
        return super().__deepcopy__(memo)._forgotten()

    def _forgotten(self) -> Self:
        """Forget what was made of the fields before one of them changed."""
        forget_derived(self.__dict__)
        return self

    def model_copy(
        self, *, update: Mapping[str, Any] | None = None, deep: bool = False
    ) -> Self:
        """Copy the settings, with some of them changed, and check what was changed."""
        copied = super().model_copy(deep=deep)
        if not update:
            return copied
        changed = {ALIASES.get(name, name): value for name, value in update.items()}
        kept_fields = {n: getattr(copied, n) for n in type(self).model_fields}
        if "model" in changed:
            del kept_fields["profile"]  # it is the old model's
        fields = {**kept_fields, **(copied.model_extra or {}), **changed}
        # A subclass may have a constructor of its own, with other arguments.
        made = type(self).__new__(type(self))
        ChatCloudflareGemini.__init__(made, **cast("Any", fields))
        made.__pydantic_fields_set__ = self.model_fields_set | changed.keys()
        return made

    if not TYPE_CHECKING:  # checkers would take any name for a field then

        @classmethod
        def model_rebuild(cls, **options: Any) -> Any:
            """Build the validators, and with them the signature."""
            depth = options.pop("_parent_namespace_depth", 2) + 1
            built = super().model_rebuild(_parent_namespace_depth=depth, **options)
            ConstructorSignature.put_on(cls)
            return built

        def __setattr__(self, name: str, value: Any) -> None:
            """Set a field; LangChain's cache and tracers see the model as it is now."""
            field = ALIASES.get(name, name)
            if field == "gateway":
                value = connection.with_named_gateway(value)
            super().__setattr__(field, field_errors.checked(type(self), field, value))
            if field == "model":
                self.__dict__["profile"] = self._resolve_model_profile()
            self._forgotten()

    def __getstate__(self) -> dict[Any, Any]:
        """Leave credentials and connections behind; workers read their environment."""
        state = dict(super().__getstate__())
        fields = state["__dict__"] = without_derived(state["__dict__"])
        fields |= dict.fromkeys(connection.SENDERS)
        fields["rate_limiter"] = connection.packed(self.rate_limiter)
        if not self.carry_secrets:
            fields |= secrets.without(self, self.required_secrets)
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Read the environment for what did not travel."""
        super().__setstate__(state)
        self.__dict__ |= secrets.found(self, self.required_secrets)
        self.rate_limiter = connection.unpacked(self.rate_limiter)

    # ---- LangChain's house

    @property
    def _llm_type(self) -> str:
        return "cloudflare-gemini"

    @property
    def _identifying_params(self) -> Json:
        others = {"default_headers", "timeout", "gateway"}
        params = {k: v for k, v in self._layer.items() if k not in others}
        params["model"] = name_of_model(self.model)
        return params | ({"gateway": told} if (told := self.gateway.as_dict()) else {})

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Say that `langchain_core.load` may write and read this class."""
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Return the module path that serialized models are found by."""
        return ["langchain_cf_gemini", "chat_models"]

    @derived
    def _serialized(self) -> Json:
        return cast("Json", dumpd(self))

    def to_json(self) -> Any:
        """Return the model as `langchain_core.load` writes it."""
        told = super().to_json()
        if self.timeout is DEFAULT_TIMEOUT:  # 600 seconds would be somebody's choice
            cast("Json", told)["kwargs"].pop("timeout")
        return told

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Return the environment variables that stand for secrets when serialized."""
        return secrets.variables_of_secrets()

    @property
    def lc_attributes(self) -> Json:
        """Return fields as JSON, and the model by the name that traces show."""
        return attributes_of(self)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Say the model, the endpoint, and what was set; no secrets."""
        return secrets.shown_fields(self)

    @property
    def model_name(self) -> str:
        """The model, by the name that other integrations use."""
        return self.model

    def _resolve_model_profile(self) -> ModelProfile | None:
        endpoint: Endpoint = "run" if self.endpoint == "run" else "gateway"
        return profile_for(self.model, endpoint=endpoint)

    def _get_invocation_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> Json:
        if "model" in kwargs:
            kwargs["model"] = name_of_model(kwargs["model"])
        # Without the detour by `dict()`, which is deprecated and costs 7 microseconds.
        return {**self.asdict(), "stop": stop, **kwargs}

    def _get_ls_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> LangSmithParams:
        known = {k: v for k, v in kwargs.items() if ALIASES.get(k, k) in _TRACED}
        return traced_params(self._settings(stop, known))

    # ---- one call

    @derived
    def _layer(self) -> Json:
        """The lowest layer: the fields that were set."""
        return layer_of(self.__dict__)

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
        settings = in_google_words(self._layer)
        if self.gateway_metadata_keys and run_metadata:
            picked = metadata_from_run(run_metadata, self.gateway_metadata_keys)
            settings["gateway"] = self.gateway.merged({"metadata": picked})
        if stop is not None:
            arguments = {"stop": stop, **arguments}
        if arguments:
            who = f"a call of {type(self).__name__}"
            settings = laid(settings, named(arguments, SETTINGS, who))
        return settings

    @derived
    def _account(self) -> Account:
        """Where and as whom to ask."""
        connection.check_fields(self)
        secrets.refuse_lost(self, self.required_secrets)
        agent = f"langchain-cf-gemini/{__version__}"
        return connection.account_from_fields(self, agent)

    @derived
    def _transport(self) -> Transport:
        return connection.transport_from_fields(self)

    def _exchange(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        kwargs: Json,
        run_manager: Any,
        *,
        stream: bool = False,
    ) -> Exchange:
        """Convert a call and choose its endpoint; fails before anything is sent."""
        kwargs.pop("stream", None)
        settings = self._settings(stop, kwargs, tracing.run_metadata(run_manager))
        call = calls.Call(settings, messages)
        fallback = Fallback(call, self._account, self.gateway_memory, self.fallback_ttl)
        exchange = Exchange(call, self._account, fallback, stream=stream)
        self._tell(exchange.notices)
        return exchange

    def _tell(self, notices: Sequence[str]) -> None:
        """Warn of what was not told yet."""
        for notice in notices:
            if notice not in self._told:
                self._told.add(notice)
                tracing.warn_caller(notice, ModelWarning)

    if not TYPE_CHECKING:  # LangChain's own types hold
        generate = with_readable_batch(BaseChatModel.generate)
        agenerate = with_readable_batch(BaseChatModel.agenerate)
        stream = with_run_metadata(BaseChatModel.stream, tracing.within_run)
        astream = with_run_metadata(BaseChatModel.astream, tracing.awithin_run)
        stream_events = with_readable_prompt(BaseChatModel.stream_events)
        astream_events = with_readable_prompt(BaseChatModel.astream_events)

        def batch(self, *args: Any, **kwargs: Any) -> list[AIMessage]:
            """Ask several times; see `Runnable.batch`."""
            self._transport.require_blocking()
            return super().batch(*args, **kwargs)

        def batch_as_completed(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            """Ask several times; see `Runnable.batch_as_completed`."""
            self._transport.require_blocking()
            return super().batch_as_completed(*args, **kwargs)

    def _generate_with_cache(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        with tracing.at_hand(tracing.run_metadata(kwargs.get("run_manager"))):
            result = super()._generate_with_cache(messages, *args, **kwargs)
        return tracing.with_llm_output(result)

    async def _agenerate_with_cache(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        with tracing.at_hand(tracing.run_metadata(kwargs.get("run_manager"))):
            result = await super()._agenerate_with_cache(messages, *args, **kwargs)
        return tracing.with_llm_output(result)

    def _combine_llm_outputs(self, llm_outputs: list[Json | None]) -> Json:
        return tracing.combined_llm_outputs(llm_outputs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        exchange = self._exchange(messages, stop, kwargs, run_manager)
        return run(exchange.answered(self._send, fetch))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        exchange = self._exchange(messages, stop, kwargs, run_manager)
        return await exchange.answered(self._transport.asend, afetch)

    async def _send(self, *asked: Any, **times: Any) -> Any:
        """Ask, blocking: a coroutine that never waits, which `run` drives."""
        return self._transport.send(*asked, **times)

    # ---- streams

    # LangChain reports tokens to callbacks itself; doing it here too would report
    # them twice in its v3 events.

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        exchange = self._exchange(messages, stop, kwargs, run_manager, stream=True)
        run(exchange.download(fetch))
        send = self._transport.stream
        while not exchange.is_over:
            try:
                with send(*exchange.asked(), **exchange.times) as stream:
                    for payload in stream:
                        yield from exchange.feed(payload)
                    exchange.end_page(stream.reader.gateway)
            except CloudflareGeminiError as error:
                exchange.failed(error)
        yield from exchange.last()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        exchange = self._exchange(messages, stop, kwargs, run_manager, stream=True)
        await exchange.download(afetch)
        send = self._transport.astream
        while not exchange.is_over:
            try:
                async with send(*exchange.asked(), **exchange.times) as stream:
                    async for payload in stream:
                        for chunk in exchange.feed(payload):
                            yield chunk
                    exchange.end_page(stream.reader.gateway)
            except CloudflareGeminiError as error:
                exchange.failed(error)
        for chunk in exchange.last():
            yield chunk

    # ---- tools and structured output

    def bind(self, **kwargs: Any) -> Binding:
        """Return this model with arguments for its calls; see `Runnable.bind`."""
        return Binding(bound=self).bind(**kwargs)

    def bind_tools(
        self,
        tools: Sequence[Any],
        *,
        tool_choice: Any = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return this model with tools, converted once.

        Args:
            tools: Functions, LangChain tools, pydantic classes, TypedDicts, JSON
                Schemas, declarations of OpenAI, Anthropic, MCP or Gemini, and names of
                Gemini's own tools (`"google_search"`, `"code_execution"`, ...).
            tool_choice: `"auto"`, `"any"`, `"required"`, `"none"`, True, a tool's name,
                a list of names, or a dict of OpenAI's, Anthropic's or Gemini's.
            strict: True makes Google enforce the tools' schemas (mode VALIDATED).
            parallel_tool_calls: Gemini can't turn off parallel tool calls. False keeps
                the first tool call and lists the others in
                `response_metadata["dropped_tool_calls"]`.
            response_format: Schema of the response text.
            **kwargs: Any other argument of a call, bound with the tools.

        Raises:
            ValueError: If a tool or a choice has no Gemini equivalent.
        """
        dialect = kwargs.get("schema_dialect") or self.schema_dialect
        bound = bound_tools(tools, tool_choice, strict, parallel_tool_calls, dialect)
        return self.bind(response_format=response_format, **bound, **kwargs)

    @overload
    def with_structured_output(
        self,
        schema: type[_Model],
        *,
        include_raw: Literal[False] = False,
        method: Method = "json_schema",
        tools: None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, _Model]: ...

    @overload
    def with_structured_output(
        self, schema: Any = None, *, method: Method = "json_schema", **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]: ...

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        include_raw: bool = False,
        method: Method = "json_schema",
        strict: bool | None = None,
        tools: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable whose output has a schema.

        Args:
            schema: A pydantic class, TypedDict, dataclass, Enum, `list[...]`, or JSON
                Schema.
            include_raw: Whether to return `{"raw", "parsed", "parsing_error"}`.
            method: `"json_schema"` makes Google enforce the schema,
                `"function_calling"` forces a tool call, `"json_mode"` requests any
                JSON.
            strict: For function calling, as in `bind_tools`.
            tools: Tools that the model may call instead of answering.
            **kwargs: Any other argument of a call.

        Raises:
            ValueError: If the schema or the method cannot be used.
        """
        from langchain_cf_gemini._langchain.structured_output import structured_output

        return structured_output(
            self,
            schema,
            include_raw=include_raw,
            method=method,
            strict=strict,
            tools=tools,
            dialect=kwargs.get("schema_dialect", self.schema_dialect),
            **kwargs,
        )

    # ---- counting tokens

    def get_num_tokens(self, text: str) -> int:
        """Estimate a text's tokens offline; `docs/gateway.md` states the error.

        Args:
            text: Any text.

        Returns:
            The estimate, or the count of `custom_get_token_ids` if that was given.
        """
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return token_estimate.tokens_from_text(text)

    def get_token_ids(self, text: str) -> list[int]:
        """Return the ids of `custom_get_token_ids`.

        Raises:
            NotImplementedError: Without it: Gemini's tokenizer is not published.
        """
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        raise NotImplementedError(
            "Gemini's tokenizer isn't published, so there are no token IDs. Use "
            "get_num_tokens for an estimate, or pass custom_get_token_ids."
        )

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Estimate the tokens of a request offline, media and tools included.

        `custom_get_token_ids` counts its texts if that was given.

        Args:
            messages: A conversation, or any slice of one: a lone result of a tool or a
                lone system message counts too, as trimming needs it.
            tools: Tools as for `bind_tools`.

        Raises:
            UnsupportedContentError: If a message has no Gemini equivalent.
        """
        arguments = {"tools": list(tools)} if tools else {}
        body = calls.body_to_count(self._settings(None, arguments), messages)
        return token_estimate.tokens_from_request(body, self.model, self.get_num_tokens)

    # ---- the account beside the model

    def send_feedback(
        self,
        message: AIMessage | str,
        *,
        gateway: str | GatewayOptions | None = None,
        **said: Unpack[Feedback],
    ) -> None:
        """Add feedback to the log entry of an answer.

        The API token needs the permission `AI Gateway Edit`.

        Args:
            message: The answer, or its log id.
            gateway: The gateway of the call (default: the one that the response
                names, or for an ID alone this model's).
            **said: One or more of `score` (how good it was, from 0 to 100), `feedback`
                (1 for a thumb up, -1 for a thumb down, 0 for not evaluated) and
                `metadata` (further entries for the log: str, number or bool).

        Raises:
            ValueError: If the answer was not logged, or a value is out of its range.
            CloudflareGeminiError: If Cloudflare refuses it.
        """
        path = log_path(message, gateway, self.gateway)
        self._asked(account_calls.add_feedback, path, feedback_body(**said))

    async def asend_feedback(
        self,
        message: AIMessage | str,
        *,
        gateway: str | GatewayOptions | None = None,
        **said: Unpack[Feedback],
    ) -> None:
        """Add feedback to the log entry of an answer, as `send_feedback` does."""
        path = log_path(message, gateway, self.gateway)
        await self._aasked(account_calls.add_feedback, path, feedback_body(**said))

    def read_log(
        self, message: AIMessage | str, *, gateway: str | GatewayOptions | None = None
    ) -> Json:
        """Read Cloudflare's log entry of an answer, with the cost that it computed.

        It is written some seconds after the answer. The API token needs the permission
        `AI Gateway Read`.

        Args:
            message: The answer, or its log id.
            gateway: The gateway of the call (default: the one that the response
                names, or for an ID alone this model's).

        Returns:
            The entry as Cloudflare writes it: `cost` (US dollars), `tokens_in`,
            `tokens_out`, `cached`, `duration`, `model`, `provider`, `success`, ...

        Raises:
            ValueError: If the answer was not logged.
            CloudflareNotFoundError: If the entry is not there (yet).
            CloudflareGeminiError: If Cloudflare refuses it.
        """
        return self._asked(
            account_calls.log_entry, log_path(message, gateway, self.gateway)
        )

    async def aread_log(
        self, message: AIMessage | str, *, gateway: str | GatewayOptions | None = None
    ) -> Json:
        """Read Cloudflare's log entry of an answer, as `read_log` does."""
        return await self._aasked(
            account_calls.log_entry, log_path(message, gateway, self.gateway)
        )

    def check_credentials(self) -> credential_check.CredentialReport:
        """Find out what the credentials may do, without a model's answer or a bill.

        Returns:
            For the token, both endpoints, logs and feedback whether they let the
            credentials in, and which permission is missing; printed, one line each.
        """
        return self._asked(credential_check.report, self._settings(None, {}))

    async def acheck_credentials(self) -> credential_check.CredentialReport:
        """Find out what the credentials may do, as `check_credentials` does."""
        return await self._aasked(credential_check.report, self._settings(None, {}))

    def list_models(self) -> list[ModelInfo]:
        """List the Gemini models available to your account.

        The endpoint is known from third parties only. If it is missing, not readable or
        contains no Gemini model, the packaged models are listed.

        Returns:
            One `ModelInfo` per model. `packaged` tells where it comes from. The logger
            `langchain_cf_gemini` warns why it isn't the account's.

        Raises:
            CloudflareGeminiError: If Cloudflare fails or rejects the token.
        """
        return self._asked(account_calls.listed_models)

    async def alist_models(self) -> list[ModelInfo]:
        """List the Gemini models available to your account, like `list_models`."""
        return await self._aasked(account_calls.listed_models)

    def _asked(self, call: Callable[..., Coroutine[Any, Any, _T]], *given: Any) -> _T:
        ask = partial(self._send, reader=EnvelopeReader())
        return run(call(ask, self._account, *given))

    async def _aasked(
        self, call: Callable[..., Coroutine[Any, Any, _T]], *given: Any
    ) -> _T:
        ask = partial(self._transport.asend, reader=EnvelopeReader())
        return await call(ask, self._account, *given)

    # ---- connections

    def close(self) -> None:
        """Give up this instance's share in the process's connections."""
        self._transport.close()

    async def aclose(self) -> None:
        """Give up this instance's share in the running loop's connections too."""
        await self._transport.aclose()

    def __enter__(self) -> Self:
        """Return the model; leaving the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the model."""
        self.close()

    async def __aenter__(self) -> Self:
        """Return the model; leaving the block closes it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the model."""
        await self.aclose()


ConstructorSignature.put_on(ChatCloudflareGemini)
# langchain-core looks at theirs in every call: `inspect` takes 22 microseconds to make
# one anew, 7 to find it.
_ASKED: tuple[Any, ...] = (
    ChatCloudflareGemini._generate,
    ChatCloudflareGemini._agenerate,
)
for _method in _ASKED:
    _method.__signature__ = signature(_method)

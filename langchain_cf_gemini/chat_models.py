"""`ChatCloudflareGemini`: Gemini through Cloudflare as a LangChain chat model."""

import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig, ensure_config

from langchain_cf_gemini._gemini.vocabulary import PROVIDER, Json
from langchain_cf_gemini._langchain import registration as _loading
from langchain_cf_gemini._langchain.account_calls import AccountCalls
from langchain_cf_gemini._langchain.settings import GeminiSettings
from langchain_cf_gemini._langchain.token_counts import TokenCounts
from langchain_cf_gemini.exceptions import CloudflareGeminiError

if TYPE_CHECKING:
    from langchain_cf_gemini._cloudflare.endpoints import Request
    from langchain_cf_gemini._http.streams import AsyncPayloadStream, PayloadStream
    from langchain_cf_gemini._langchain.call import Call
    from langchain_cf_gemini.gateway import Endpoint

_loading.register()

# The gateway refused for a reason of set-up, which asking again will not change.
_REFUSAL_CODES = frozenset({2001, 2008, 2009})
_REFUSAL_STATUSES = frozenset({401, 402, 403, 404})
_RUN_METADATA = "_run_metadata"


class GatewayFallbackWarning(UserWarning):
    """The gateway refused to stream; the instance streams through `run` from now on."""


class ChatCloudflareGemini(AccountCalls, TokenCounts, GeminiSettings):
    """Google's Gemini models as Cloudflare proxies them.

    Two of Cloudflare's endpoints carry the same native Gemini body. `run` is
    `POST /accounts/{id}/ai/run`, which answers whole; `gateway` is the AI Gateway's
    Google path, the only one with a documented native stream. `endpoint="auto"` invokes
    through `run` and streams through `gateway`; if the gateway refuses to stream for a
    reason of set-up, the instance streams through `run` from then on and says so once,
    as a `GatewayFallbackWarning`.

    No live account was available to this package's authors: what rests on Cloudflare's
    and Google's documents, on recorded exchanges or on neither is told apart in the
    README under "What is proven".

    Example:
        ```python
        from langchain_cf_gemini import ChatCloudflareGemini

        model = ChatCloudflareGemini(model="gemini-3-flash", max_tokens=500)
        model.invoke("What are the three laws of thermodynamics?").text
        ```

    Every argument that shapes an answer can also be given to a call (`invoke(...,
    temperature=0)`), bound (`bind`) and made configurable (`configurable_fields`). Only
    what was set goes on the wire. Values that Google is documented to refuse fail
    before anything is sent, and so do arguments that nobody reads.

    Attributes:
        model: `gemini-3-flash`, or with its author, `google/gemini-3-flash`. Also
            `model_name`.
        account_id: Cloudflare account; environment `CLOUDFLARE_ACCOUNT_ID`,
            `CF_ACCOUNT_ID`.
        api_token: Cloudflare API token; environment `CLOUDFLARE_API_TOKEN`,
            `CF_API_TOKEN`, `CF_AI_API_TOKEN`. Also `api_key`.
        google_api_key: A key of your own with Google. Every call then goes through the
            gateway, the only endpoint that takes one.
        endpoint: `auto` (default), `run` or `gateway`.
        base_url: Root of Cloudflare's API.
        gateway_base_url: Root of the AI Gateway.
        allow_http: Let plain http go to hosts other than this machine.
        gateway: A gateway's id, or `GatewayOptions`; default gateway `default`.
        gateway_metadata_keys: Keys of LangChain's run metadata to send as the
            gateway's metadata; a dict renames them. None by default.
        google_model: Google's id of the model on the gateway, if the packaged table is
            out of date (`gemini-3-flash` is `gemini-3-flash-preview` there).
        temperature: 0 to 2. Google advises to leave Gemini 3 at its default of 1.
        top_p: 0 to 1.
        top_k: At least 1.
        max_tokens: Most tokens to write, thoughts included. Also `max_output_tokens`.
        stop: Texts that end the answer. Also `stop_sequences`.
        seed: For answers that repeat as far as Google can.
        presence_penalty: -2 to 2.
        frequency_penalty: -2 to 2.
        n: Candidates per answer, 1 to 8; streams have one. Also `candidate_count`.
        thinking_level: `minimal`, `low`, `medium` or `high`, as far as the model has
            it; Gemini 3 and later. Also `reasoning_effort`.
        thinking_budget: Tokens for thinking, 0 for none, -1 for as many as the model
            wants; made for Gemini 2.5.
        include_thoughts: Whether summaries of the thoughts come, as reasoning blocks.
        response_mime_type: `application/json` or `text/plain`.
        response_schema: The schema that the text must have: a pydantic class,
            TypedDict, or JSON Schema.
        response_modalities: `TEXT`, `IMAGE`, `AUDIO`.
        media_resolution: `low`, `medium` or `high`, for all media of the request.
        speech_config: Google's SpeechConfig.
        image_config: Google's ImageConfig.
        logprobs: True, or how many alternatives for each token.
        safety_settings: Dict of category to threshold, or Google's list.
        tool_config: Google's ToolConfig, under what `tool_choice` says.
        schema_dialect: How schemas are said: `json` (JSON Schema, lossless) or
            `openapi` (Google's older subset).
        cached_content: Name of content that Google caches.
        labels: Google's labels for the request.
        generation_config: Laid over everything else in `generationConfig`, so that
            what Google adds tomorrow can be sent today.
        media_urls: `inline` downloads media named by an address and sends the bytes;
            `pass` has Google fetch it.
        timeout: Seconds, an `httpx.Timeout`, or None for no limit; 600 by default. A
            number is the deadline of one attempt of a whole answer, and for streams
            the longest wait between two events. Also `request_timeout`.
        max_retries: Repetitions of a failed attempt; 0 is one attempt, 2 the default.
        streaming: Whether `invoke` streams underneath.
        stream_usage: Whether streams report token usage.
        stream_on_run: Ask `run` to stream too, which Cloudflare does not document for
            this dialect; what comes back is read by its content type.
        default_headers: Further headers for every request.
        http_client: An httpx client of your own for sync calls; never closed here.
        http_async_client: The same for async calls.
        carry_secrets: Whether pickles hold the token and the key. By default they do
            not, and a worker reads its own environment.

    Raises:
        ValueError: From the constructor, for a value out of its range, a model that
            does not speak this dialect, or missing credentials.
        CloudflareGeminiError: From calls; the subclass says what went wrong.
        UnsupportedContentError: From calls, for what cannot be said to Gemini; nothing
            was sent then.
    """

    # ---- LangChain's house

    @property
    def _llm_type(self) -> str:
        return "cloudflare-gemini"

    @property
    def _identifying_params(self) -> Json:
        params = self._set()
        for name in ("default_headers", "timeout", "gateway"):
            params.pop(name, None)
        return params | self._gateway_params()

    def _gateway_params(self) -> Json:
        return {"gateway": told} if (told := self.gateway.as_dict()) else {}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Say that `langchain_core.load` may write and read this class."""
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Return the module path that serialized models are found by."""
        return ["langchain_cf_gemini", "chat_models"]

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Return the environment variables that stand for secrets when serialized."""
        return {"api_token": "CLOUDFLARE_API_TOKEN", "google_api_key": "GOOGLE_API_KEY"}

    @property
    def lc_attributes(self) -> Json:
        """Return the fields whose values are not JSON by themselves."""
        attributes: Json = {"gateway": self.gateway.as_dict()}
        if self.timeout is not None and not isinstance(self.timeout, int | float):
            attributes["timeout"] = self.timeout.as_dict()
        return attributes

    @property
    def model_name(self) -> str:
        """The model, by the name that other integrations use."""
        return self.model

    def _resolve_model_profile(self) -> ModelProfile | None:
        from langchain_cf_gemini._langchain.profile import profile_for

        endpoint: Endpoint = "run" if self.endpoint == "run" else "gateway"
        return profile_for(self.model, endpoint=endpoint)

    def _get_ls_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> LangSmithParams:
        params = LangSmithParams(
            ls_provider=PROVIDER,
            ls_model_name=kwargs.get("model") or self.model,
            ls_model_type="chat",
        )
        temperature = kwargs.get("temperature", self.temperature)
        if temperature is not None:
            params["ls_temperature"] = temperature
        max_tokens = kwargs.get("max_tokens", self.max_tokens)
        if max_tokens is not None:
            params["ls_max_tokens"] = max_tokens
        if words := stop or self.stop:
            params["ls_stop"] = [words] if isinstance(words, str) else words
        return params

    # ---- one call

    def _call(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        kwargs: Json,
        run_manager: Any,
        *,
        stream: bool = False,
    ) -> "tuple[Call, Endpoint]":
        """Convert a call and choose its endpoint; fails before anything is sent."""
        from langchain_cf_gemini._langchain import calls as _calls

        kwargs.pop("stream", None)
        run_metadata = kwargs.pop(_RUN_METADATA, None)
        if run_metadata is None and run_manager is not None:
            run_metadata = run_manager.metadata
        settings = self._settings(stop, kwargs, run_metadata)
        if stream and settings.get("n", 1) > 1:
            raise ValueError("n > 1 cannot be streamed: a stream is one answer")
        call = _calls.call_from_settings(settings, messages)
        return call, self._endpoint(settings, stream=stream)

    def _endpoint(self, settings: Json, *, stream: bool) -> "Endpoint":
        chosen = settings.get("endpoint", "auto")
        if chosen != "auto":
            return cast("Endpoint", chosen)
        if self.google_api_key is not None:
            return "gateway"  # the only endpoint that takes a key of Google's
        return "gateway" if stream and not self._gateway_refused else "run"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        from langchain_cf_gemini._langchain import calls as _calls

        call, endpoint = self._call(messages, stop, kwargs, run_manager)
        if call.media.downloads:
            _calls.download(call.media.downloads)
        request = call.request(self._account(), endpoint, stream=False)
        answer = self._transport().send(request, **call.times)
        return _calls.result_from_payloads(call, answer.payloads, answer.gateway)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        from langchain_cf_gemini._langchain import calls as _calls

        call, endpoint = self._call(messages, stop, kwargs, run_manager)
        if call.media.downloads:
            await _calls.adownload(call.media.downloads)
        request = call.request(self._account(), endpoint, stream=False)
        answer = await self._transport().asend(request, **call.times)
        return _calls.result_from_payloads(call, answer.payloads, answer.gateway)

    # ---- streams

    # langchain-core gives `_stream` no run manager here, and so no run metadata.

    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Stream an answer; see `BaseChatModel.stream`."""
        if self.gateway_metadata_keys:
            kwargs[_RUN_METADATA] = ensure_config(config).get("metadata")
        return super().stream(input, config, stop=stop, **kwargs)

    def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Stream an answer; see `BaseChatModel.astream`."""
        if self.gateway_metadata_keys:
            kwargs[_RUN_METADATA] = ensure_config(config).get("metadata")
        return super().astream(input, config, stop=stop, **kwargs)

    # LangChain reports tokens to callbacks itself; doing it here too would report
    # them twice in its v3 events.

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        from langchain_cf_gemini._langchain import calls as _calls

        call, endpoint = self._call(messages, stop, kwargs, run_manager, stream=True)
        if call.media.downloads:
            _calls.download(call.media.downloads)
        parser = call.parser(streaming=True)
        with ExitStack() as stack:
            stream = self._opened(stack, call, endpoint, auto=_is_auto(self, kwargs))
            for payload in stream:
                if (chunk := parser.feed(payload)) is not None:
                    yield ChatGenerationChunk(message=chunk)
            last = _calls.last_chunk(call, parser, stream.gateway)
        yield ChatGenerationChunk(message=last)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        from langchain_cf_gemini._langchain import calls as _calls

        call, endpoint = self._call(messages, stop, kwargs, run_manager, stream=True)
        if call.media.downloads:
            await _calls.adownload(call.media.downloads)
        parser = call.parser(streaming=True)
        async with AsyncExitStack() as stack:
            auto = _is_auto(self, kwargs)
            stream = await self._aopened(stack, call, endpoint, auto=auto)
            async for payload in stream:
                if (chunk := parser.feed(payload)) is not None:
                    yield ChatGenerationChunk(message=chunk)
            last = _calls.last_chunk(call, parser, stream.gateway)
        yield ChatGenerationChunk(message=last)

    def _opened(
        self, stack: ExitStack, call: "Call", endpoint: "Endpoint", *, auto: bool
    ) -> "PayloadStream":
        send = self._transport().stream
        try:
            request = self._stream_request(call, endpoint)
            return stack.enter_context(send(request, **call.times))
        except CloudflareGeminiError as error:
            if not (auto and endpoint == "gateway" and self._falls_back(error)):
                raise
        request = self._stream_request(call, "run")
        return stack.enter_context(send(request, **call.times))

    async def _aopened(
        self, stack: AsyncExitStack, call: "Call", endpoint: "Endpoint", *, auto: bool
    ) -> "AsyncPayloadStream":
        send = self._transport().astream
        try:
            request = self._stream_request(call, endpoint)
            return await stack.enter_async_context(send(request, **call.times))
        except CloudflareGeminiError as error:
            if not (auto and endpoint == "gateway" and self._falls_back(error)):
                raise
        request = self._stream_request(call, "run")
        return await stack.enter_async_context(send(request, **call.times))

    def _stream_request(self, call: "Call", endpoint: "Endpoint") -> "Request":
        # Cloudflare documents no stream of this dialect on run: the whole answer
        # becomes the stream, unless the caller wants to try.
        stream = endpoint == "gateway" or call.stream_on_run
        return call.request(self._account(), endpoint, stream=stream)

    def _falls_back(self, error: CloudflareGeminiError) -> bool:
        """Turn to `run` for good if the gateway refused for a reason of set-up."""
        refused = error.status_code in _REFUSAL_STATUSES or error.code in _REFUSAL_CODES
        if refused and not self._gateway_refused:
            self._gateway_refused = True
            warnings.warn(
                "Cloudflare's gateway refused to stream, so this model streams through "
                "/ai/run from now on, each answer in one piece. Set endpoint='run' to "
                f"choose that, or mend the gateway: {error}",
                GatewayFallbackWarning,
                stacklevel=2,
            )
        return refused

    # ---- tools and structured output

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
            strict: True makes Google hold calls to their schema (mode VALIDATED).
            parallel_tool_calls: Gemini cannot forbid parallel calls. False keeps the
                first call of an answer; the others are kept out of `tool_calls` and
                told in `response_metadata["dropped_tool_calls"]`.
            response_format: A schema that the answer's text must have.
            **kwargs: Any other argument of a call, bound with the tools.

        Raises:
            ValueError: If a tool or a choice cannot be said in Gemini's terms.
        """
        from langchain_cf_gemini._langchain import calls as _calls

        settings = {"tools": list(tools), "tool_choice": tool_choice, "strict": strict}
        settings |= {
            "schema_dialect": kwargs.get("schema_dialect", self.schema_dialect)
        }
        settings |= {"tool_config": kwargs.pop("tool_config", self.tool_config)}
        wire = _calls.tools_from_settings(settings)
        bound: Json = {"tools": wire.get("tools", [])}
        if "toolConfig" in wire:
            bound["tool_config"] = wire["toolConfig"]
        if parallel_tool_calls is None:
            from langchain_cf_gemini._gemini.tools.tool_choice import (
                parallel_from_choice,
            )

            parallel_tool_calls = parallel_from_choice(tool_choice)
        if parallel_tool_calls is not None:
            bound["parallel_tool_calls"] = parallel_tool_calls
        if response_format is not None:
            bound["response_format"] = response_format
        return self.bind(**bound, **kwargs)

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        include_raw: bool = False,
        method: Literal["json_schema", "function_calling", "json_mode"] = "json_schema",
        strict: bool | None = None,
        tools: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable whose output has a schema.

        Args:
            schema: A pydantic class, TypedDict, dataclass, Enum, `list[...]`, or JSON
                Schema.
            include_raw: Whether to return `{"raw", "parsed", "parsing_error"}`.
            method: `"json_schema"` has Google hold the text to the schema,
                `"function_calling"` forces one call, `"json_mode"` asks for any JSON.
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

    # ---- connections

    def close(self) -> None:
        """Give up this instance's share in the process's connections."""
        self._transport().close()

    async def aclose(self) -> None:
        """Give up this instance's share in the running loop's connections too."""
        await self._transport().aclose()

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


def _is_auto(model: GeminiSettings, kwargs: Json) -> bool:
    return bool(kwargs.get("endpoint", model.endpoint) == "auto")

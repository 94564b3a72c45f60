"""One call: settings and messages become a request, its answer a result."""

import logging
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, cast

from langchain_core.language_models._utils import _normalize_messages
from langchain_core.messages import BaseMessage
from pydantic_core import to_json

from langchain_cf_gemini._cloudflare.catalogue import ModelInfo, model_info, today
from langchain_cf_gemini._cloudflare.endpoints import (
    Account,
    Options,
    gateway_request,
    run_request,
)
from langchain_cf_gemini._cloudflare.model_ids import (
    google_id_from,
    model_id_from,
)
from langchain_cf_gemini._cloudflare.routing import only_on_gateway, refuse_run
from langchain_cf_gemini._gemini.answer.parser import AnswerParser
from langchain_cf_gemini._gemini.answer.wire import count_from
from langchain_cf_gemini._gemini.json_values import with_sound_texts
from langchain_cf_gemini._gemini.request.backend_fields import strange_field
from langchain_cf_gemini._gemini.request.backends import History
from langchain_cf_gemini._gemini.request.contents import body_from_messages
from langchain_cf_gemini._gemini.request.generation_config import (
    config_from_settings,
    safety_settings_from,
)
from langchain_cf_gemini._gemini.request.media import Media
from langchain_cf_gemini._gemini.request.model_rules import (
    ignored,
    is_before_gemini_3,
    refusal,
)
from langchain_cf_gemini._gemini.request.response_format import JSON
from langchain_cf_gemini._gemini.tools.declarations import tools_from_settings
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini._http.attempt import DEFAULT_TIMEOUT
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._langchain.connection import (
    gateway_from_headers,
    open_headers,
)
from langchain_cf_gemini._langchain.input_blocks import readable_messages
from langchain_cf_gemini._langchain.settings import written
from langchain_cf_gemini.exceptions import UnsupportedContentError
from langchain_cf_gemini.gateway import Endpoint

_logger = logging.getLogger("langchain_cf_gemini")

_FUNCTIONS, _SERVER_SIDE = "functionDeclarations", "includeServerSideToolInvocations"
_MORE_THAN_TEXT = re.compile(r"image|tts|omni")


@lru_cache(maxsize=256)
def _ids_from(model: str, google_model: str | None) -> tuple[str, str, bool]:
    """Return a model's bare id, Google's id, and whether it is before Gemini 3."""
    bare = model_id_from(model)
    return bare, google_id_from(model, google_model), is_before_gemini_3(bare)


class Call:
    """What one call sends, and how its answer is to be read.

    `replaced` says how many signatures of the history the last request left out.
    """

    def __init__(
        self, settings: Mapping[str, Any], messages: Sequence[BaseMessage]
    ) -> None:
        """Convert everything that the call sends.

        Args:
            settings: The instance's fields with the call's own arguments laid over
                them, under their canonical names.
            messages: The conversation, oldest first.

        Raises:
            ValueError: If a setting is outside of what Google documents.
            UnsupportedContentError: If a message cannot be said in Gemini's terms.
        """
        get = settings.get
        self.model, self.google_id, before_3 = _ids_from(
            settings["model"], get("google_model")
        )
        known = model_info(self.model)
        self.media = Media(
            urls=get("media_urls") or "inline",
            per_part=not before_3,
            office=known is not None and known.reads_office_files,
        )
        self.body = _body_from_settings(settings, messages, self.media)
        self.history = History(self.body["contents"], self.media.signed)
        self.replaced = 0
        self.headers = open_headers(get("default_headers"))
        self.gateway = gateway_from_headers(self.headers, settings["gateway"])
        self.endpoint: str = get("endpoint", "auto")
        self.stream_on_run = bool(get("stream_on_run"))
        self.times = _times_from(settings)
        self.follows_pages = get("automatic_continuation") is not False
        self.with_usage = get("stream_usage") is not False
        self._single_call = get("parallel_tool_calls") is False
        is_v1 = get("output_version") == "v1"
        self._as_blocks = is_v1 or _asks_for_more(self.model, self.body)

    @property
    def is_auto(self) -> bool:
        """Whether the caller leaves the endpoint to this package."""
        return self.endpoint == "auto"

    @property
    def may_turn_to_run(self) -> bool:
        """Whether `run` may answer a stream that the gateway refused."""
        return self.is_auto and self._refusal("run", stream=True) is None

    def chosen(
        self, account: Account, *, stream: bool, gateway_refuses: bool
    ) -> Endpoint:
        """Choose the endpoint, unless the caller did.

        Args:
            account: As whom to ask.
            stream: Whether a stream is asked for.
            gateway_refuses: Whether the gateway is not set up for streams.

        Raises:
            ValueError: If `run` was chosen, which would ignore what was given.
            UnsupportedContentError: If the request would be refused there.
        """
        endpoint = cast("Endpoint", self.endpoint)
        if endpoint == "run":
            refuse_run(account, self.gateway)
        is_free = self.is_auto and only_on_gateway(account, self.gateway) is None
        if self.is_auto:
            # What one backend signed the other refuses: a thread that was streamed
            # stays where it was.
            wants_gateway = stream or self.history.backend == "gemini_api"
            goes_there = wants_gateway and not gateway_refuses
            endpoint = "gateway" if goes_there or not is_free else "run"
        if (problem := self._refusal(endpoint, stream)) is None:
            return endpoint
        other = _OTHER[endpoint]
        if is_free and self._refusal(other, stream) is None:
            return other
        raise UnsupportedContentError(problem)

    def _refusal(self, endpoint: Endpoint, stream: bool) -> str | None:
        stream = stream and (endpoint == "gateway" or self.stream_on_run)
        facts, backend = _facts(self.model, endpoint), BACKENDS[endpoint]
        problem = refusal(self.body, facts, backend, stream=stream)
        return problem or strange_field(self.body, self.history.opaque, backend)

    def request(
        self,
        account: Account,
        endpoint: Endpoint,
        *,
        stream: bool,
        replacing: bool = False,
        token: str | None = None,
        is_trusted: bool = False,
    ) -> Request:
        """Return the HTTP request for one of the two endpoints.

        Args:
            account: As whom to ask.
            endpoint: Where.
            stream: Whether to ask for a stream.
            replacing: Whether Google's dummy takes the place of every signature.
            token: The token of the page to ask for.
            is_trusted: Whether the credentials worked a moment ago.
        """
        body = self._body(endpoint, replacing=replacing)
        if token is not None:
            body = {**body, "continuationToken": token}
        options: Options = {
            "headers": {**self.headers, **self.gateway.headers(endpoint)},
            # Whatever a caller sends along may be a credential.
            "hidden": tuple(self.headers.values()),
            "has_media": self.media.is_inline,
            "stream": stream,
            "is_trusted": is_trusted,
        }
        try:
            return self._asked(account, endpoint, body, options)
        except UnsupportedContentError:
            # A file's name, or a text that was cut in the middle of an emoji.
            if (repaired := with_sound_texts(body)) == body:
                raise
            _logger.warning("Invalid characters (lone surrogates) were sent as U+FFFD.")
            return self._asked(account, endpoint, repaired, options)

    def _asked(
        self, account: Account, endpoint: Endpoint, body: Json, options: Options
    ) -> Request:
        if endpoint == "run":
            body = {**body, "stream": True} if options["stream"] else body
            return run_request(account, f"google/{self.model}", body, **options)
        # Since Gemini 3 the Gemini API takes Google's own tools beside functions only
        # if told so; Vertex AI, behind run, takes them and knows no such field: wire
        # differences recorded by pydantic-ai and google-genai.
        kinds = {kind for tool in body.get("tools", ()) for kind in tool}
        if self.media.per_part and len(kinds) > 1 and _FUNCTIONS in kinds:
            config = {_SERVER_SIDE: True, **body.get("toolConfig", {})}
            body = {**body, "toolConfig": config}
        name = self.gateway.gateway_id
        return gateway_request(account, self.google_id, body, gateway=name, **options)

    def _body(self, endpoint: Endpoint, *, replacing: bool) -> Json:
        contents, self.replaced = self.history.for_backend(
            BACKENDS[endpoint], signs_calls=self.media.per_part, replacing=replacing
        )
        is_same = contents is self.history.contents
        return self.body if is_same else {**self.body, "contents": contents}

    @property
    def is_structured(self) -> bool:
        """Whether somebody will read the answer as an object, and may find it bad."""
        calling = self.body.get("toolConfig", {}).get("functionCallingConfig") or {}
        config = self.body.get("generationConfig", {})
        return calling.get("mode") == "ANY" or config.get("responseMimeType") == JSON

    def gateway_facts(
        self, account: Account, endpoint: Endpoint, gateway: Json
    ) -> Json:
        """Return how a call was asked, and what the gateway said of its answer.

        Args:
            account: As whom the call was asked.
            endpoint: Where.
            gateway: What the gateway said.
        """
        asked: Json = {"endpoint": endpoint}
        if endpoint == "run" or not account.has_custom_domain:
            asked["id"] = self.gateway.gateway_id
        if account.google_api_key and endpoint == "gateway":
            asked["key_source"] = "Request"
        if isinstance(self.gateway.custom_cost, Mapping):
            asked["custom_cost"] = dict(self.gateway.custom_cost)
        return asked | gateway

    @property
    def candidates(self) -> int:
        """How many answers are asked for, by whatever name that was said."""
        config = self.body.get("generationConfig") or {}
        return count_from(config.get("candidateCount")) or 1

    def parser(
        self, endpoint: Endpoint, *, streaming: bool, candidate: int = 0
    ) -> AnswerParser:
        """Return a reader for the answer of an endpoint."""
        return AnswerParser(
            backend=BACKENDS[endpoint],
            streaming=streaming,
            as_blocks=self._as_blocks,
            single_call=self._single_call,
            functions={
                function["name"]: function.get("parametersJsonSchema")
                or function.get("parameters")
                or {}
                for tool in self.body.get("tools", ())
                for function in tool.get(_FUNCTIONS, ())
            },
            candidate=candidate,
            seed=self._seed,
        )

    def _seed(self) -> str:
        """Return what tells this call from the others of a conversation."""
        return blake2b(to_json(self.body), digest_size=9).hexdigest()


BACKENDS: Mapping[str, str] = {"run": "vertex_ai", "gateway": "gemini_api"}
"""Which of Google's services answers behind an endpoint."""
_ENDPOINTS = {"auto": ("run", "gateway")}
_OTHER: Mapping[str, Endpoint] = {"run": "gateway", "gateway": "run"}


def _facts(model: str, endpoint: str) -> ModelInfo | None:
    """Return what is known of a model; None once another answers in its stead.

    Google says so of the Gemini API alone.
    """
    known = model_info(model)
    if endpoint == "gateway" and known and known.replaced_by:
        return None if known.retired_on(today(), endpoint) else known
    return known


def notices_of(model: str, body: Json, endpoints: Sequence[str]) -> list[str]:
    """Return what a caller should know of a model and its settings, for warnings."""
    known = model_info(model)
    if known is None:
        return []
    told = [said] if (said := ignored(body, known)) else []
    for endpoint in endpoints:
        if known.retired_on(today(), endpoint):
            instead = known.replaced_by if endpoint == "gateway" else None
            told.append(
                f"{known.id} was retired for endpoint={endpoint!r} on "
                f"{known.retires(endpoint)}. "
                + (f"{instead} responds instead, at its price. " if instead else "")
                + "Use another model."
            )
    return told


def check_settings(settings: Mapping[str, Any]) -> list[str]:
    """Refuse what would be refused in every call.

    Returns:
        What the caller should know of the model and the settings.

    Raises:
        ValueError: If a setting is outside of what Google documents, or the model is
            none of this dialect.
    """
    model, _, _ = _ids_from(settings["model"], settings.get("google_model"))
    config = config_from_settings(settings, written(settings))
    endpoint = settings.get("endpoint", "auto")
    body = {"generationConfig": config}
    if problem := refusal(body, _facts(model, endpoint), BACKENDS.get(endpoint)):
        raise ValueError(problem)
    if (safety := settings.get("safety_settings")) is not None:
        safety_settings_from(safety)
    return notices_of(model, body, _ENDPOINTS.get(endpoint, (endpoint,)))


def _body_from_settings(
    settings: Mapping[str, Any], messages: Sequence[BaseMessage], media: Media
) -> Json:
    get = settings.get
    body = body_from_messages(messages, media=media, signs_calls=media.per_part)
    body |= tools_from_settings(settings)
    if config := config_from_settings(settings, written(settings)):
        body["generationConfig"] = config
    if (safety := get("safety_settings")) is not None:
        body["safetySettings"] = safety_settings_from(safety)
    if cached := get("cached_content"):
        body["cachedContent"] = cached
    if labels := get("labels"):
        body["labels"] = dict(labels)
    if token := get("continuation_token"):
        body["continuationToken"] = token
    return body


def body_to_count(settings: Mapping[str, Any], messages: Sequence[BaseMessage]) -> Json:
    """Return what of a request counts as input, for any slice of a conversation.

    Nothing is sent, so no rule of sending applies: addresses are not fetched and count
    as their kind does, results may stand without their calls.

    Args:
        settings: As for `Call`.
        messages: The slice.

    Raises:
        UnsupportedContentError: If a message or a tool cannot be said at all.
    """
    _, _, before_3 = _ids_from(settings["model"], settings.get("google_model"))
    media = Media(urls="count", per_part=not before_3)
    read = _normalize_messages(readable_messages(messages))
    body = body_from_messages(read, media=media, signs_calls=False, counting=True)
    tools = tools_from_settings({k: settings.get(k) for k in ("tools", "strict")})
    return body | tools | {"generationConfig": written(settings)}


def _times_from(settings: Mapping[str, Any]) -> Json:
    """Return the transport's arguments: how long to wait, how often to try.

    The gateway's own attempts multiply with ours, and all of them happen within one of
    ours; the default time for one answer allows for them. A time that the caller chose
    is kept.
    """
    times = {k: settings[k] for k in ("timeout", "max_retries") if k in settings}
    if times.get("timeout") is DEFAULT_TIMEOUT:
        times["timeout"] = settings["gateway"].read_timeout_floor(DEFAULT_TIMEOUT)
    return times


def _asks_for_more(model: str, body: Json) -> bool:
    """Tell whether more than text and calls may come, so that content is blocks."""
    modalities = body.get("generationConfig", {}).get("responseModalities")
    return bool(
        (modalities and modalities != ["TEXT"])
        or any("codeExecution" in tool for tool in body.get("tools", ()))
        or _MORE_THAN_TEXT.search(model)
    )

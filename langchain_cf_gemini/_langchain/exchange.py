"""What one call asks, request after request, until its answer is whole. No I/O.

Mostly that is one request. There are more where the gateway turns out not to be set up
(`run` is asked then), where a backend refuses the other's thought signatures (Google's
dummies go in their place), and where an answer has several pages or a stream breaks
behind a checkpoint.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    message_chunk_to_message,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_cf_gemini._cloudflare.answers import Answer, AnswerReader
from langchain_cf_gemini._cloudflare.costs import is_cache_hit, usage_after_cache
from langchain_cf_gemini._cloudflare.endpoints import Account
from langchain_cf_gemini._cloudflare.model_ids import advice_on_missing
from langchain_cf_gemini._gemini.answer.metadata import spent_in
from langchain_cf_gemini._gemini.answer.pages import DivergedError, Pages
from langchain_cf_gemini._gemini.answer.parser import AnswerParser
from langchain_cf_gemini._gemini.answer.wire import candidates_from_payload
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini._http.faults import without_secrets
from langchain_cf_gemini._http.files import FILES, Fetch
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._langchain.call import Call, notices_of
from langchain_cf_gemini._langchain.fallback import Fallback
from langchain_cf_gemini._langchain.tracing import generation_from_chunk, info_from
from langchain_cf_gemini.exceptions import (
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
    CloudflareNotFoundError,
    CloudflareServerError,
    ResponseFormatError,
)

_logger = logging.getLogger("langchain_cf_gemini")

# "Corrupted thought signature.", "Invalid thought signature.", "... is missing a
# `thought_signature`": every refusal names the thing.
_SIGNATURE = re.compile(r"thought[ _]?signature", re.IGNORECASE)
_BREAKS = (CloudflareConnectionError, CloudflareServerError, ResponseFormatError)


class Exchange:
    """The requests of one call, and what came of them.

    Attributes:
        is_over: Whether the answer is whole.
        notices: What the caller should know of the model and the settings.
        times: How long to wait for each request, and how often to try.
    """

    def __init__(
        self,
        call: Call,
        account: Account,
        fallback: Fallback,
        *,
        stream: bool,
    ) -> None:
        """Begin a call, and choose its endpoint.

        Args:
            call: What to ask.
            account: As whom.
            fallback: Tells whether `run` may take the gateway's place.
            stream: Whether a stream is wanted.

        Raises:
            ValueError: If there is no way to ask that.
        """
        if stream and call.candidates > 1:
            raise ValueError("n > 1 can't be streamed. Use n=1, or invoke().")
        endpoint = call.chosen(
            account, stream=stream, gateway_refuses=fallback.is_known
        )
        self.notices = notices_of(call.model, call.body, [endpoint])
        self.is_over = False
        self.times = call.times
        self._call = call
        self._account = account
        self._endpoint = endpoint
        self._stream = stream
        self._fallback = fallback
        self._memory = fallback.memory
        self._asked: Request | None = None
        self._reader = AnswerReader()
        self._replaces = False
        self._pages = Pages(
            follows=call.follows_pages, token=call.body.get("continuationToken")
        )
        self._has_begun = False
        self._parser = call.parser(endpoint, streaming=True) if stream else None
        self._payloads: list[Json] = []
        self._gateway: Json = {}
        self._fatal: CloudflareGeminiError | None = None
        self._broke: CloudflareGeminiError | None = None

    async def download(self, fetch: Fetch) -> None:
        """Fetch what is to be sent as bytes, every address once.

        Raises:
            UnsupportedContentError: If an address may not or cannot be fetched, or gave
                what Google does not take.
        """
        downloads = self._call.media.downloads
        files = await FILES.behind((wanted.url for wanted in downloads), fetch)
        for wanted in downloads:
            wanted.fill(*files[wanted.url])

    def asked(self) -> tuple[Request, AnswerReader]:
        """Return what to ask next, and what reads its answer."""
        # Cloudflare documents no stream of this dialect on run: the whole answer
        # becomes the stream, unless the caller wants to try.
        self._has_begun = False
        stream = self._stream and (
            self._endpoint == "gateway" or self._call.stream_on_run
        )
        request = self._call.request(
            self._account,
            self._endpoint,
            stream=stream,
            replacing=self._replaces,
            token=self._pages.token,
            is_trusted=self._fallback.is_trusted(self._endpoint),
        )
        self._asked = request
        if self._memory.skips_cache(request):
            request = request.again()
        self._reader = AnswerReader()
        return request, self._reader

    async def answered(
        self, send: Callable[..., Awaitable[Answer]], fetch: Fetch
    ) -> ChatResult:
        """Ask until the answer is whole; see `Transport.asend` for `send`."""
        await self.download(fetch)
        while not self.is_over:
            try:
                answer = await send(*self.asked(), **self.times)
            except CloudflareGeminiError as error:
                self.failed(error)
            else:
                self._take(answer)
        return self._result()

    # ---- what comes

    def feed(self, payload: Json) -> Iterable[ChatGenerationChunk]:
        """Take a payload of a stream; return the chunks that it adds."""
        assert self._parser is not None
        self._has_begun = True
        try:
            chunks = self._parser.feed(self._pages.take(payload))
            return map(generation_from_chunk, chunks)
        except CloudflareGeminiError as error:
            self._fatal = error
            self._parser.record.add(payload)
            raise
        except DivergedError:
            assert self._broke is not None
            self._fatal = self._broke
            self._fatal.add_note(
                "What came again after the stream's last checkpoint was not what had "
                "been given, so the answer could not be resumed."
            )
            raise self._fatal from None

    def _take(self, answer: Answer) -> None:
        """Take a whole page."""
        try:
            self._payloads += map(self._pages.take, answer.payloads)
        except ResponseFormatError as error:
            self._tell_cost_of(error, answer.payloads)
            raise
        self.end_page(answer.gateway)

    def end_page(self, gateway: Json) -> None:
        """Take the end of a page, and what the gateway said of it."""
        self._fallback.answered(self._endpoint)
        facts = self._call.gateway_facts(self._account, self._endpoint, gateway)
        if self._gateway and not is_cache_hit(self._gateway) and is_cache_hit(facts):
            # An earlier page was paid for, so the answer as a whole isn't from a cache.
            del facts["cache_status"]
        self._gateway = facts
        self.is_over = not self._pages.next_page()

    def _tell_cost_of(
        self, error: ResponseFormatError, payloads: Iterable[Json]
    ) -> None:
        """Tell what an answer cost that turns out not to be readable."""
        error.gateway.update(self._gateway)
        self._tell_cost(error, *spent_in(payloads))

    def _tell_cost(
        self,
        error: CloudflareGeminiError,
        usage: UsageMetadata | None,
        model: str | None,
    ) -> None:
        if usage is not None:
            error.gateway = self._call.gateway_facts(
                self._account, self._endpoint, error.gateway
            )
            error.usage_metadata = usage_after_cache(usage, error.gateway)
            secrets = self._asked.secrets if self._asked else []
            error.model_name = without_secrets(model, secrets) or self._call.model

    def failed(self, error: CloudflareGeminiError) -> None:
        """Take an error; raises it unless there is something else to ask."""
        if self._has_begun and self._parser is not None:
            self._tell_cost(error, *self._parser.record.spent())
        else:
            self._tell_cost(error, *spent_in(*self._reader.attempts))
        is_missing = isinstance(error, CloudflareNotFoundError)
        if is_missing and (advice := advice_on_missing(self._call.model)):
            error.add_note(advice)
        if error is self._fatal:
            raise error
        if self._has_begun or self._pages.count > 1:
            if not (self._is_break(error) and self._pages.resumes()):
                raise error
            self._broke = error
            _logger.warning("Resuming a broken stream from its checkpoint: %s", error)
        elif self._refuses_signatures(error):
            self._replaces = True
            _logger.warning(
                "Google rejected a thought signature. Retrying once with Google's "
                "placeholder instead of all signatures: %s",
                error,
            )
        elif self._fallback.allows(error, self._endpoint):
            self._endpoint = "run"
            self._parser = self._parser and self._call.parser("run", streaming=True)
        else:
            raise error

    def _is_break(self, error: CloudflareGeminiError) -> bool:
        """Whether an answer broke off, rather than that its request was refused."""
        broke = isinstance(error, _BREAKS) if self._has_begun else False
        return self._stream and (broke or isinstance(error, CloudflareConnectionError))

    def _refuses_signatures(self, error: CloudflareGeminiError) -> bool:
        return (
            not self._replaces
            and isinstance(error, CloudflareInvalidRequestError)
            and _SIGNATURE.search(error.message) is not None
            and self._call.history.is_signed
        )

    # ---- the answer

    def last(self) -> Iterable[ChatGenerationChunk]:
        """Return the chunks that end a stream."""
        assert self._parser is not None
        ended = self._ended(self._parser, with_usage=self._call.with_usage)
        return map(generation_from_chunk, ended)

    def _ended(self, parser: AnswerParser, *, with_usage: bool) -> list[AIMessageChunk]:
        chunks = parser.end()
        self._note(chunks[-1])
        if not with_usage:
            chunks[-1].usage_metadata = None
        return chunks

    def _result(self) -> ChatResult:
        """Return the whole answer, one generation for each candidate.

        Raises:
            ResponseFormatError: If it does not have the promised shape.
        """
        try:
            indices = set().union(*map(candidates_from_payload, self._payloads))
            messages = [self._message(index) for index in sorted(indices or {0})]
        except ResponseFormatError as error:
            self._tell_cost_of(error, self._payloads)
            raise
        for message in messages[1:]:
            message.usage_metadata = None  # counted once for all candidates
        return ChatResult(
            generations=[
                ChatGeneration(message=m, generation_info=info_from(m))
                for m in messages
            ]
        )

    def _message(self, index: int) -> AIMessage:
        # A stream came where a whole answer was asked for, or several pages.
        streaming = len(self._payloads) > 1
        parser = self._call.parser(self._endpoint, streaming=streaming, candidate=index)
        chunks = [chunk for each in self._payloads for chunk in parser.feed(each)]
        if not streaming:
            message = parser.message()
            self._note(message)
            return message
        first, *others = [*chunks, *self._ended(parser, with_usage=True)]
        folded: Any = first.__add__(others) if others else first
        return cast("AIMessage", message_chunk_to_message(folded))

    def _note(self, message: AIMessage) -> None:
        """Add what the gateway said, and what became of the call on its way."""
        notes = message.response_metadata
        message.usage_metadata = usage_after_cache(
            message.usage_metadata, self._gateway
        )
        if self._gateway:
            notes["gateway"] = self._gateway
        if "model_name" not in notes:
            notes["requested_model"] = self._call.model
        if self._replaces or self._call.replaced:
            why = "refused" if self._replaces else "made by the other backend"
            told = {"count": self._call.replaced, "reason": why}
            notes["replaced_signatures"] = told
        if self._pages.count > 1:
            notes["pages"] = self._pages.count
        if self._asked and self._call.is_structured:
            self._memory.asked(notes, self._asked)

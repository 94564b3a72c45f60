"""The emulated service: a request in, an answer out, no sockets."""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_cf_gemini.emulator._cloudflare.doors import (
    Asked,
    GatewayPath,
    Settings,
    check_google_key,
    check_v4,
    gateway_asked,
    google_asked,
    run_asked,
)
from langchain_cf_gemini.emulator._cloudflare.gateway import (
    Cache,
    GatewayOptions,
    cache_key,
    options_from_headers,
    response_headers,
)
from langchain_cf_gemini.emulator._google.default_answer import default_answer
from langchain_cf_gemini.emulator._google.proto_json import (
    BACKEND_FIELDS,
    canonical_body,
)
from langchain_cf_gemini.emulator._google.responses import (
    Generation,
    response_from_answer,
)
from langchain_cf_gemini.emulator._google.rules.all_rules import check
from langchain_cf_gemini.emulator._google.rules.rule import Judged
from langchain_cf_gemini.emulator._google.streams import (
    array_frames,
    chunks_from_response,
    sse_frame,
)
from langchain_cf_gemini.emulator._google.usage import prompt_counts
from langchain_cf_gemini.emulator._journal import Exchange, Journal, close_exchange
from langchain_cf_gemini.emulator._messages import (
    Break,
    Incoming,
    Outgoing,
    json_answer,
)
from langchain_cf_gemini.emulator._refusals import Refusal
from langchain_cf_gemini.emulator._script import Script, Step
from langchain_cf_gemini.emulator.faults import (
    HEADER,
    Fault,
    fault_from_header,
    spoiled_answer,
)

Door = Callable[[], Asked]
Chaos = Sequence[tuple[float, Fault]]


# Google's own path has none of the gateway's headers.
_CLOUDFLARE = ("/client/v4/", "/v1/")


class Service:
    """Answers requests; what it knows lives in its journal, script and cache."""

    def __init__(
        self,
        settings: Settings,
        *,
        chaos: Chaos = (),
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with an empty journal and script."""
        self.settings = settings
        self.journal = Journal()
        self.script = Script()
        self.feedback: dict[str, Any] = {}
        self._chaos = tuple(chaos)
        self._random = random.Random(seed)
        self._cache = Cache(clock)
        self._lock = threading.Lock()
        self._clock = clock

    def run(self, incoming: Incoming, account: str) -> Outgoing:
        """`POST /client/v4/accounts/{account}/ai/run`."""
        return self._content(
            incoming, "run", lambda: run_asked(self.settings, incoming, account)
        )

    def gateway(self, incoming: Incoming, path: GatewayPath, method: str) -> Outgoing:
        """The gateway's paths for google-ai-studio and google-vertex-ai."""
        return self._content(
            incoming, method, lambda: gateway_asked(self.settings, incoming, path)
        )

    def google(self, incoming: Incoming, model: str, method: str) -> Outgoing:
        """Google's own path, without Cloudflare."""
        return self._content(
            incoming, method, lambda: google_asked(self.settings, incoming, model)
        )

    def other(
        self, incoming: Incoming, route: str, answer: Callable[[], Outgoing]
    ) -> Outgoing:
        """Any other call: noted and answered, or refused."""
        exchange = self.journal.open(incoming)
        exchange.route = route
        return self._closed(exchange, answer)

    def check_account(self, incoming: Incoming, account: str) -> None:
        """Refuse a v4 call with the wrong token or account."""
        check_v4(self.settings, incoming, account)

    def check_key(self, incoming: Incoming) -> None:
        """Refuse a call to Google's own path with the wrong key."""
        check_google_key(self.settings, incoming)

    def _content(self, incoming: Incoming, route: str, door: Door) -> Outgoing:
        exchange = self.journal.open(incoming)
        exchange.route = route
        return self._closed(exchange, lambda: self._answered(incoming, exchange, door))

    def _closed(self, exchange: Exchange, answer: Callable[[], Outgoing]) -> Outgoing:
        started = time.perf_counter()
        try:
            outgoing = answer()
        except Refusal as refusal:
            exchange.notes.append(f"refused by rule {refusal.rule}")
            outgoing = json_answer(refusal.code, refusal.body, refusal.headers)
        if exchange.path.startswith(_CLOUDFLARE):
            options = options_from_headers(exchange.headers)
            ids = response_headers(options, exchange.number)
            outgoing = replace(outgoing, headers={**outgoing.headers, **ids})
        close_exchange(exchange, outgoing, time.perf_counter() - started)
        return outgoing

    def _answered(self, incoming: Incoming, exchange: Exchange, door: Door) -> Outgoing:
        asked_fault = fault_from_header(incoming.headers.get(HEADER))
        asked = door()
        exchange.model = asked.name
        generation = self._generation(asked, exchange)
        if exchange.route == "countTokens":
            return _counted(generation)
        options = options_from_headers(incoming.headers)
        key = self._cache_key(incoming, exchange, options)
        kept = self._cache.get(key) if key else None
        if kept:
            exchange.notes.append("from the gateway's cache")
            return replace(kept, headers={**kept.headers, "cf-aig-cache-status": "HIT"})
        outgoing = self._attempted(incoming, exchange, asked, generation, asked_fault)
        if key:
            if not outgoing.faults:
                self._cache.put(key, outgoing, options)
            missed = {**outgoing.headers, "cf-aig-cache-status": "MISS"}
            outgoing = replace(outgoing, headers=missed)
        return outgoing

    def _cache_key(
        self, incoming: Incoming, exchange: Exchange, options: GatewayOptions
    ) -> str | None:
        if exchange.stream or options.skip_cache or not options.caches:
            return None
        return cache_key(incoming, options)

    def _generation(self, asked: Asked, exchange: Exchange) -> Generation:
        """The request in one spelling, judged unless the emulator is lenient."""
        body = asked.body
        if exchange.route == "countTokens":
            body = body.get("generateContentRequest", body)
            body = {key: value for key, value in body.items() if key != "model"}
        extras = BACKEND_FIELDS[asked.backend]
        lenient = not self.settings.strict
        try:
            read = canonical_body(body, extras=extras, lenient=lenient)
        except Refusal:
            exchange.generation = canonical_body(body, extras=extras, lenient=True)
            raise
        generation = Generation(model=asked.model, body=read, serial=exchange.number)
        exchange.generation = read
        if not lenient:
            check(
                Judged(
                    generation=generation,
                    backend=asked.backend,
                    stream=exchange.stream,
                    foreign_signatures=self.settings.foreign_signatures,
                )
            )
        return generation

    def _attempted(
        self,
        incoming: Incoming,
        exchange: Exchange,
        asked: Asked,
        generation: Generation,
        asked_fault: Fault | None,
    ) -> Outgoing:
        """The answer, after as many attempts as the gateway was told to make."""
        options = options_from_headers(incoming.headers)
        delay = 0.0
        attempt = 0
        while True:
            attempt += 1
            step = self._step(exchange)
            fault = asked_fault or step.fault or self._drawn()
            outgoing = self._said(incoming, exchange, asked, generation, step)
            if fault:
                outgoing = spoiled_answer(outgoing, fault)
            if outgoing.status < 500 or attempt == options.max_attempts:
                break
            exchange.notes.append(f"gateway attempt {attempt} got {outgoing.status}")
            delay += _gateway_delay(options, attempt)
        waited = replace(outgoing.before, seconds=outgoing.before.seconds + delay)
        return _in_time(replace(outgoing, before=waited), options)

    def _step(self, exchange: Exchange) -> Step:
        step = self.script.take(exchange)
        if step:
            exchange.notes.append("scripted")
        return step or Step()

    def _drawn(self) -> Fault | None:
        """A fault by chance; the sequence is the same for the same seed."""
        with self._lock:
            for probability, fault in self._chaos:
                if self._random.random() < probability:
                    return fault
        return None

    def _said(
        self,
        incoming: Incoming,
        exchange: Exchange,
        asked: Asked,
        generation: Generation,
        step: Step,
    ) -> Outgoing:
        answer = step.answer or default_answer(generation)
        response = response_from_answer(answer, generation)
        if asked.wrapped:
            response.setdefault("gatewayMetadata", {"keySource": "Unified"})
            return json_answer(200, _envelope(response))
        if not exchange.stream:
            return json_answer(200, response)
        calling = generation.function_calling
        chunks = chunks_from_response(
            response,
            partial_args=bool(
                answer.partial_args or calling.get("streamFunctionCallArguments")
            ),
            finish_each_part=answer.finish_each_part,
        )
        return _streamed(list(chunks), sse=incoming.query.get("alt") == "sse")


def _envelope(result: Any) -> dict[str, Any]:
    return {"result": result, "success": True, "errors": [], "messages": []}


def _streamed(chunks: list[dict[str, Any]], *, sse: bool) -> Outgoing:
    if sse:
        headers = {"content-type": "text/event-stream"}
        return Outgoing(headers=headers, frames=[sse_frame(chunk) for chunk in chunks])
    headers = {"content-type": "application/json; charset=UTF-8"}
    return Outgoing(headers=headers, frames=list(array_frames(chunks)))


def _counted(generation: Generation) -> Outgoing:
    counts = prompt_counts(generation.body)
    details = [
        {"modality": kind, "tokenCount": count} for kind, count in counts.items()
    ]
    total = sum(counts.values())
    return json_answer(200, {"totalTokens": total, "promptTokensDetails": details})


def _gateway_delay(options: GatewayOptions, attempt: int) -> float:
    """Seconds before the gateway's next attempt."""
    factors: Mapping[str, int] = {
        "constant": 1,
        "linear": attempt,
        "exponential": 1 << (attempt - 1),
    }
    return options.retry_delay * factors[options.backoff] / 1000


def _in_time(outgoing: Outgoing, options: GatewayOptions) -> Outgoing:
    """The answer, or an error if its first byte comes after cf-aig-request-timeout."""
    limit = options.request_timeout
    if limit is None:
        return outgoing
    if outgoing.before.seconds * 1000 <= limit:
        return outgoing
    # The status and code of this error are not documented.
    late = {"code": 3007, "message": f"Request timed out after {limit} ms"}
    body = {"success": False, "errors": [late], "messages": [], "result": None}
    return replace(json_answer(408, body), before=Break(limit / 1000))

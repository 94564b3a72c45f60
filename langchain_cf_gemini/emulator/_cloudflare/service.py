"""The emulated service: a request in, an answer out, no sockets."""

import asyncio
import hashlib
import json
import math
import random
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

from langchain_cf_gemini.emulator._cloudflare import gateway
from langchain_cf_gemini.emulator._cloudflare.account import Settings
from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._google import checking, proto_json, streams, usage
from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.invention import invented_answer
from langchain_cf_gemini.emulator._google.paging import Paging
from langchain_cf_gemini.emulator._google.responses import (
    json_written,
    response_from_answer,
)
from langchain_cf_gemini.emulator._google.rules.all_rules import check
from langchain_cf_gemini.emulator._journal import Journal, Latest
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing, json_answer
from langchain_cf_gemini.emulator._refusals import Refusal, error_answer, v4_success
from langchain_cf_gemini.emulator._script import (
    Said,
    Script,
    ScriptError,
    Step,
    answer_from,
)
from langchain_cf_gemini.emulator.answers import Answer
from langchain_cf_gemini.emulator.faults import (
    HEADER,
    Fault,
    fault_from_header,
    spoiled_answer,
)

Answered = tuple[Exchange | None, Outgoing]


# Google's own path has none of the gateway's headers.
_CLOUDFLARE = ("/client/v4/", "/v1/", "/google-")
_MOST_ERRORS, _MOST_DRAWN, _MOST_FEEDBACK = 100, 100_000, 10_000


class Service:
    """Answers requests; what it knows lives in its journal, script and cache."""

    def __init__(self, settings: Settings) -> None:
        """Start with an empty journal and script."""
        self.settings = settings
        self.journal = Journal()
        self.script = Script()
        self.errors: list[BaseException] = []
        self.feedback = Latest[dict[str, Any]](_MOST_FEEDBACK)
        self._drawing = threading.Lock()
        self._attempts = Latest[int](_MOST_DRAWN)
        self._cache = gateway.Cache(settings.clock)
        self._limit = gateway.RateLimit(settings.rate_limit, settings.clock)
        self._paging = Paging()

    def reset(self) -> None:
        """Forget everything but the settings."""
        known = (self.journal, self.script, self.errors, self.feedback)
        for each in (*known, self._attempts, self._cache, self._limit, self._paging):
            each.clear()

    def complaint(self) -> str:
        """Everything that is wrong, or "" if nothing is."""
        errors = [f"{type(error).__name__}: {error}" for error in self.errors]
        return "\n".join([*errors, *self.leftovers()])

    def leftovers(self) -> Iterator[str]:
        """What was scripted and never asked for, and the last request instead."""
        left = self.script.left()
        if left:
            were = f"{len(left)} scripted answer{'s were' if left[1:] else ' was'}"
            yield f"{were} not used:"
        for entry in left:
            missed = [
                f"; not the {' and '.join(wrong)} of request {asked.number}"
                for asked in self.journal.asked()[-1:]
                if entry.match and (wrong := entry.misses(asked))
            ]
            yield f"  {entry}{''.join(missed)}"

    def answered(
        self, incoming: Incoming, route: str, asked: Callable[[], Generation | Outgoing]
    ) -> Answered:
        """A request, noted, and its answer: that of a model, or what was asked."""
        exchange = self.journal.open(incoming, route)
        try:
            outgoing = asked()
            if isinstance(outgoing, Generation):
                outgoing = self._answered(outgoing, incoming, exchange)
        except Refusal as refusal:
            exchange.notes.append(f"refused by rule {refusal.rule}")
            outgoing = json_answer(refusal.code, refusal.body)
        except BaseException as error:  # of a test's own function: pytest.fail, too
            outgoing = self.failed(exchange, error)
        if exchange.path.startswith(_CLOUDFLARE):
            options = gateway.options_from_headers(exchange.headers)
            ids = gateway.response_headers(options, exchange.number)
            outgoing = outgoing.with_headers(ids)
        self.journal.close(exchange, outgoing)
        return exchange, outgoing

    def failed(self, exchange: Exchange, error: BaseException) -> Outgoing:
        """What the client sees of a script that is wrong; the test gets the error."""
        error.add_note(f"while the emulator answered: {exchange}")
        exchange.error = error
        exchange.notes.append(f"the script failed: {type(error).__name__}")
        if len(self.errors) < _MOST_ERRORS:
            self.errors.append(error)
        # 422, which no client repeats.
        said = f"emulator: {type(error).__name__}: {error}"
        if not isinstance(error, ScriptError):
            said = (
                said.rstrip(".")
                + ". The script's own function raised it; raise_errors() shows where."
            )
        return error_answer(exchange.path, 422, 9999, said)

    def _answered(
        self, asked: Generation, incoming: Incoming, exchange: Exchange
    ) -> Outgoing:
        """What a model answers."""
        asked_fault = fault_from_header(incoming.headers.get(HEADER))
        if exchange.path.startswith(_CLOUDFLARE):
            rules = self.settings.rules
            rules.check_policies(asked.name, self.journal)
            endpoint = "run" if asked.wrapped else "gateway"
            exchange.key_source = rules.key_source(incoming, endpoint)
        generation = self._read(asked, incoming, exchange)
        if exchange.route == "countTokens":
            counts = usage.prompt_counts(generation)
            details = usage.details_from_counts(counts)
            told = {"totalTokens": counts.total(), "promptTokensDetails": details}
            return json_answer(200, told)
        options = gateway.options_from_headers(incoming.headers)

        def attempt() -> Outgoing:
            fault = asked_fault or self._drawn(exchange)
            step = self._step(exchange, generation, fault)
            return self._said(exchange, generation, step)

        def made() -> Outgoing:
            limited = self._limited(exchange)
            return limited or gateway.attempted(attempt, options, exchange.notes)

        if exchange.stream:
            return made()
        return self._cache.answer(incoming, options, exchange.notes, made)

    def _read(
        self, asked: Generation, incoming: Incoming, exchange: Exchange
    ) -> Generation:
        """The request in one spelling, judged unless the emulator is lenient."""
        exchange.model, exchange.price = asked.name, asked.model.price
        body = asked.body
        if exchange.route == "countTokens":
            body = body.get("generateContentRequest", body)
            body = {key: value for key, value in body.items() if key != "model"}
        extras = proto_json.BACKEND_FIELDS[asked.backend]
        lenient = not self.settings.strict
        try:
            read = proto_json.canonical_body(body, extras=extras, lenient=lenient)
        except Refusal:
            exchange.generation = proto_json.canonical_body(
                body, extras=extras, lenient=True
            )
            raise
        exchange.generation = read
        generation = replace(
            asked,
            body=read,
            stream=exchange.stream,
            sse=incoming.query.get("alt") == "sse",
            foreign_signatures=self.settings.foreign_signatures,
            serial=exchange.number,
        )
        if not lenient:
            check(generation)
        return generation

    def _limited(self, exchange: Exchange) -> Outgoing | None:
        """The refusal of a request beyond the rate limit."""
        wait = self._limit.refused()
        if wait is None:
            return None
        exchange.notes.append("over the rate limit")
        refused = error_answer(exchange.path, 429, 2003, "Rate limited")
        return refused.with_headers({"retry-after": str(max(1, math.ceil(wait)))})

    def _drawn(self, exchange: Exchange) -> Fault | None:
        """A fault by chance: the same for the same seed, request and attempt."""
        chaos = self.settings.chaos
        if not chaos:
            return None
        told = json.dumps([exchange.route, exchange.model, exchange.generation])
        request = hashlib.sha256(told.encode()).hexdigest()
        with self._drawing:
            attempt = (self._attempts.get(request) or 0) + 1
            self._attempts.keep(request, attempt)
        draw = random.Random(f"{self.settings.seed}:{request}:{attempt}")
        return next((f for chance, f in chaos if draw.random() < chance), None)

    def _step(
        self, exchange: Exchange, generation: Generation, fault: Fault | None
    ) -> Step:
        """What was scripted for the request, or nothing if that may be invented."""
        faults = () if fault is None else (fault,)
        if (page := self._paging.asked(generation)) is not None:
            exchange.notes.append("went on")
            return Step(page, faults)
        strict = self.settings.unscripted
        fails = strict == "fail" or (strict != "invent" and self.script.used)
        step = self.script.take(exchange, *faults)
        if step and step.where:
            exchange.notes.append("scripted")
        elif fails and not (step and not step.faults[0].delivers):
            left = "; ".join(self.script.near_misses(exchange)) or "nothing"
            asked = exchange.text or exchange.told
            raise ScriptError(
                f"Request {exchange.number} {asked!r} has no scripted answer. "
                f"Left: {left}. Script one with emulator.answer(...), or pass "
                "unscripted='invent'."
            )
        return step or Step()

    def _said(self, exchange: Exchange, generation: Generation, step: Step) -> Outgoing:
        said = step.said
        replaced = any(fault.replaces for fault in step.faults)
        if callable(said) and not replaced:
            said = _made(said, exchange)
        faults = (said, *step.faults) if isinstance(said, Fault) else step.faults
        if any(fault.replaces for fault in faults):
            return spoiled_answer(Outgoing(), *faults)
        if not isinstance(said, Answer):
            exchange.notes.append("invented")
            said = invented_answer(generation)
        answer = json_written(said, generation)
        checked = self.settings.check_answers and step.where and answer.checked
        if checked and (wrong := next(checking.problems(answer, generation), None)):
            raise ScriptError(f"{step.where} {wrong}")
        answer = self._paging.first_page(answer, generation)
        outgoing = self._wrapped(answer, generation, exchange.key_source)
        return spoiled_answer(outgoing, *answer.faults, *faults)

    def _wrapped(
        self, answer: Answer, generation: Generation, key_source: str
    ) -> Outgoing:
        """The answer as it goes out of its door: enveloped, plain or in chunks."""
        response = response_from_answer(answer, generation)
        if generation.wrapped:
            response.setdefault("gatewayMetadata", {"keySource": key_source})
            return v4_success(response)
        if not generation.stream:
            return json_answer(200, response)
        cut = streams.chunks_from_response(
            response,
            partial_args=answer.partial_args or generation.streams_args,
            finish_each_part=answer.finish_each_part,
            cuts=answer.chunks,
        )
        chunks = self._paging.with_checkpoints(list(cut), answer, generation)
        if not generation.sse:
            frames = list(streams.array_frames(chunks))
            return replace(json_answer(200, []), frames=frames)
        kind = {"content-type": "text/event-stream"}
        return Outgoing(headers=kind, frames=[*map(streams.sse_frame, chunks)])


def _made(said: Callable[[Exchange], Any], exchange: Exchange) -> Said:
    made = said(exchange)
    # Each connection has a thread, in which no event loop runs.
    return answer_from(asyncio.run(made) if isinstance(made, Coroutine) else made)

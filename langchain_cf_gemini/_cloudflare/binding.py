"""A Worker's binding `env.AI` in the place of connections: requests become its calls.

What it makes of a call is in workerd's source
(https://github.com/cloudflare/workerd, src/cloudflare/internal/ai-api.ts, aig-api.ts).
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from inspect import isawaitable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic_core import from_json, to_json

from langchain_cf_gemini._cloudflare.runtime import (
    AiBinding,
    Answer,
    Runtime,
    answer_from_json,
)
from langchain_cf_gemini._http.attempt import Attempt
from langchain_cf_gemini._http.faults import line_from_text, without_secrets
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._http.seam import Exchange
from langchain_cf_gemini.exceptions import CloudflareConnectionError

if sys.platform == "emscripten":
    from langchain_cf_gemini._cloudflare import javascript

_T = TypeVar("_T")

# What the binding writes itself, or needs nobody to say.
_OWN_HEADERS = {"accept", "accept-encoding", "content-type", "user-agent"}
# GatewayOptions of workerd's types/defines/aig.d.ts, which has no word for the others.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "cf-aig-gateway-id": ("id",),
    "cf-aig-skip-cache": ("skipCache",),
    "cf-aig-cache-ttl": ("cacheTtl",),
    "cf-aig-cache-key": ("cacheKey",),
    "cf-aig-metadata": ("metadata",),
    "cf-aig-collect-log": ("collectLog",),
    "cf-aig-event-id": ("eventId",),
    "cf-aig-request-timeout": ("requestTimeoutMs",),
    "cf-aig-max-attempts": ("retries", "maxAttempts"),
    "cf-aig-retry-delay": ("retries", "retryDelayMs"),
    "cf-aig-backoff": ("retries", "backoff"),
}
_TEXTS = {"id", "cacheKey", "eventId", "backoff"}
_NUMBERED = re.compile(r"(\d{3,6}): (.*)", re.DOTALL)
_OF_THE_BINDING = ("AiGateway", "InferenceUpstream")


def check_binding(binding: Any) -> None:
    """Refuse what is no binding.

    Raises:
        ValueError: With what to pass.
    """
    if not all(callable(getattr(binding, n, None)) for n in ("run", "gateway")):
        raise ValueError(
            f"binding is of type {type(binding).__name__}, which has no run() and "
            "gateway(). Pass the Worker's AI binding, such as self.env.AI."
        )


class BoundBackend:
    """Sends requests through a binding, on asyncio alone."""

    is_blocking = False

    def __init__(self, binding: AiBinding) -> None:
        self._binding = binding
        self._runtime = Runtime()
        if sys.platform == "emscripten" and javascript.is_javascript(binding):
            self._runtime = javascript.JavaScript()

    async def within(self, attempt: Attempt, work: Coroutine[Any, Any, _T]) -> _T:
        """The work, ended at the attempt's deadline."""
        async with self._runtime.limit(attempt.left()):
            return await work

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts."""
        with suppress(TimeoutError):
            async with self._runtime.limit(seconds):
                await asyncio.get_running_loop().create_future()

    async def open(self, request: Request, attempt: Attempt) -> Exchange:
        """Call the binding; returns when the answer's headers are there."""
        exchange = _Exchange(self._binding, self._runtime, request)
        await exchange.ask(attempt)
        return exchange


class _Exchange:
    """A call of a binding, and its answer."""

    response: Any

    def __init__(self, binding: AiBinding, runtime: Runtime, request: Request) -> None:
        self._binding, self._runtime, self._request = binding, runtime, request
        self._abort: Callable[[], object] | None = None

    async def ask(self, attempt: Attempt) -> None:
        """Wait for the answer's head, or for the error in its place."""
        asked = _ASKED.get(self._request.service, _Exchange._nothing)
        answer, failure = None, None
        try:
            async with self._waiting(attempt):
                answer = await asked(self)
        except Exception as error:
            failure = error
        finally:
            if answer is None and self._abort is not None:
                self._abort()
        if failure is not None:
            answer = _answer_from_failure(failure)
            if answer is None:
                raise _error_from_failure(failure, self._request)
        self.response = answer

    async def read(self, attempt: Attempt) -> bytes | None:
        """The next bytes of the body, or None at its end."""
        failure = None
        try:
            async with self._waiting(attempt):
                part = await anext(self.response.body, None)
                return None if part is None else bytes(part)
        except Exception as error:
            failure = error
        raise _error_from_failure(failure, self._request)

    async def aclose(self, *, ended: bool) -> None:
        """End the call, unless its answer was read to its end."""
        if not ended and self._abort is not None:
            self._abort()
        if (close := getattr(self.response.body, "aclose", None)) is not None:
            await close()

    def _waiting(self, attempt: Attempt) -> AbstractAsyncContextManager[Any]:
        """Keep the longest wait of a caller's Timeout; `within` keeps the deadline."""
        wait, left = attempt.waits["read"], attempt.left()
        if wait is None or (left is not None and left <= wait):
            return nullcontext()
        return self._runtime.limit(wait)

    # ---- calls

    async def _run(self) -> Answer:
        # https://developers.cloudflare.com/ai-gateway/usage/worker-binding-methods/
        asked = self._runtime.value(*self._request.pieces)
        gateway, others = _options_from_headers(self._request.headers)
        options = self._options(
            {"gateway": gateway, "returnRawResponse": True, "extraHeaders": others}
        )
        model, inputs = (self._runtime.member(asked, n) for n in ("model", "input"))
        return self._runtime.answer(await self._binding.run(model, inputs, options))

    async def _gateway(self) -> Answer:
        # https://developers.cloudflare.com/ai-gateway/usage/universal/
        url = urlsplit(self._request.url)
        _, _, gateway, provider, endpoint = url.path.split("/", 4)
        sent = _sent(self._request.headers)
        extra = {n: text for n, text in sent.items() if n.startswith("cf-aig-")}
        headers = {n: text for n, text in sent.items() if n not in extra}
        entry = {
            "provider": provider,
            "endpoint": f"{endpoint}?{url.query}" if url.query else endpoint,
            "headers": {"content-type": "application/json", **headers},
        }
        # In one text, which the binding's own side reads.
        begun, *others = self._request.pieces
        begun = to_json(entry)[:-1] + b',"query":' + begun
        asked = self._runtime.value(begun, *others, b"}")
        options = self._options({"extraHeaders": extra})
        answered = await (await self._at(gateway)).run(asked, options)
        return self._runtime.answer(answered)

    async def _log(self) -> Answer:
        *_, gateway, _, log_id = urlsplit(self._request.url).path.split("/")
        log = await self._at(gateway)
        result = b"null"
        if self._request.method == "GET":
            result = self._runtime.json(await log.getLog(log_id))
        else:
            await log.patchLog(log_id, self._runtime.value(*self._request.pieces))
        return answer_from_json(b'{"success":true,"result":' + result + b"}")

    async def _at(self, gateway_id: str) -> Any:
        gateway: Any = self._binding.gateway(gateway_id)
        return await gateway if isawaitable(gateway) else gateway

    async def _nothing(self) -> Answer:
        return _refusal("A Worker's binding doesn't support this call", 404)

    def _options(self, said: Mapping[str, Any]) -> Any:
        options = self._runtime.value(to_json(said))
        self._abort = self._runtime.abort(options)
        return options


_ASKED: Mapping[str, Callable[[_Exchange], Awaitable[Answer]]] = {
    "run": _Exchange._run,
    "gateway": _Exchange._gateway,
    "log": _Exchange._log,
    "feedback": _Exchange._log,
}


def _sent(headers: Mapping[str, str]) -> dict[str, str]:
    return {n: text for n, text in headers.items() if n not in _OWN_HEADERS}


def _options_from_headers(
    headers: Mapping[str, str],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the gateway's options in the binding's words, and the headers left."""
    options: dict[str, Any] = {"id": "default"}
    others = {}
    for name, text in _sent(headers).items():
        *parents, key = _OPTIONS.get(name, ("",))
        try:
            value = text if key in _TEXTS else from_json(text)
        except ValueError:
            key = ""  # a header of the caller's own, for Cloudflare to judge
        if key:
            holder = options
            for parent in parents:
                holder = holder.setdefault(parent, {})
            holder[key] = value
        else:
            others[name] = text
    return options, others


# ---- what a binding throws


def _answer_from_failure(failure: Exception) -> Answer | None:
    """Return the answer that an error stands for; None if there was none.

    A call may throw its answer's error although it asked for the answer itself: workerd
    keeps a call's options on the binding while it waits, where another call's replace
    them. What has no number has no status, either.
    """
    name, message = _name_and_message(failure)
    if numbered := _NUMBERED.fullmatch(message):
        # Of 200, since the number tells the status.
        return _refusal(numbered[2], 200, int(numbered[1]))
    if name.startswith(_OF_THE_BINDING):
        return _refusal(message, 404 if name.endswith("NotFound") else 500)
    return None


def _refusal(message: str, status: int, code: int | None = None) -> Answer:
    errors = [{"code": code, "message": message}]
    return answer_from_json(to_json({"success": False, "errors": errors}), status)


def _name_and_message(failure: Exception) -> tuple[str, str]:
    """Return those of an error of JavaScript; one of Python has no such two."""
    name, message = (getattr(failure, n, None) for n in ("name", "message"))
    is_foreign = isinstance(name, str) and isinstance(message, str)
    return (str(name), str(message)) if is_foreign else ("", "")


def _error_from_failure(failure: Exception, request: Request) -> Exception:
    """Return the error of a call that was not answered."""
    name, message = _name_and_message(failure)
    if not name:
        return failure
    said = line_from_text(without_secrets(f"{name}: {message}", request.secrets))
    return CloudflareConnectionError(
        f"The Worker's binding returned no complete response ({said}). Cloudflare or "
        "the runtime ended the call. Try again."
    )

"""The JavaScript side of a Worker's binding; all that needs Pyodide."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Any

import js
from pydantic_core import from_json, to_json
from pyodide.ffi import JsException, JsProxy, create_proxy

from langchain_cf_gemini._cloudflare.runtime import (
    Answer,
    Runtime,
    answer_from_json,
    head_of,
)
from langchain_cf_gemini.exceptions import UnsupportedContentError

_LONG_NUMBER = re.compile(rb"\d{16}")
_MOST = 2**53 - 1
# setTimeout takes 32 bits, and fires at once for more.
_LONGEST_MILLISECONDS = 2**31 - 1


def is_javascript(binding: Any) -> bool:
    """Whether a binding is JavaScript's own, or as the Workers SDK wraps it."""
    is_wrapped = type(binding).__module__.partition(".")[0] == "workers"
    return is_wrapped or isinstance(binding, JsProxy)


class JavaScript(Runtime):
    """A binding that is an object of JavaScript."""

    def value(self, *pieces: bytes) -> Any:
        """Return JSON as an object of JavaScript's own.

        A proxy of a dict would have to be destroyed, and `to_js` is five times slower.

        Raises:
            UnsupportedContentError: If it holds a number that would be rounded.
        """
        if any(map(_LONG_NUMBER.search, pieces[::2])):
            _refuse_long_numbers(from_json(b"".join(pieces)))
        text = js.Array.new()
        for piece in pieces:  # joined here, an image would take its memory twice
            text.push(piece.decode())
        return js.JSON.parse(text.join(""))

    def json(self, value: Any) -> bytes:
        """Return an object as JSON; the SDK has made it a dict."""
        if value is None or isinstance(value, dict | list):
            return to_json(value)
        text: str = js.JSON.stringify(value)
        return text.encode()

    def member(self, value: Any, name: str) -> Any:
        """Return a member of an object."""
        return getattr(value, name)

    def abort(self, options: Any) -> Callable[[], object]:
        """Give a call's options a signal; without it a cancelled call would go on."""
        controller = js.AbortController.new()
        options.signal = controller.signal
        return lambda: controller.abort()

    def limit(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        """End what waits inside of it after some seconds."""
        return nullcontext() if seconds is None else _Limit(seconds)

    def answer(self, value: Any) -> Answer:
        """Return what a call gave: a Response, its stream, or its JSON."""
        value = getattr(value, "js_object", value)  # of the SDK's own Response
        if hasattr(value, "getReader"):
            return Answer(200, {}, _chunks(value))
        if hasattr(value, "headers") and hasattr(value, "body"):
            headers = head_of(dict(value.headers.entries()))
            return Answer(value.status, headers, _chunks(value.body))
        return answer_from_json(self.json(value))


def _refuse_long_numbers(value: Any) -> None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _refuse_long_numbers(item)
    elif isinstance(value, int) and abs(value) > _MOST:
        raise UnsupportedContentError(
            f"The request contains {value}. A Worker's binding is JavaScript and would "
            f"round integers beyond {_MOST}. Send it as text."
        )


async def _chunks(stream: Any) -> AsyncIterator[bytes]:
    if not hasattr(stream, "getReader"):
        return  # no body at all
    reader = stream.getReader()
    try:
        while not (part := await reader.read()).done:
            yield part.value.to_bytes()
    finally:
        with suppress(JsException):  # it broke, and was told so
            await reader.cancel()


class _Limit:
    """`asyncio.timeout` on a timer that is cleared.

    Pyodide's loop keeps the timer of a handle that was cancelled: 50 calls that may
    take ten minutes would leave 50 timers for ten minutes.
    """

    def __init__(self, seconds: float) -> None:
        self._milliseconds = min(max(0.0, seconds) * 1000, _LONGEST_MILLISECONDS)

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        await self._timeout.__aenter__()
        self._end = create_proxy(lambda: loop.call_soon(self._timeout.reschedule, 0))
        self._timer = js.setTimeout(self._end, self._milliseconds)

    async def __aexit__(self, *raised: Any) -> None:
        js.clearTimeout(self._timer)
        self._end.destroy()
        await self._timeout.__aexit__(*raised)

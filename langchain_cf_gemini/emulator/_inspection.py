"""What a test reads and asserts after its application has talked."""

import asyncio
import difflib
from collections.abc import Mapping
from typing import Any

from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._script import ScriptError

_ANYTHING = object()
# What ends a test run or a task is not what failed in it.
_ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError)


class Inspection:
    """Exchanges, and assertions whose failures show the log."""

    _service: Service
    _is_unverified = False

    @property
    def exchanges(self) -> list[Exchange]:
        """Every request so far with its answer, the latest 10,000."""
        return list(self._service.journal)

    @property
    def requests(self) -> list[Exchange]:
        """The requests among them that asked a model for content."""
        return self._service.journal.asked()

    @property
    def feedback(self) -> Mapping[str, Any]:
        """Feedback that was left on logs, by log id."""
        return self._service.feedback.all()

    @property
    def errors(self) -> list[BaseException]:
        """What the script raised while it answered, in order."""
        return list(self._service.errors)

    @property
    def log(self) -> str:
        """The exchanges so far, a line each."""
        return "\n".join(str(exchange) for exchange in self.exchanges)

    @property
    def story(self) -> str:
        """The exchanges so far, each with the whole turn that asked."""
        return "\n".join(exchange.story for exchange in self.exchanges)

    def assert_request_count(self, expected: int) -> None:
        """Assert the number of model requests, including failed attempts."""
        count = self._service.journal.asked_count
        self._assert(
            count == expected, f"Expected {expected} requests to a model, got {count}"
        )

    def assert_asked(self, text: str) -> None:
        """Assert that a prompt, system message or function result contains a text."""
        told = [request.told for request in self.requests]
        found = any(text.lower() in turn.lower() for turn in told)
        near = difflib.get_close_matches(text, told, 1, 0.3)
        nearest = f"; the nearest is {near[0]!r}" if near else ""
        self._assert(found, f"No prompt contains {text!r}{nearest}")

    def assert_function_response(
        self, name: str, response: Any = _ANYTHING, *, id: str | None = None
    ) -> None:
        """Assert that a function's result was sent to the model.

        Args:
            name: The function.
            response: Its `functionResponse.response`; left out, any will do.
            id: The id of the call it answers; left out, any call will do.
        """
        sent = [
            answered.response
            for request in self.requests
            for answered in request.responses
            if answered.name == name and id in (None, answered.id)
        ]
        which = f" of call {id!r}" if id else ""
        self._assert(bool(sent), f"No response of function {name!r}{which} was sent")
        if response is not _ANYTHING:
            self._assert(
                response in sent, f"Function {name!r} returned {sent}, not {response!r}"
            )

    def assert_script_used(self) -> None:
        """Everything scripted was asked for."""
        left = list(self._service.leftovers())
        self._assert(not left, "\n".join(left))

    def assert_no_errors(self) -> None:
        """No answer was an error or broken off, and the script raised none."""
        self.raise_errors()
        bad = [exchange for exchange in self.exchanges if exchange.is_error]
        were = "answers were errors" if bad[1:] else "answer was an error"
        self._assert(not bad, f"{len(bad)} {were}")

    def raise_errors(self, failure: BaseException | None = None) -> None:
        """Raise what the script raised while it answered, once.

        Args:
            failure: What failed because of it, to be shown with it.
        """
        errors = self.errors
        self._service.errors.clear()
        if errors and failure not in errors and not isinstance(failure, _ENDS):
            raise errors[0] from failure

    def _end(self, failure: BaseException | None = None) -> None:
        """Raise what the script raised, and verify it once if that was asked for.

        Args:
            failure: What failed already; then nothing else is verified.
        """
        verifies, self._is_unverified = self._is_unverified, False
        self.raise_errors(failure)
        if verifies and failure is None:
            self.verify()

    def verify(self) -> None:
        """The script raised nothing, and everything in it was asked for."""
        self.raise_errors()
        self.assert_script_used()

    def _assert(self, holds: bool, otherwise: str) -> None:
        # A plain `assert` would be stripped by `python -O` and rewritten by pytest.
        if not holds:
            raise ScriptError(f"{otherwise}; exchanges so far:\n{self.log or '(none)'}")

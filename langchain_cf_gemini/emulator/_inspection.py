"""What a test reads and asserts after its application has talked."""

from collections.abc import Mapping
from typing import Any

from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._journal import Exchange

_ANYTHING = object()


class Inspection:
    """Exchanges, and assertions whose failures show the log."""

    _service: Service

    @property
    def exchanges(self) -> list[Exchange]:
        """Every request so far with its answer."""
        return list(self._service.journal)

    @property
    def requests(self) -> list[Exchange]:
        """The requests so far that asked a model for content."""
        return self._service.journal.asked()

    @property
    def feedback(self) -> Mapping[str, Any]:
        """Feedback that was left on logs, by log id."""
        return dict(self._service.feedback)

    @property
    def log(self) -> str:
        """The exchanges so far, a line each."""
        return "\n".join(str(exchange) for exchange in self.exchanges)

    def assert_request_count(self, expected: int) -> None:
        """A model was asked exactly so often, failed attempts included."""
        count = len(self.requests)
        self._assert(
            count == expected, f"expected {expected} requests to a model, got {count}"
        )

    def assert_asked(self, text: str) -> None:
        """Some prompt contained this text."""
        found = any(text.lower() in request.text.lower() for request in self.requests)
        self._assert(found, f"no prompt contains {text!r}")

    def assert_function_response(self, name: str, response: Any = _ANYTHING) -> None:
        """A function's result was sent to the model.

        Args:
            name: The function.
            response: Its `functionResponse.response`; left out, any will do.
        """
        sent = [
            request.function_responses[name]
            for request in self.requests
            if name in request.function_responses
        ]
        self._assert(bool(sent), f"no response of function {name!r} was sent")
        if response is not _ANYTHING:
            self._assert(
                response in sent, f"{name!r} answered {sent}, not {response!r}"
            )

    def assert_script_used(self) -> None:
        """Everything scripted was asked for."""
        left = self._service.script.left()
        self._assert(left == 0, f"{left} scripted answers were never asked for")

    def assert_no_errors(self) -> None:
        """No answer had an error status."""
        bad = [exchange for exchange in self.exchanges if (exchange.status or 0) >= 400]
        self._assert(not bad, f"{len(bad)} answers were errors")

    def _assert(self, holds: bool, otherwise: str) -> None:
        # A plain `assert` would be stripped by `python -O` and rewritten by pytest.
        if not holds:
            raise AssertionError(
                f"{otherwise}; exchanges so far:\n{self.log or '(none)'}"
            )

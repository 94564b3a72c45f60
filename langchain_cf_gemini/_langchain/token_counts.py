"""How many tokens a text or a request has, estimated offline."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

from langchain_cf_gemini._gemini.vocabulary import Json


class TokenCounts:
    """Replaces langchain-core's counts, which are those of another company's model."""

    if TYPE_CHECKING:
        custom_get_token_ids: Callable[[str], list[int]] | None

        def _settings(
            self,
            stop: list[str] | None,
            arguments: Mapping[str, Any],
            run_metadata: Mapping[str, Any] | None = None,
        ) -> Json: ...

    def get_num_tokens(self, text: str) -> int:
        """Estimate a text's tokens offline; the README states the measured error.

        Args:
            text: Any text.

        Returns:
            The estimate, or the count of `custom_get_token_ids` if that was given.
        """
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        from langchain_cf_gemini._langchain import calls as _calls

        return _calls.tokens_from_text(text)

    def get_token_ids(self, text: str) -> list[int]:
        """Return the ids of `custom_get_token_ids`.

        Raises:
            NotImplementedError: Without it: Gemini's tokenizer is not published.
        """
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        raise NotImplementedError(
            "Gemini's tokenizer is not published, so there are no token ids; "
            "get_num_tokens estimates counts, custom_get_token_ids brings your own"
        )

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Estimate the tokens of a whole request offline, media and tools included.

        Args:
            messages: The conversation.
            tools: Tools as for `bind_tools`.

        Raises:
            UnsupportedContentError: If a message could not be sent either.
        """
        from langchain_core.language_models._utils import _normalize_messages

        from langchain_cf_gemini._langchain import calls as _calls

        arguments = {"tools": list(tools)} if tools else {}
        settings = self._settings(None, arguments)
        # Nothing is sent, so nothing is fetched: addresses count as their kind does.
        settings["media_urls"] = "pass"
        call = _calls.call_from_settings(settings, _normalize_messages(list(messages)))
        return _calls.tokens_from_request(call.body, call.model)

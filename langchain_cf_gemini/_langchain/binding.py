"""`bind` and `bind_tools`: arguments that stand between a model's and a call's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import Runnable, ensure_config
from langchain_core.runnables.base import RunnableBinding
from pydantic import ConfigDict

from langchain_cf_gemini._gemini.schema.openapi import Dialect
from langchain_cf_gemini._gemini.tools.declarations import (
    declarations_from_tools,
    strict_from_tools,
    tools_from_settings,
)
from langchain_cf_gemini._gemini.tools.tool_choice import parallel_from_choice
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini._langchain.input_blocks import (
    readable_batch,
    readable_prompt,
)
from langchain_cf_gemini._langchain.secrets import HEADERS
from langchain_cf_gemini._langchain.settings import kept, laid

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import (
        BaseChatModel,
        _ChatModelBinding,
    )
else:
    # LangChain's own differs in its types alone.
    _ChatModelBinding = RunnableBinding


class Binding(_ChatModelBinding):
    """A model with arguments; what is bound or called later wins name by name.

    LangChain's own binding replaces one dict's entries by another's: an alias would
    stand beside its setting, None would wipe what was bound, and one key of
    `generation_config` would wipe all others. It is serialized as LangChain's own.
    """

    # Its validators are made with the first one.
    model_config = ConfigDict(defer_build=True)

    @classmethod
    def lc_id(cls) -> list[str]:
        """Return the id of LangChain's own class, which loads it."""
        return RunnableBinding.lc_id()

    def __getstate__(self) -> dict[Any, Any]:
        """Leave the values of headers behind; where they arrive, the model misses them.

        A model that carries its secrets lets them carry theirs.
        """
        state = dict(super().__getstate__())
        model: Any = self.bound
        headers = self.kwargs.get(HEADERS)
        if headers and not getattr(model, "carry_secrets", True):
            needed = [f"{HEADERS}.{name}" for name in headers]
            bound = copy(model)
            # It is asked for what it does not hold where it arrives, and not before.
            bound.__dict__["required_secrets"] = [
                *(model.required_secrets or ()),
                *needed,
            ]
            kwargs = {name: v for name, v in self.kwargs.items() if name != HEADERS}
            state["__dict__"] = {**state["__dict__"], "bound": bound, "kwargs": kwargs}
        return state

    def bind(self, **kwargs: Any) -> Binding:
        """Return the model with further arguments."""
        return self._over(kwargs)

    def _over(self, kwargs: Mapping[str, Any]) -> Binding:
        if not kwargs:
            return self
        return type(self)(
            bound=self.bound,
            kwargs=laid(self.kwargs, kept(kwargs)),
            config=self.config,
            config_factories=self.config_factories,
            custom_input_type=self.custom_input_type,
            custom_output_type=self.custom_output_type,
        )

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Binding:
        """Return the model with tools; see `ChatCloudflareGemini.bind_tools`."""
        given = {k: v for k, v in self.kwargs.items() if k != "tools"}
        model = cast("BaseChatModel", self.bound)
        bound = model.bind_tools(tools, **{**given, **kwargs})
        return self._over(cast("Binding", bound).kwargs)

    def with_structured_output(
        self, schema: Any = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable whose output has a schema; see the model's own."""
        model = cast("BaseChatModel", self.bound)
        return model.with_structured_output(schema, **{**self.kwargs, **kwargs})


def with_readable_batch(generate: Any) -> Any:
    """Return a model's `generate`, its arguments kept, its blocks readable to core."""

    @wraps(generate)
    def generated(self: BaseChatModel, /, messages: Any, *args: Any, **kw: Any) -> Any:
        return generate(self, readable_batch(messages), *args, **kept(kw))

    return generated


def with_readable_prompt(ask: Any) -> Any:
    """Return a model's way of asking, its arguments kept, its blocks readable."""

    @wraps(ask)
    def asked(self: BaseChatModel, /, input: Any, *args: Any, **kwargs: Any) -> Any:
        return ask(self, readable_prompt(input), *args, **kept(kwargs))

    return asked


def with_run_metadata(stream: Any, within: Callable[..., Any]) -> Any:
    """Return a model's way of streaming, the run's metadata at hand for its request.

    langchain-core gives a stream no run manager here, and so no run metadata.

    Args:
        stream: How langchain-core streams.
        within: Streams its chunks with some metadata at hand.
    """

    @wraps(stream)
    def streamed(self: Any, /, input: Any, config: Any = None, **kwargs: Any) -> Any:
        chunks = stream(self, readable_prompt(input), config, **kept(kwargs))
        if not self.gateway_metadata_keys:
            return chunks
        # As LangChain lays them over each other for a run manager.
        of_run = ensure_config(config).get("metadata")
        return within(chunks, {**(of_run or {}), **(self.metadata or {})})

    return streamed


def _over_what_is_bound(name: str) -> Any:
    """Return LangChain's way of asking, with a call's arguments laid over the bound."""
    own = getattr(RunnableBinding, name)

    @wraps(own)
    def ask(self: Binding, input: Any, config: Any = None, **kwargs: Any) -> Any:
        ways = {k: kwargs.pop(k) for k in _OF_THE_WAY if k in kwargs}
        return own(self._over(kwargs), input, config, **ways)

    return ask


_OF_THE_WAY = ("return_exceptions", "version")
_WAYS = ("invoke", "batch", "batch_as_completed", "stream", "transform")
for _way in (*_WAYS, "stream_events"):
    for _name in (_way, f"a{_way}"):
        setattr(Binding, _name, _over_what_is_bound(_name))


def bound_tools(
    tools: Sequence[Any],
    choice: Any,
    strict: bool | None,
    parallel: bool | None,
    dialect: Dialect,
) -> Json:
    """Return what `bind_tools` binds: one declaration for each function.

    They are JSON Schema, which a call can still say in either dialect, and stand flat,
    as software beside LangChain's models reads tools. What cannot be said fails here.

    Raises:
        UnsupportedContentError: If a tool or a choice cannot be said in Gemini's terms.
    """
    if strict is None:
        strict = strict_from_tools(tools)
    bound = {
        "tools": declarations_from_tools(tools, strict=strict),
        "strict": strict,
        "tool_choice": choice,
        "parallel_tool_calls": parallel,
    }
    if parallel is None:
        bound["parallel_tool_calls"] = parallel_from_choice(choice)
    tools_from_settings({**bound, "schema_dialect": dialect})
    return bound

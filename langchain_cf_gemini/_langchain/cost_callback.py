"""A callback that sums tokens and cost over a run, also over many threads and tasks."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import add_usage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook
from typing_extensions import override

from langchain_cf_gemini._cloudflare.costs import (
    cost,
    is_from_cache,
    model_from_metadata,
)
from langchain_cf_gemini.exceptions import CloudflareGeminiError

# The two ways of one run are told one right after the other; the rest is for threads.
_LAST_RUNS = 4096
_COUNTS = ("calls", "cached_calls", "unpriced_calls")


class CostCallbackHandler(UsageMetadataCallbackHandler):
    """Sums what the calls of a run used and cost.

    Handlers can be pickled and added up (`a + b`, `sum(handlers)`): each process or
    thread of your own counts with one (`config={"callbacks": [handler]}`).

    Attributes:
        usage_metadata: Token counts by model name, as in langchain_core's handler.
        total_cost: US dollars of all calls whose price is known, as Cloudflare bills.
        costs: The same by model name.
        google_cost: US dollars that Google bills for calls with a key of your own,
            estimated by the same prices.
        calls: How many answers were counted.
        cached_calls: How many of them cost nothing, out of a cache.
        unpriced_calls: How many could not be priced, and are missing in the sum.
    """

    def __init__(self, *, parent: "CostCallbackHandler | None" = None) -> None:
        """Start at nothing.

        Args:
            parent: A handler that is told everything too, for nested `with` blocks.
        """
        super().__init__()
        self._parent = parent
        self.total_cost = 0.0
        self.costs: dict[str, float] = {}
        self.google_cost = 0.0
        self.calls = 0
        self._runs: OrderedDict[Any, None] = OrderedDict()
        self.cached_calls = 0
        self.unpriced_calls = 0

    @override
    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Add one call, once: a run inside two blocks tells both, by two ways."""
        if not self._is_new(kwargs.get("run_id")):
            return
        super().on_llm_end(response, **kwargs)
        for generations in response.generations:
            # One list for each prompt; its first has the usage of them all.
            first = generations[0] if generations else None
            if isinstance(message := getattr(first, "message", None), AIMessage):
                self._add(message)
        if self._parent is not None:
            self._parent.on_llm_end(response, **kwargs)

    @override
    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        """Add a call that was paid for, though its answer could not be read."""
        if isinstance(error, CloudflareGeminiError) and error.usage_metadata:
            told = {"model_name": error.model_name, "gateway": error.gateway}
            message = AIMessage(
                "", usage_metadata=error.usage_metadata, response_metadata=told
            )
            paid = LLMResult(generations=[[ChatGeneration(message=message)]])
            self.on_llm_end(paid, run_id=kwargs.get("run_id"))

    def _is_new(self, run_id: Any) -> bool:
        with self._lock:
            if run_id is None or run_id in self._runs:
                return run_id is None
            self._runs[run_id] = None
            if len(self._runs) > _LAST_RUNS:
                self._runs.popitem(last=False)
            return True

    def _add(self, message: AIMessage) -> None:
        dollars, to_google = cost(message), cost(message, paid_to="google")
        metadata = message.response_metadata
        usage = cast("Mapping[str, Any] | None", message.usage_metadata)
        name = model_from_metadata(metadata) or "unknown"
        with self._lock:
            self.calls += 1
            if dollars is None or to_google is None:
                self.unpriced_calls += 1
                return
            self.cached_calls += is_from_cache(usage, metadata.get("gateway"))
            self.total_cost += dollars
            self.google_cost += to_google
            self.costs[name] = self.costs.get(name, 0.0) + dollars

    def __add__(self, other: "CostCallbackHandler") -> "CostCallbackHandler":
        """Sum two, such as those of two processes."""
        if not isinstance(other, CostCallbackHandler):
            return NotImplemented
        total = CostCallbackHandler()
        for each in (self, other):
            for name in ("total_cost", "google_cost", *_COUNTS):
                setattr(total, name, getattr(total, name) + getattr(each, name))
            for model, dollars in each.costs.items():
                total.costs[model] = total.costs.get(model, 0.0) + dollars
            for model, usage in each.usage_metadata.items():
                before = total.usage_metadata.get(model)
                total.usage_metadata[model] = add_usage(before, usage)
        return total

    def __radd__(self, other: int) -> "CostCallbackHandler":
        """Let `sum` start with its 0."""
        return self if other == 0 else NotImplemented

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what belongs to the process: the lock and the outer handler."""
        return {**vars(self), "_lock": None, "_parent": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a lock of this process."""
        vars(self).update(state, _lock=threading.Lock())

    @override
    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(total_cost={self.total_cost:.6f}, "
            f"calls={self.calls}, cached_calls={self.cached_calls}, "
            f"unpriced_calls={self.unpriced_calls})"
        )


_current: ContextVar[CostCallbackHandler | None] = ContextVar(
    "langchain_cf_gemini_cost", default=None
)
# Once at import: langchain_core keeps every hook for ever, so one for each `with` block
# would make each later call slower.
register_configure_hook(_current, inheritable=True)


@contextmanager
def get_cost_callback() -> Iterator[CostCallbackHandler]:
    """Sum tokens and cost of every chat model call inside a `with` block.

    Yields:
        The handler that sums. Blocks nest: the outer one counts the inner one's too.

    Example:
        ```python
        with get_cost_callback() as spent:
            agent.invoke(...)
        print(spent.total_cost, spent.usage_metadata)
        ```
    """
    handler = CostCallbackHandler(parent=_current.get())
    token = _current.set(handler)
    try:
        yield handler
    finally:
        _current.reset(token)

"""What a call cost, in US dollars, by the prices of Cloudflare's catalogue."""

from collections.abc import Mapping
from typing import Any, Final, cast

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata

from langchain_cf_gemini._cloudflare.catalogue import Prices, model_info

_PER: Final = 1_000_000


def cost(
    message_or_usage: AIMessage | Mapping[str, Any],
    model: str | None = None,
    *,
    prices: Prices | None = None,
) -> float | None:
    """Compute what a call cost.

    Unified Billing adds no mark-up to these prices; a key of your own is billed by
    Google. What the catalogue does not list is not in the sum: grounding, and the
    dearer audio input of some models. Give the usage of one call: the long-context
    price and the mark of a cache HIT belong to a call, not to a sum of calls.

    Args:
        message_or_usage: An answer, or its `usage_metadata`.
        model: The model that answered; an `AIMessage` knows it.
        prices: Prices to use instead of the packaged ones.

    Returns:
        US dollars; 0.0 for an answer out of a cache (Cloudflare's or LangChain's); None
        where the model's price or the token counts are not known, which is not free.
    """
    usage: Mapping[str, Any] | None
    if isinstance(message_or_usage, AIMessage):
        usage = cast("Mapping[str, Any] | None", message_or_usage.usage_metadata)
        metadata = message_or_usage.response_metadata
        if is_cache_hit(metadata.get("gateway")):
            return 0.0
        model = model or metadata.get("model_name")
    else:
        usage = message_or_usage
    if usage is None:
        return None
    if usage.get("total_cost") == 0:
        return 0.0
    prices = prices or _prices_of(model)
    if prices is None or "input_tokens" not in usage:
        return None
    return _cost_from_usage(usage, prices)


def _prices_of(model: str | None) -> Prices | None:
    known = model_info(model) if model else None
    return known.prices if known else None


def _cost_from_usage(usage: Mapping[str, Any], prices: Prices) -> float:
    prompt: int = usage["input_tokens"]
    written: int = usage.get("output_tokens", 0)
    if prices.long_context and prompt > prices.long_context_over:
        prices = prices.long_context
    details = usage.get("input_token_details") or {}
    cached: int = details.get("cache_read") or 0
    created: int = details.get("cache_creation") or 0
    dollars = (
        (prompt - cached - created) * prices.input
        + cached * _first(prices.cached, prices.input)
        + created * _first(prices.cache_creation, prices.input)
        + written * prices.output
    )
    return dollars / _PER


def _first(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price


def is_cache_hit(gateway: Any) -> bool:
    """Tell whether Cloudflare answered out of its cache.

    Args:
        gateway: `response_metadata["gateway"]` of a message, or None.

    Returns:
        True for `cache_status` HIT.
    """
    return isinstance(gateway, Mapping) and gateway.get("cache_status") == "HIT"


def usage_after_cache(
    usage: UsageMetadata | None, gateway: Mapping[str, Any] | None
) -> UsageMetadata | None:
    """Mark the usage of an answer that came out of Cloudflare's cache.

    Such an answer carries the token counts of the call that filled the cache. They are
    kept, since they tell the answer's length, and marked with `total_cost: 0`, the mark
    that langchain_core puts on answers out of its own cache.

    Args:
        usage: The counts of the answer.
        gateway: What the gateway said about it.

    Returns:
        The usage itself, or a marked copy for a cache HIT.
    """
    if usage is None or not is_cache_hit(gateway):
        return usage
    return cast("UsageMetadata", {**usage, "total_cost": 0})

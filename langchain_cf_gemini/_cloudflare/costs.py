"""What a call cost, in US dollars, and whom it is paid to."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, Literal, TypeAlias, cast

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata

from langchain_cf_gemini._cloudflare.catalogue import Prices, model_info, today

Payee: TypeAlias = Literal["cloudflare", "google"]

_PER: Final = 1_000_000
_NOTHING: Final[Mapping[str, Any]] = {}


def cost(
    message_or_usage: AIMessage | Mapping[str, Any],
    model: str | None = None,
    *,
    prices: Prices | None = None,
    paid_to: Payee = "cloudflare",
    day: date | None = None,
) -> float | None:
    """Compute what a call cost, by the prices of its day.

    An answer knows whose bill it is on: `response_metadata["gateway"]["key_source"]` is
    `Unified` for Cloudflare's (which adds no mark-up to the catalogue's prices), and
    `BYOK` or `Request` where a key of your own was used, stored or sent: that call is
    free at Cloudflare, and Google bills it. A `custom_cost` that the call was given
    comes before any price list. What the catalogue does not list is not in the sum:
    grounding, and the dearer audio input of some models. Give the usage of one call:
    the long-context price belongs to a call, not to a sum of calls.

    Args:
        message_or_usage: An answer, or its `usage_metadata`.
        model: The model that answered; an `AIMessage` knows it.
        prices: Prices to use instead of the packaged ones.
        paid_to: Whose bill to count; `google` estimates calls with a key of your own by
            the same prices.
        day: The day of the call. By default what the answer says of itself, which is
            Vertex AI's `createTime`, or else today (UTC).

    Returns:
        US dollars; 0.0 for an answer out of a cache (Cloudflare's or LangChain's) and
        for a call on another bill; None where it is not known, which is not free:
        without the model's price or the token counts, and for counts alone with the
        mark of a cache HIT, which a sum with calls that were paid for has, too.
    """
    usage: Mapping[str, Any] | None = None
    told: Mapping[str, Any] = _NOTHING
    is_message = isinstance(message_or_usage, AIMessage)
    if isinstance(message_or_usage, AIMessage):
        metadata = message_or_usage.response_metadata
        usage = cast("Mapping[str, Any] | None", message_or_usage.usage_metadata)
        told = metadata.get("gateway") or _NOTHING
        model = model or model_from_metadata(metadata)
        day = day or _day_from(metadata.get("create_time"))
    elif not isinstance(message_or_usage, Mapping):
        raise TypeError(
            "cost() takes an AIMessage or its usage_metadata, not "
            f"{type(message_or_usage).__name__!r}."
        )
    elif "total_cost" not in message_or_usage:
        usage = message_or_usage
    is_elsewhere = is_message and paid_to != payee_from_gateway(told)
    if is_elsewhere or is_from_cache(usage, told):
        return 0.0
    custom = told.get("custom_cost") or _NOTHING
    if prices is None and "total_cost" in custom:
        return float(custom["total_cost"])
    prices = prices or _prices_from_custom(custom) or _prices_of(model, day or today())
    if usage is None or prices is None or "input_tokens" not in usage:
        return None
    return _cost_from_usage(usage, prices)


def model_from_metadata(metadata: Mapping[str, Any]) -> str | None:
    """Return the model that answered, or that was asked where no answer says it."""
    return metadata.get("model_name") or metadata.get("requested_model")


def is_from_cache(
    usage: Mapping[str, Any] | None, gateway: Mapping[str, Any] | None
) -> bool:
    """Tell whether an answer came out of a cache: Cloudflare's or LangChain's.

    Args:
        usage: Its `usage_metadata`, which LangChain's cache marks with `total_cost: 0`.
        gateway: Its `response_metadata["gateway"]`.
    """
    return is_cache_hit(gateway) or bool(usage and usage.get("total_cost") == 0)


def payee_from_gateway(gateway: Mapping[str, Any]) -> Payee:
    """Tell who bills a call.

    Args:
        gateway: `response_metadata["gateway"]` of its answer.

    Returns:
        `google` for a key of one's own, stored with Cloudflare or sent; else
        `cloudflare`.
    """
    source = str(gateway.get("key_source") or "Unified")
    return "cloudflare" if source.lower() == "unified" else "google"


def _prices_from_custom(custom: Mapping[str, float]) -> Prices | None:
    # https://developers.cloudflare.com/ai-gateway/configuration/custom-costs/
    if not custom:
        return None
    each = {name: price * _PER for name, price in custom.items()}
    return Prices(
        input=each["per_token_in"],
        output=each["per_token_out"],
        cached=each.get("per_cache_read_token"),
        cache_creation=each.get("per_cache_write_token"),
    )


def _day_from(created: Any) -> date | None:
    try:
        return date.fromisoformat(str(created)[:10])
    except ValueError:
        return None


def _prices_of(model: str | None, day: date) -> Prices | None:
    known = model_info(model) if model else None
    return known.prices_on(day) if known else None


def _cost_from_usage(usage: Mapping[str, Any], prices: Prices) -> float:
    prompt: int = usage["input_tokens"]
    written: int = usage.get("output_tokens", 0)
    if prices.long_context and prompt > prices.long_context_over:
        prices = prices.long_context
    details = usage.get("input_token_details") or {}
    cached: int = min(details.get("cache_read") or 0, prompt)
    created: int = min(details.get("cache_creation") or 0, prompt - cached)
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
    status = gateway.get("cache_status") if isinstance(gateway, Mapping) else None
    return str(status).upper() == "HIT"


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

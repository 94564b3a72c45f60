"""Which requests share a rate limit or a refusal, and what a refusal says of when.

Cloudflare documents `Retry-After`, `Ratelimit` and `Ratelimit-Policy` on its API's 429s
(https://developers.cloudflare.com/changelog/post/2025-09-03-rate-limiting-improvement/);
the latter two are those of draft-ietf-httpapi-ratelimit-headers.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from langchain_cf_gemini._http.retries import seconds_from_text

# They name one request, or how its answer comes: who may ask does not depend on them.
_OF_ONE_REQUEST = frozenset(
    {
        "accept",
        "accept-encoding",
        "cf-aig-event-id",
        "cf-aig-otel-parent-span-id",
        "cf-aig-otel-trace-id",
    }
)
# "default";r=0;t=30: a name, and parameters that are whole numbers.
_ITEM = re.compile(r'\s*("[^"]*"|[^\s,;"]+)((?:\s*;[^,;"]*(?:"[^"]*")?)*)\s*(?:,|$)')
_PARAMETER = re.compile(r";\s*([a-z]+)\s*=\s*(\d{1,12})\s*(?=;|$)")


def keys_of(headers: Mapping[str, str], *limited: str) -> dict[str, Any]:
    """A request's `rate_key` and `credentials_key`.

    The latter is a digest with all headers that could bear upon a refusal: other
    options, whatever they are, are another case.

    Args:
        headers: The request's, names in lower case.
        limited: What a rate limit is for: host, account, gateway and model.
    """
    rate = "\n".join(limited)
    lines = sorted(
        f"{name}\0{value}"
        for name, value in headers.items()
        if name not in _OF_ONE_REQUEST
    )
    said = "\n".join((rate, *lines)).encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(said, digest_size=16, key=_key()).hexdigest()
    return {"rate_key": rate, "credentials_key": digest}


@cache
def _key() -> bytes:
    """What makes a digest tell nothing of the token, nor of anything elsewhere."""
    # Not at import: a Worker has no random numbers before its first request.
    return os.urandom(16)


def retry_after_from_rate_limits(headers: Mapping[str, str]) -> float | None:
    """Seconds until the limits that are used up let something through again.

    Args:
        headers: The refusal's headers, in lower case.

    Returns:
        The longest time of those with nothing remaining: `t`, else their policy's
        window `w`. None if the headers do not say so.
    """
    windows = {
        name: policy["w"]
        for name, policy in _items(headers.get("ratelimit-policy", ""))
        if "w" in policy
    }
    waits = [
        limit.get("t", windows.get(name))
        for name, limit in _items(headers.get("ratelimit", ""))
        if limit.get("r") == 0
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def _items(text: str) -> Iterator[tuple[str, dict[str, float]]]:
    """The items of a list, with those of their parameters that are numbers."""
    for name, parameters in _ITEM.findall(text):
        found = {
            key: seconds
            for key, digits in _PARAMETER.findall(parameters)
            if (seconds := seconds_from_text(digits)) is not None
        }
        yield name.strip('"'), found

"""Which path leads where: a request in, an answer out, still without sockets."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from langchain_cf_gemini.emulator._cloudflare import api, doors
from langchain_cf_gemini.emulator._cloudflare.service import Answered, Service
from langchain_cf_gemini.emulator._messages import Incoming
from langchain_cf_gemini.emulator._server.control import control, page

_V4 = "/client/v4/accounts/(?P<account>[^/]+)"
_LOG = "ai-gateway/gateways/(?P<gateway>[^/]+)/logs/(?P<log_id>[^/]+)"
_GATEWAY = "/v1/(?P<account>[^/]+)/(?P<gateway>[^/]+)"
_PUBLISHER = "(?P<publisher>projects/[^/]+/locations/[^/]+/publishers/google)"
_CALL = (
    "models/(?P<model>[^/:]+)"
    ":(?P<method>generateContent|streamGenerateContent|countTokens)"
)
_VERSION = "v1(?:beta|beta1)?"  # google-genai 2.34 asks v1beta, 3.6 asks v1

# Who takes requests to a path, and what the exchange is called: None is no exchange, ""
# what the path says.
_ROUTES: tuple[tuple[str, str, str | None, Callable[..., Any]], ...] = (
    # With the model in the path, as Cloudflare's own SDK asks.
    ("POST", f"{_V4}/ai/run(?:/(?P<model>.+))?", "run", doors.run_asked),
    ("GET", f"{_V4}/ai/catalog/models", "catalogue", api.catalogue),
    ("GET", f"{_V4}/tokens/verify", "tokens", api.verify_token),
    ("GET", "/client/v4/user/tokens/verify", "tokens", api.verify_token),
    ("GET PATCH", f"{_V4}/{_LOG}", "logs", api.log_entry),
    (
        "POST",
        f"(?:{_GATEWAY})?/google-(?:ai-studio/[^/]+|vertex-ai/[^/]+/{_PUBLISHER})/{_CALL}",
        "",
        doors.gateway_asked,
    ),
    ("GET", f"/{_VERSION}/models(?:/(?P<model>[^/]+))?", "models", api.google_models),
    ("POST", f"/{_VERSION}/{_CALL}", "", doors.google_asked),
    ("", "/_emulator/(?P<action>[^/]+)", None, control),
    ("GET HEAD", "/", None, page),
    ("", ".*", "no route", api.unserved_path),
)
_READ = tuple(
    (methods.split(), re.compile(path, re.DOTALL), route, call)
    for methods, path, route, call in _ROUTES
)


def answered(service: Service, incoming: Incoming) -> Answered:
    """The answer to any request at all."""
    named, route, call = next(
        (found.groupdict(), route, call)
        for methods, path, route, call in _READ
        if (found := path.fullmatch(incoming.path))
        and (not methods or incoming.method in methods)
    )
    name = named.pop("method", route)
    asked = partial(call, service, incoming, **named)
    return (None, asked()) if name is None else service.answered(incoming, name, asked)

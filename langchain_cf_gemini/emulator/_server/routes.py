"""Which path leads where: a request in, an answer out, still without sockets."""

import re
from collections.abc import Callable
from typing import Any

from langchain_cf_gemini.emulator._cloudflare.api import (
    catalogue,
    google_model,
    google_models,
    log_entry,
    verify_token,
)
from langchain_cf_gemini.emulator._cloudflare.service import Answered, Service
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing
from langchain_cf_gemini.emulator._refusals import unserved
from langchain_cf_gemini.emulator._server.control import control
from langchain_cf_gemini.emulator._server.page import page

_V4 = "/client/v4/accounts/(?P<account>[^/]+)"
_GATEWAY = "/v1/(?P<account>[^/]+)/(?P<gateway>[^/]+)"
_PUBLISHER = "(?P<publisher>projects/[^/]+/locations/[^/]+/publishers/google)"
_CALL = (
    "models/(?P<model>[^/:]+)"
    ":(?P<method>generateContent|streamGenerateContent|countTokens)"
)
_VERSION = "v1(?:beta|beta1)?"  # google-genai 2.34 asks v1beta, 3.6 asks v1

Handler = Callable[..., Answered]
_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    # With the model in the path, as Cloudflare's own SDK asks.
    ("POST", f"{_V4}/ai/run(?:/(?P<model>.+))?", Service.run),
    ("GET", f"{_V4}/ai/catalog/models", catalogue),
    ("GET", f"{_V4}/tokens/verify", verify_token),
    ("GET", "/client/v4/user/tokens/verify", verify_token),
    # A custom domain names neither account nor gateway.
    ("POST", f"/google-ai-studio/[^/]+/{_CALL}", Service.custom_domain),
    (
        "GET PATCH",
        f"{_V4}/ai-gateway/gateways/(?P<gateway>[^/]+)/logs/(?P<log_id>[^/]+)",
        log_entry,
    ),
    ("POST", f"{_GATEWAY}/google-ai-studio/[^/]+/{_CALL}", Service.gateway),
    (
        "POST",
        f"{_GATEWAY}/google-vertex-ai/[^/]+/{_PUBLISHER}/{_CALL}",
        Service.gateway,
    ),
    ("GET", f"/{_VERSION}/models", google_models),
    ("GET", f"/{_VERSION}/models/(?P<model>[^/]+)", google_model),
    ("POST", f"/{_VERSION}/{_CALL}", Service.google),
    ("GET POST", "/_emulator/(?P<action>[^/]+)", control),
    ("GET HEAD", "/", page),
    # Browsers ask on their own; that is no exchange.
    ("GET", "/favicon.ico", lambda service, incoming: (None, Outgoing(status=204))),
)
_READ = tuple(
    (methods.split(), re.compile(path), handler) for methods, path, handler in _ROUTES
)


def answered(service: Service, incoming: Incoming) -> Answered:
    """The answer to any request at all."""
    for methods, path, handler in _READ:
        found = path.fullmatch(incoming.path) if incoming.method in methods else None
        if found:
            named: dict[str, Any] = found.groupdict()
            return handler(service, incoming, **named)

    def refuse() -> Outgoing:
        raise unserved(incoming.path)

    return service.other(incoming, "no route", refuse)

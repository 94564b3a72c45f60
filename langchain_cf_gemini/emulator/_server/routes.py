"""Which path leads where: a request in, an answer out, still without sockets."""

import re
from collections.abc import Callable
from typing import Any

from langchain_cf_gemini.emulator._cloudflare import api, doors
from langchain_cf_gemini.emulator._cloudflare.service import (
    Answered,
    Call,
    Door,
    Service,
)
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing
from langchain_cf_gemini.emulator._server.control import control
from langchain_cf_gemini.emulator._server.page import page

_V4 = "/client/v4/accounts/(?P<account>[^/]+)"
_LOG = "ai-gateway/gateways/(?P<gateway>[^/]+)/logs/(?P<log_id>[^/]+)"
_GATEWAY = "/v1/(?P<account>[^/]+)/(?P<gateway>[^/]+)"
_PUBLISHER = "(?P<publisher>projects/[^/]+/locations/[^/]+/publishers/google)"
_CALL = (
    "models/(?P<model>[^/:]+)"
    ":(?P<method>generateContent|streamGenerateContent|countTokens)"
)
_VERSION = "v1(?:beta|beta1)?"  # google-genai 2.34 asks v1beta, 3.6 asks v1

Handler = Callable[..., Answered]


def _door(door: Door) -> Handler:
    return lambda service, incoming, **path: service.content(door, incoming, **path)


def _call(route: str, call: Call) -> Handler:
    return lambda service, incoming, **path: service.other(
        call, incoming, route, **path
    )


def _page(made: Call) -> Handler:
    """What is no exchange."""
    return lambda service, incoming, **path: (None, made(service, incoming, **path))


def _nothing(service: Service, incoming: Incoming) -> Outgoing:
    return Outgoing(status=204)  # browsers ask on their own


_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    # With the model in the path, as Cloudflare's own SDK asks.
    ("POST", f"{_V4}/ai/run(?:/(?P<model>.+))?", _door(doors.run_asked)),
    ("GET", f"{_V4}/ai/catalog/models", _call("catalogue", api.catalogue)),
    ("GET", f"{_V4}/tokens/verify", _call("tokens", api.verify_token)),
    ("GET", "/client/v4/user/tokens/verify", _call("tokens", api.verify_token)),
    ("GET PATCH", f"{_V4}/{_LOG}", _call("logs", api.log_entry)),
    (
        "POST",
        f"/google-ai-studio/[^/]+/{_CALL}",
        _door(doors.custom_domain_asked),
    ),
    (
        "POST",
        f"{_GATEWAY}/google-(?:ai-studio/[^/]+|vertex-ai/[^/]+/{_PUBLISHER})/{_CALL}",
        _door(doors.gateway_asked),
    ),
    (
        "GET",
        f"/{_VERSION}/models(?:/(?P<model>[^/]+))?",
        _call("models", api.google_models),
    ),
    ("POST", f"/{_VERSION}/{_CALL}", _door(doors.google_asked)),
    ("GET POST", "/_emulator/(?P<action>[^/]+)", _page(control)),
    ("GET HEAD", "/", _page(page)),
    ("GET", "/favicon.ico", _page(_nothing)),
    ("", ".*", _call("no route", api.unserved_path)),
)
_READ = tuple(
    (methods.split(), re.compile(path, re.DOTALL), handler)
    for methods, path, handler in _ROUTES
)


def answered(service: Service, incoming: Incoming) -> Answered:
    """The answer to any request at all."""
    for methods, path, handler in _READ:
        found = path.fullmatch(incoming.path)
        if found and (not methods or incoming.method in methods):
            named: dict[str, Any] = found.groupdict()
            return handler(service, incoming, **named)
    raise AssertionError("the last route takes every path")

"""The web application: which path leads where."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from langchain_cf_gemini.emulator._cloudflare.api import (
    catalogue,
    google_models,
    log_entry,
)
from langchain_cf_gemini.emulator._cloudflare.doors import GatewayPath
from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing
from langchain_cf_gemini.emulator._refusals import (
    gateway_refusal,
    v4_refusal,
)
from langchain_cf_gemini.emulator._server.page import page
from langchain_cf_gemini.emulator._server.sending import EmulatedResponse, Transports

_VERSIONS = ("v1", "v1beta", "v1beta1")
_CONTENT_METHODS = ("generateContent", "streamGenerateContent", "countTokens")


def application(service: Service, transports: Transports) -> Starlette:
    """All routes of the emulator."""
    routes = _Routes(service, transports)
    v4 = "/client/v4/accounts/{account}"
    studio = "/v1/{account}/{gateway}/google-ai-studio/{version}/models/{call}"
    vertex = (
        "/v1/{account}/{gateway}/google-vertex-ai/{version}/projects/{project}"
        "/locations/{location}/publishers/google/models/{call}"
    )
    return Starlette(
        routes=[
            Route(f"{v4}/ai/run", routes.run, methods=["POST"]),
            Route(f"{v4}/ai/catalog/models", routes.catalogue),
            Route(
                f"{v4}/ai-gateway/gateways/{{gateway}}/logs/{{log_id}}",
                routes.log_entry,
                methods=["GET", "PATCH"],
            ),
            Route(studio, routes.gateway, methods=["POST"]),
            Route(vertex, routes.gateway, methods=["POST"]),
            # google-genai 2.34 asks v1beta, 3.6 asks v1.
            *(Route(f"/{v}/models", routes.google_models) for v in _VERSIONS),
            *(
                Route(f"/{v}/models/{{call}}", routes.google, methods=_GET_OR_POST)
                for v in _VERSIONS
            ),
            Route("/v1/{rest:path}", routes.no_provider, methods=_GET_OR_POST),
            Route("/", routes.page),
            Route("/favicon.ico", routes.no_icon),
            Route("/{rest:path}", routes.no_route, methods=_EVERY_METHOD),
        ]
    )


_GET_OR_POST = ["GET", "POST"]
_EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class _Routes:
    def __init__(self, service: Service, transports: Transports) -> None:
        self._service = service
        self._transports = transports

    async def run(self, request: Request) -> Response:
        incoming = await _incoming(request)
        return self._sent(self._service.run(incoming, **request.path_params))

    async def gateway(self, request: Request) -> Response:
        incoming = await _incoming(request)
        model, _, method = request.path_params["call"].partition(":")
        if method not in _CONTENT_METHODS:
            return await self.no_provider(request)
        path = GatewayPath(
            account=request.path_params["account"],
            gateway=request.path_params["gateway"],
            model=model,
            publisher=_publisher(request.path_params),
        )
        return self._sent(self._service.gateway(incoming, path, method))

    async def google(self, request: Request) -> Response:
        incoming = await _incoming(request)
        model, _, method = request.path_params["call"].partition(":")
        if method in _CONTENT_METHODS and request.method == "POST":
            return self._sent(self._service.google(incoming, model, method))
        return self._sent(google_models(self._service, incoming, model))

    async def google_models(self, request: Request) -> Response:
        return self._sent(google_models(self._service, await _incoming(request)))

    async def catalogue(self, request: Request) -> Response:
        incoming = await _incoming(request)
        return self._sent(catalogue(self._service, incoming, **request.path_params))

    async def log_entry(self, request: Request) -> Response:
        incoming = await _incoming(request)
        return self._sent(log_entry(self._service, incoming, **request.path_params))

    async def page(self, request: Request) -> Response:
        return Response(page(self._service.journal), media_type="text/html")

    async def no_icon(self, request: Request) -> Response:
        # Browsers ask on their own; that is no exchange.
        return Response(status_code=204)

    async def no_provider(self, request: Request) -> Response:
        return self._sent(self._refused(await _incoming(request), host="gateway"))

    async def no_route(self, request: Request) -> Response:
        return self._sent(self._refused(await _incoming(request), host="api"))

    def _refused(self, incoming: Incoming, host: str) -> Outgoing:
        def refuse() -> Outgoing:
            if host == "gateway":
                raise gateway_refusal(400, 2008, "Invalid provider")
            raise v4_refusal(400, 7000, "No route for that URI")

        return self._service.other(incoming, "no route", refuse)

    def _sent(self, outgoing: Outgoing) -> EmulatedResponse:
        return EmulatedResponse(outgoing, self._transports)


def _publisher(named: Mapping[str, str]) -> str:
    if "project" not in named:
        return ""
    project, location = named["project"], named["location"]
    return f"projects/{project}/locations/{location}/publishers/google"


async def _incoming(request: Request) -> Incoming:
    return Incoming(
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
    )

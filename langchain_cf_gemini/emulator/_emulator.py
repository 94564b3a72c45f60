"""The emulator as a test sees it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from langchain_cf_gemini.emulator._cloudflare.doors import (
    ACCOUNT_ID,
    API_TOKEN,
    GATEWAY,
    Settings,
)
from langchain_cf_gemini.emulator._cloudflare.service import Chaos, Service
from langchain_cf_gemini.emulator._inspection import Inspection
from langchain_cf_gemini.emulator._script import Matcher, Queue
from langchain_cf_gemini.emulator.answers import Answer, call, reply
from langchain_cf_gemini.emulator.faults import Fault, status

if TYPE_CHECKING:
    from langchain_cf_gemini.emulator._server.thread import ServerThread


class Emulator(Inspection):
    """Cloudflare's two hosts and Google's own, for Gemini, on a loopback port.

        with Emulator() as emulator:
            emulator.call("get_weather", city="Lima")
            emulator.reply("18 °C in Lima.")
            model = ChatCloudflareGemini(
                model="google/gemini-3-flash", **emulator.client
            )

    Attributes:
        account_id: The account it knows.
        api_token: The token it accepts; not a secret.
    """

    def __init__(
        self,
        *,
        account_id: str | None = None,
        api_token: str | None = None,
        gateway: str = GATEWAY,
        strict: bool = True,
        foreign_signatures: bool = False,
        credit: bool = True,
        chaos: Chaos = (),
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: str | Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is started yet.

        Args:
            account_id: Account that requests must name.
            api_token: Token that requests must carry.
            gateway: A gateway of the account beside "default".
            strict: Refuse what Google refuses; False takes almost everything.
            foreign_signatures: Accept any thought signature. Without it, the
                emulator's own are verified, Google's own (of a recorded history) pass,
                and others, redacted ones for instance, are refused.
            credit: False answers 402, code 2021.
            chaos: (probability, fault) pairs, drawn for each request.
            seed: Of those draws.
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.
            certificate: PEM file with a certificate and its key, to serve https.
            clock: Seconds, for the gateway's cache.
        """
        self.account_id = account_id or ACCOUNT_ID
        self.api_token = api_token or API_TOKEN
        self._host, self._port = host, port
        self._certificate = None if certificate is None else str(certificate)
        self._service = Service(
            Settings(
                account_id=self.account_id,
                api_token=self.api_token,
                gateway=gateway,
                strict=strict,
                foreign_signatures=foreign_signatures,
                credit=credit,
            ),
            chaos=chaos,
            seed=seed,
            clock=clock,
        )
        self._server: ServerThread | None = None

    def start(self) -> Self:
        """Serve until `stop`."""
        if self._server is None:
            self._server = _server_thread(
                self._service, self._host, self._port, self._certificate
            )
            self._server.start()
        return self

    def stop(self) -> None:
        """Close the port and end the thread; what was recorded stays readable."""
        server, self._server = self._server, None
        if server is not None:
            self._host, self._port = server.host, server.port
            server.stop()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start, without blocking the event loop."""
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, without blocking the event loop."""
        await asyncio.to_thread(self.stop)

    @property
    def url(self) -> str:
        """The address alone: the page for the browser, and Google's own API."""
        if self._server is None:
            raise RuntimeError("the emulator is not running; use it in a `with` block")
        host = self._server.host
        bracketed = f"[{host}]" if ":" in host else host
        scheme = "https" if self._certificate else "http"
        return f"{scheme}://{bracketed}:{self._server.port}"

    @property
    def base_url(self) -> str:
        """What api.cloudflare.com/client/v4 is elsewhere."""
        return f"{self.url}/client/v4"

    @property
    def gateway_base_url(self) -> str:
        """What gateway.ai.cloudflare.com/v1 is elsewhere."""
        return f"{self.url}/v1"

    @property
    def client(self) -> dict[str, Any]:
        """Arguments that point ChatCloudflareGemini here."""
        return {
            "account_id": self.account_id,
            "api_token": self.api_token,
            "base_url": self.base_url,
            "gateway_base_url": self.gateway_base_url,
        }

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that hold the same credentials."""
        return {
            "CLOUDFLARE_ACCOUNT_ID": self.account_id,
            "CLOUDFLARE_API_TOKEN": self.api_token,
        }

    def script(self, *said: Answer | Fault) -> None:
        """Queue answers and faults, one for each request to come."""
        self._service.script.add(said)

    def reply(self, text: str, **options: Any) -> None:
        """Queue a text answer; options as in `reply`."""
        self.script(reply(text, **options))

    def call(self, name: str, /, **args: Any) -> None:
        """Queue a function call."""
        self.script(call(name, **args))

    def fail(self, fault: Fault | int, **options: Any) -> None:
        """Queue a fault; a number is a status, with options as in `faults.status`."""
        self.script(fault if isinstance(fault, Fault) else status(fault, **options))

    def spoil(self, answer: Answer, fault: Fault) -> None:
        """Queue an answer that a fault spoils on its way."""
        self._service.script.spoil(answer, fault)

    def when(self, matcher: Matcher) -> Queue:
        """A queue of its own for some requests: `when("Lima").then(reply("18 °C"))`.

        Args:
            matcher: Text that the prompt contains, or a function of the exchange.
        """
        return self._service.script.when(matcher)

    def reset(self) -> None:
        """Forget script and exchanges."""
        self._service.script.clear()
        self._service.journal.clear()


def _server_thread(
    service: Service, host: str, port: int, certificate: str | None
) -> "ServerThread":
    # Imported late: a test run that only loads the plugin needs no web server.
    try:
        from langchain_cf_gemini.emulator._server.thread import ServerThread
    except ImportError as missing:
        raise ImportError(
            f"the emulator needs {missing.name}: "
            'pip install "langchain-cf-gemini[emulator]"'
        ) from missing
    return ServerThread(service, host, port, certificate)

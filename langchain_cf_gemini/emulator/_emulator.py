"""The emulator as a test sees it, and as the command line serves it."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Self, TypedDict, Unpack

from pydantic import Field

from langchain_cf_gemini.emulator._checked import check
from langchain_cf_gemini.emulator._cloudflare.account import (
    ACCOUNT_ID,
    API_TOKEN,
    GATEWAY,
    AccountRules,
    Chaos,
    Settings,
    Unscripted,
)
from langchain_cf_gemini.emulator._cloudflare.gateway import Rate
from langchain_cf_gemini.emulator._cloudflare.recording import CLOUDFLARE, Recorder
from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._google.models import (
    NEWEST,
    Model,
    model_from_google_id,
)
from langchain_cf_gemini.emulator._inspection import Inspection
from langchain_cf_gemini.emulator._script import (
    Match,
    Matcher,
    Queue,
    Sayable,
    entry_from,
)
from langchain_cf_gemini.emulator._script_files import script_file
from langchain_cf_gemini.emulator._server.control import is_loopback
from langchain_cf_gemini.emulator._server.sockets import Server
from langchain_cf_gemini.emulator.answers import Answer, call, reply
from langchain_cf_gemini.emulator.faults import Fault, Shape, status


class ReplyOptions(TypedDict, total=False):
    """Options of `reply`; see there."""

    thoughts: str | None
    grounding: Mapping[str, Any] | None
    citations: Sequence[Mapping[str, Any]]
    safety_ratings: Sequence[Mapping[str, Any]]
    finish_reason: str
    finish_message: str | None
    usage: Mapping[str, int] | None
    delay: float
    chunks: Sequence[str]


class StatusOptions(TypedDict, total=False):
    """Options of `faults.status`; see there."""

    retry_after: float | str | None
    retry_after_ms: float | str | None
    retry_info: str | None
    message: str | None
    error_code: int
    shape: Shape
    headers: Mapping[str, str] | None


class Emulator(Inspection):
    """Cloudflare's two hosts and Google's own, for Gemini, on a loopback port.

        with Emulator() as emulator:
            emulator.answer(call("get_weather", city="Lima"), text="Lima", turn=0)
            emulator.answer("18 °C in Lima.", result="18")
            model = ChatCloudflareGemini(
                model="google/gemini-3-flash", **emulator.client
            )

    What a script does wrong is raised again when the block ends.

    Attributes:
        account_id: Its only account.
        api_token: The token it accepts; not a secret.
    """

    _server: Server | None = None
    _environment_before: Mapping[str, str | None] = {}

    def __init__(
        self,
        *,
        account_id: str | None = None,
        api_token: str | None = None,
        gateway: str = GATEWAY,
        strict: bool = True,
        foreign_signatures: bool = False,
        credit: bool = True,
        rules: AccountRules | None = None,
        unscripted: Unscripted = "invent",
        check_answers: bool = True,
        verify: bool = False,
        set_environment: bool = False,
        models: Mapping[str, str] | Sequence[str] = (),
        chaos: Chaos = (),
        seed: int = 0,
        rate_limit: Rate | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: str | Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        record: str | Path | None = None,
        record_from: tuple[str, str] = CLOUDFLARE,
    ) -> None:
        """Nothing is started yet.

        Args:
            account_id: Account that requests must name.
            api_token: Token that requests must carry.
            gateway: A gateway of the account beside "default".
            strict: Refuse what Google refuses; False takes almost everything, and
                models that nobody knows.
            foreign_signatures: Accept any thought signature. Without it, the
                emulator's own are verified, Google's own (of a recorded history) pass,
                and others, redacted ones for instance, are refused.
            credit: False answers 402, code 2021.
            rules: Whom the account lets in beside `api_token`, and what its policies
                forbid.
            unscripted: What becomes of a request that no script answers: "invent" an
                answer, "fail" the test, or "fail_if_scripted", once anything was.
            check_answers: Whether scripted calls must fit the functions that are
                declared, and scripted JSON the schema that was asked for.
            verify: Whether the end of the `with` block is `verify()`.
            set_environment: Whether `environment` is set while it runs.
            models: Ids to answer to beside the known ones; as a mapping, each with the
                id of the known model whose rules it follows, else the newest's.
            chaos: (probability, fault) pairs, drawn for each request.
            seed: Of those draws: the same request, asked as often, draws the same.
            rate_limit: Requests a second (a token bucket), or a pair of requests and
                the seconds of a fixed window; beyond it 429, with Retry-After.
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.
            certificate: PEM file with a certificate and its key, to serve https.
            clock: Seconds, for the gateway's cache.
            record: File for a script of what Cloudflare answers; requests go on to it,
                with the client's own credentials, and nothing else is checked.
            record_from: Where they go, api.cloudflare.com and its gateway.

        Raises:
            ValueError: If a model is to follow the rules of one that nobody knows, or
                the rate limit is not above 0.
        """
        check(Place, dict(host=host, port=port, certificate=certificate, models=models))
        self.account_id = account_id or ACCOUNT_ID
        self.api_token = api_token or API_TOKEN
        self._host, self._port, self._certificate = host, port, certificate
        self._verifies, self._sets_environment = verify, set_environment
        kind = partial(Recorder, record, record_from) if record else Service
        settings = Settings(
            account_id=self.account_id,
            api_token=self.api_token,
            gateway=gateway,
            strict=strict,
            foreign_signatures=foreign_signatures,
            credit=credit,
            rules=rules or AccountRules(),
            unscripted=unscripted,
            check_answers=check_answers,
            models=_models(models),
            rate_limit=rate_limit,
        )
        self._service = kind(replace(settings, chaos=chaos, seed=seed, clock=clock))

    @classmethod
    def for_test(cls, **settings: Any) -> Self:
        """One with the settings of the pytest fixture, for unittest and plain code.

        Requests that no script answers fail once anything was scripted, what was never
        asked for fails at the end, and the environment is set meanwhile.
        """
        usual = {"unscripted": "fail_if_scripted", "verify": True}
        return cls(**{**usual, "set_environment": True, **settings})

    def start(self) -> Self:
        """Serve until `stop`.

        Raises:
            ImportError: If the extra `emulator` is not installed.
        """
        if find_spec("jsonschema") is None:
            raise ImportError(
                "The emulator needs jsonschema: "
                'pip install "langchain-cf-gemini[emulator]"'
            )
        if self._server is None:
            self._server = Server(
                self._service, self._host, self._port, self._certificate
            )
            self._port = self._server.port
            self._is_unverified = self._verifies
            if self._sets_environment:
                known = self.environment
                self._environment_before = {key: os.environ.get(key) for key in known}
                os.environ.update(known)
        return self

    def stop(self) -> None:
        """Close the port and end the thread; what was recorded stays readable."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        for name, value in self._environment_before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._environment_before = {}

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Stop; raise what the script did wrong."""
        self.stop()
        self._end(error)

    async def __aenter__(self) -> Self:
        """Start, without blocking the event loop."""
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: Any, error: BaseException | None, trace: Any
    ) -> None:
        """Stop, without blocking the event loop; raise what the script did wrong."""
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    @property
    def url(self) -> str:
        """The address alone: the page for the browser, and Google's own API."""
        if self._server is None:
            raise RuntimeError(
                "The emulator isn't running. Use it in a `with` block, or call start()."
            )
        return self._server.url

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
        """Environment variables that point an application here.

        With the last of them the client neither waits between attempts nor counts them
        against its budget.
        """
        named = {f"CLOUDFLARE_{key.upper()}": it for key, it in self.client.items()}
        return {**named, "LANGCHAIN_CF_GEMINI_TESTING": "1"}

    def answer(
        self, said: Sayable, *, times: int | None = 1, **match: Unpack[Match]
    ) -> None:
        """Script an answer for the requests that match; all others leave it alone.

        Of several that match, the newest answers; answers for the same requests are
        given in order. What is for ever stands behind what is counted, and what is for
        any request behind what is for some.

        Args:
            said: A text; an `Answer` such as `call("get_weather", city="Lima")`; a
                mapping, list or pydantic model, which goes out as JSON; a status; a
                fault; or a function of the exchange that returns any of these.
            times: How many requests it answers; None for all.
            **match: Conditions, all of which must hold; strings are looked for in any
                case, compiled patterns are searched:
                `text` in the latest prompt;
                `system` in the system instruction;
                `result` in what a function answered last, or its whole `response`;
                `turn`, how often the model has spoken before, 0 for a first question;
                `model` in its name;
                `when` anywhere in the current turn, or a function of the exchange.

        Raises:
            TypeError: If this is no answer, or no condition.
            ValueError: If a condition or `times` is none of its kind.
        """
        self._service.script.add(entry_from(said, times, **match))

    def script(self, *said: Sayable) -> None:
        """Script answers and faults, one for each request to come."""
        for item in said:
            self.answer(item)

    def script_file(self, path: str | Path) -> int:
        """Add the answers of a JSON script or a cassette; return how many."""
        return script_file(self._service.script, path)

    def reply(self, text: str, **options: Unpack[ReplyOptions]) -> None:
        """Script a text answer; options as in `reply`."""
        self.answer(reply(text, **options))

    def call(self, name: str, /, **args: Any) -> None:
        """Script a function call."""
        self.answer(call(name, **args))

    def fail(self, fault: Fault | int, **options: Unpack[StatusOptions]) -> None:
        """Script a fault; a number is a status, with options as in `faults.status`.

        A fault that spoils an answer spoils the one that is scripted next.
        """
        if isinstance(fault, Fault) and options:
            given, name = ", ".join(sorted(options)), type(fault).__name__
            raise TypeError(
                f"{name} has its options already, but got {given}. Pass them to "
                f"faults.{name}()."
            )
        self.answer(fault if isinstance(fault, Fault) else status(fault, **options))

    def spoil(self, answer: Answer, fault: Fault) -> None:
        """Script an answer that a fault spoils on its way."""
        if not isinstance(answer, Answer):
            raise TypeError(
                f"spoil takes an Answer, such as reply('Hi'), not {answer!r}."
            )
        self.answer(answer.spoiled(fault))

    def when(self, matcher: Matcher) -> Queue:
        """Answers for some requests: `when("Lima").then(reply("18 °C"))`.

        Args:
            matcher: Text or pattern that the current turn contains, or a function of
                the exchange.
        """
        return Queue(self._service.script, {"when": matcher})

    def reset(self) -> None:
        """Forget script, exchanges, errors, cache, feedback and draws."""
        self._service.reset()


class Place(TypedDict):
    """What an emulator does not hand on to its service as it is."""

    host: str
    port: Annotated[int, Field(ge=0, le=65535)]
    certificate: str | Path | None
    models: str | Mapping[str, str] | Sequence[str]


def _models(named: Mapping[str, str] | Sequence[str]) -> dict[str, Model]:
    names = [named] if isinstance(named, str) else named
    newest = dict.fromkeys(names, NEWEST.google_id)
    found: dict[str, Model] = {}
    for name, known in (named if isinstance(named, Mapping) else newest).items():
        model = model_from_google_id(known.removeprefix("google/"))
        if model is None:
            raise ValueError(f"models[{name!r}] must be a known model, not {known!r}.")
        found[name.removeprefix("google/")] = model
    return found


def serve(
    host: str = "127.0.0.1",
    port: int = 8787,
    *,
    script: str | Path | None = None,
    unscripted: Unscripted = "invent",
    record: str | Path | None = None,
    rate_limit: Rate | None = None,
) -> None:
    """Serve until Ctrl-C; prints the addresses and how to use them.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        script: File of answers: JSON, or a cassette.
        unscripted: What becomes of other requests, see `Emulator`.
        record: File for a script of what Cloudflare answers, see `Emulator`.
        rate_limit: Requests a second, or in a window, see `Emulator`.
    """
    emulator = Emulator(
        host=host,
        port=port,
        unscripted=unscripted,
        record=record,
        rate_limit=rate_limit,
    )
    if script is not None:
        emulator.script_file(script)
    with emulator:
        print(_welcome(emulator, host), flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nStopped.", flush=True)
        finally:
            # Its clients were told, line by line; nobody is left to raise to.
            emulator.reset()


_WARNING = """
Warning: {host} can be reached from other machines, and the token is no secret.
ChatCloudflareGemini sends its token over http to this machine alone (127.0.0.1).

"""


def _welcome(emulator: Emulator, host: str) -> str:
    warning = "" if is_loopback(host) else _WARNING.format(host=host)
    settings = "".join(
        f"    {key}={value!r},\n" for key, value in emulator.client.items()
    )
    variables = "".join(
        f"export {name}={value}\n" for name, value in emulator.environment.items()
    )
    return (
        f"Gemini emulator on {emulator.url} (in a browser: the exchanges so far)\n\n"
        "from langchain_cf_gemini import ChatCloudflareGemini\n\n"
        "model = ChatCloudflareGemini(\n"
        f"    model='google/gemini-3-flash',\n{settings})\n\n"
        f"For an application that makes its own model:\n{variables}\n"
        f"google-genai: api_key={emulator.api_token!r}, base_url={emulator.url!r}\n"
        f"{warning}Ctrl-C stops it."
    )

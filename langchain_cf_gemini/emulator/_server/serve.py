"""The emulator in the foreground, for the command line."""

import threading
from pathlib import Path

from langchain_cf_gemini.emulator._cloudflare.account import Unscripted
from langchain_cf_gemini.emulator._cloudflare.rate_limit import Rate
from langchain_cf_gemini.emulator._emulator import Emulator
from langchain_cf_gemini.emulator._server.control import is_loopback


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

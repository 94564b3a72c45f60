"""The emulator in the foreground, for the command line."""

import threading

from langchain_cf_gemini.emulator._emulator import Emulator


def serve(host: str = "127.0.0.1", port: int = 8787) -> None:
    """Serve until Ctrl-C; prints the addresses and how to use them."""
    with Emulator(host=host, port=port) as emulator:
        print(_welcome(emulator), flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nStopped.", flush=True)


def _welcome(emulator: Emulator) -> str:
    settings = "".join(
        f"    {key}={value!r},\n" for key, value in emulator.client.items()
    )
    return (
        f"Gemini emulator on {emulator.url} (in a browser: the exchanges so far)\n\n"
        f"ChatCloudflareGemini(\n    model='google/gemini-3-flash',\n{settings})\n\n"
        f"google-genai: api_key={emulator.api_token!r}, base_url={emulator.url!r}\n"
        "Ctrl-C stops it."
    )

"""The page in the browser, which reads the exchanges from `/_emulator/exchanges`."""

from functools import cache
from importlib.resources import files

from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing
from langchain_cf_gemini.emulator._server.control import is_let_in

# Everything is in the page; what it shows cannot load or send anything elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; frame-ancestors 'none'"
)


@cache
def _html() -> bytes:
    return (files("langchain_cf_gemini.emulator") / "data/page.html").read_bytes()


def page(service: Service, incoming: Incoming) -> Outgoing:
    """The page, for this machine's own browser."""
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": _POLICY,
    }
    if is_let_in(service, incoming):
        return Outgoing(headers=headers, frames=[_html()])
    refused = b"<p>This page is for localhost.</p>"
    return Outgoing(status=403, headers=headers, frames=[refused])

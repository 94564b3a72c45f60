"""Media behind addresses, put into the parts that wait for it."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence

from langchain_cf_gemini._gemini.request.media import Download


def _fill(download: Download, data: bytes, mime_type: str) -> None:
    blob = download.part["inlineData"]
    blob["mimeType"] = download.mime_type or mime_type
    blob["data"] = b64encode(data).decode()


def download(downloads: Sequence[Download]) -> None:
    """Fetch every address, one after the other.

    Raises:
        UnsupportedContentError: If an address may not or cannot be fetched.
    """
    from langchain_cf_gemini._http.download import fetch

    for wanted in downloads:
        _fill(wanted, *fetch(wanted.url))


async def adownload(downloads: Sequence[Download]) -> None:
    """Fetch every address, all at once.

    Raises:
        UnsupportedContentError: If an address may not or cannot be fetched.
    """
    from langchain_cf_gemini._http.download import afetch

    fetched = await asyncio.gather(*(afetch(wanted.url) for wanted in downloads))
    for wanted, (data, mime_type) in zip(downloads, fetched, strict=True):
        _fill(wanted, data, mime_type)

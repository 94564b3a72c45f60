"""A recorded report as a transport: the exchanges of one probe, in their order."""

import json
from pathlib import Path
from typing import Any

import httpx2


class Playback(httpx2.BaseTransport):
    """Answers with the responses of a cassette, one after the other.

    Args:
        cassette: A file that `verify --report` wrote.
    """

    def __init__(self, cassette: Path) -> None:
        told: dict[str, Any] = json.loads(cassette.read_text("utf-8"))
        self._left = list(told["interactions"])

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Give the next response.

        Raises:
            httpx2.ConnectError: If the recording has no more, or another request.
        """
        if not self._left:
            raise httpx2.ConnectError("the recording has no further response")
        recorded = self._left.pop(0)
        path = httpx2.URL(recorded["request"]["uri"]).path.rpartition("/")[2]
        if request.url.path.rpartition("/")[2] != path:
            raise httpx2.ConnectError(f"the recording has {path} here")
        response = recorded["response"]
        headers = [(n, v) for n, values in response["headers"].items() for v in values]
        return httpx2.Response(
            response["status"]["code"],
            headers=headers,
            content=response["body"]["string"].encode(),
        )

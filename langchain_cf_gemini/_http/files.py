"""Files that were fetched, kept so that the next turn need not fetch them again."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from langchain_cf_gemini._http.with_sockets import download

File = tuple[bytes, str]
"""The bytes behind an address and the type that the server gave them."""

Fetch = Callable[[Sequence[str]], Awaitable[list[File]]]
"""Fetches the files behind addresses, in their order."""

MOST_BYTES = 64 * 2**20
"""What is kept at most in a process; a request takes 20 MB."""


class Files:
    """The files behind addresses, the latest first to stay.

    A conversation is sent whole at every turn, and presigned links die before it does.
    So an address is fetched once, whatever its server says of its age.
    """

    # Without a lock: each step on the dict is one of the interpreter's, and what two
    # threads do at once costs at most a fetch.

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Start empty; `most_bytes` are kept at most."""
        self._most = most_bytes
        self._held: dict[str, File] = {}

    async def behind(self, urls: Iterable[str], fetch: Fetch) -> dict[str, File]:
        """Return the files behind addresses; those that are not here are fetched.

        Raises:
            UnsupportedContentError: If one may not or cannot be fetched.
        """
        found = {url: self._recall(url) for url in urls}
        new = [url for url, file in found.items() if file is None]
        files = dict(zip(new, await fetch(new) if new else (), strict=True))
        return {url: file or self.keep(url, files[url]) for url, file in found.items()}

    def _recall(self, url: str) -> File | None:
        file = self._held.pop(url, None)
        if file is not None:
            self._held[url] = file
        return file

    def keep(self, url: str, file: File) -> File:
        """Keep a file as the latest one; return it."""
        self._held[url] = file
        while sum(len(data) for data, _ in list(self._held.values())) > self._most:
            self._held.pop(next(iter(self._held)), None)
        return file


FILES = Files()
"""Those of this process."""


async def fetch(urls: Sequence[str]) -> list[File]:
    """Fetch, blocking: a coroutine that never waits, which `run` drives."""
    return download.fetch(urls)


async def afetch(urls: Sequence[str]) -> list[File]:
    """Fetch on asyncio."""
    return await download.afetch(urls)

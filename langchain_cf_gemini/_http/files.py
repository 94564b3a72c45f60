"""Files that were fetched, kept so that the next turn need not fetch them again."""

from collections.abc import Awaitable, Callable, Sequence

from langchain_cf_gemini._http.with_sockets import download

File = tuple[bytes, str]
"""The bytes behind an address and the type that the server gave them."""

MOST_BYTES = 64 * 2**20
"""What is kept at most in a process; a request takes 20 MB."""


class Files:
    """The files behind addresses, the latest first to stay.

    A conversation is sent whole at every turn, and presigned links die before it does.
    So an address is fetched once, whatever its server says of its age.
    """

    # Without a lock: each step on the dict is one of the interpreter's, and what two
    # threads do at once costs at most a fetch.

    def __init__(
        self,
        most_bytes: int = MOST_BYTES,
        *,
        fetch: Callable[[Sequence[str]], list[File]] = lambda urls: download.fetch(
            urls
        ),
        afetch: Callable[[Sequence[str]], Awaitable[list[File]]] = lambda urls: (
            download.afetch(urls)
        ),
    ) -> None:
        """Start empty; `most_bytes` are kept at most."""
        self._most, self._fetch, self._afetch = most_bytes, fetch, afetch
        self._held: dict[str, File] = {}

    def fetch(self, urls: Sequence[str]) -> list[File]:
        """Return the files behind addresses.

        Raises:
            UnsupportedContentError: If one may not or cannot be fetched.
        """
        found = {url: self._recall(url) for url in urls}
        new = [url for url, file in found.items() if file is None]
        return self._all(found, new, self._fetch(new) if new else [])

    async def afetch(self, urls: Sequence[str]) -> list[File]:
        """Return the files behind addresses, as `fetch` does."""
        found = {url: self._recall(url) for url in urls}
        new = [url for url, file in found.items() if file is None]
        return self._all(found, new, await self._afetch(new) if new else [])

    def _all(
        self, found: dict[str, File | None], new: list[str], files: list[File]
    ) -> list[File]:
        fetched = dict(zip(new, files, strict=True))
        return [file or self.keep(url, fetched[url]) for url, file in found.items()]

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

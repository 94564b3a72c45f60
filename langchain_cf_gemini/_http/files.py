"""Files that were fetched, kept so that the next turn need not fetch them again."""

from collections.abc import Awaitable, Callable

from langchain_cf_gemini._http.download import afetch, fetch

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
        fetch: Callable[[str], File] = fetch,
        afetch: Callable[[str], Awaitable[File]] = afetch,
    ) -> None:
        """Start empty; `most_bytes` are kept at most."""
        self._most, self._fetch, self._afetch = most_bytes, fetch, afetch
        self._held: dict[str, File] = {}

    def fetch(self, url: str) -> File:
        """Return the file behind an address.

        Raises:
            UnsupportedContentError: If it may not or cannot be fetched.
        """
        return self._recall(url) or self._keep(url, self._fetch(url))

    async def afetch(self, url: str) -> File:
        """Return the file behind an address, as `fetch` does."""
        return self._recall(url) or self._keep(url, await self._afetch(url))

    def _recall(self, url: str) -> File | None:
        file = self._held.pop(url, None)
        if file is not None:
            self._held[url] = file
        return file

    def _keep(self, url: str, file: File) -> File:
        self._held[url] = file
        while sum(len(data) for data, _ in list(self._held.values())) > self._most:
            self._held.pop(next(iter(self._held)), None)
        return file


FILES = Files()
"""Those of this process."""

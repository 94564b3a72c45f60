"""The name of zstandard that LangSmith imports; nothing is compressed here."""

from typing import Any, NoReturn


class ZstdCompressor:
    """Compresses traces, which are off."""

    def __init__(self, **_options: Any) -> None:
        self.refuse()

    def refuse(self) -> NoReturn:
        """Fail: this is not the package."""
        raise NotImplementedError("zstandard is a shim here")

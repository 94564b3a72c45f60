"""What needs sockets. Pyodide, which Cloudflare's Workers run Python on, has none.

httpx2 is not even imported there: its connections are those of httpcore2, which has no
release for Pyodide.
"""

import sys
from typing import Any

if sys.platform != "emscripten":
    import httpx2

    from langchain_cf_gemini._http import backends, download
else:

    class _NoSockets:
        """Stands for a module; whatever is wanted of it is an error that helps."""

        def __getattr__(self, name: str) -> Any:
            raise NotImplementedError(
                "Pyodide has no sockets and no threads, so this package can't connect "
                "to Cloudflare. In a Worker, pass binding=env.AI and use ainvoke, "
                "astream or abatch. Send media as bytes, or by URL with "
                "media_urls='pass'."
            )

    httpx2 = backends = download = _NoSockets()

__all__ = ["backends", "download", "httpx2"]

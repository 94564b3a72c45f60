"""The rules of strict mode, each with its proof and its source."""

from collections.abc import Callable, Iterable

from langchain_cf_gemini.emulator._google.generation import Generation

# Whether a rule is broken, or what its words name, once for each time that it is.
Check = Callable[[Generation], Iterable[tuple[object, ...]] | bool]

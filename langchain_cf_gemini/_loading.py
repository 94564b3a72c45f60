"""Lets `langchain_core.load` read the model back, as it does LangChain's own partners.

`load(..., allowed_objects="all")` means the classes of langchain-core's mapping, which
lists partner packages by name and knows no way in for others. Whoever loads still has
to name the package in `valid_namespaces`.
"""

import importlib

PATH = ("langchain_cf_gemini", "chat_models", "ChatCloudflareGemini")


def register() -> None:
    """Put the class on langchain-core's list of loadable partner classes."""
    # `langchain_core.load.load` is also a function's name, hence not an import.
    loader = importlib.import_module("langchain_core.load.load")
    loader.ALL_SERIALIZABLE_MAPPINGS.setdefault(PATH, PATH)
    known = getattr(loader, "_default_class_paths_cache", {}).get("all")
    if known is not None:
        known.add(PATH)

"""The command line's entry, called in this process."""

from langchain_cf_gemini.__main__ import main

__all__ = ["main"]

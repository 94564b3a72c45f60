"""What tests take from the inside of `_langchain`."""

from langchain_cf_gemini._langchain.call import Call
from langchain_cf_gemini._langchain.profile import profile_for
from langchain_cf_gemini._langchain.registration import register_in
from langchain_cf_gemini._langchain.settings import SETTINGS

__all__ = ["SETTINGS", "Call", "profile_for", "register_in"]

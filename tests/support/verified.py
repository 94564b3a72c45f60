"""What tests take from the inside of `_verify`."""

from langchain_cf_gemini._verify.beliefs import BELIEFS, summary
from langchain_cf_gemini._verify.findings import PROBES, Finding
from langchain_cf_gemini._verify.lab import Exchange, Lab, Recorder
from langchain_cf_gemini._verify.replay import Playback
from langchain_cf_gemini._verify.scrubbing import ACCOUNT_ID, Scrubber
from langchain_cf_gemini._verify.session import Result, Run, names_from

__all__ = [
    "ACCOUNT_ID", "BELIEFS", "PROBES", "Exchange", "Finding", "Lab", "Playback",
    "Recorder", "Result", "Run", "Scrubber", "names_from", "summary",
]  # fmt: skip

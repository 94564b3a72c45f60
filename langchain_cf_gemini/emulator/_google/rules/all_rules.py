"""Every rule of strict mode, judged in the order of data/rules.json."""

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._google.rules import (
    on_config,
    on_contents,
    on_parts,
    on_tools,
)
from langchain_cf_gemini.emulator._google.rules.rule import Rule
from langchain_cf_gemini.emulator._refusals import google_refusal

_CHECKS = on_contents.CHECKS | on_parts.CHECKS | on_tools.CHECKS | on_config.CHECKS
RULES = tuple(
    Rule(name=name, check=_CHECKS.get(name), **row)
    for name, row in packaged("rules").items()
)


def check(judged: Generation) -> None:
    """Refuse what Google would refuse, by the first rule that is broken.

    Raises:
        Refusal: In Google's words, as far as they are known.
    """
    for rule in RULES:
        if said := rule.refusal(judged):
            raise google_refusal(said, rule=rule.name)

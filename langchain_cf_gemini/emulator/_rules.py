"""Every rule beyond the published schema, in the order they are judged."""

from langchain_cf_gemini.emulator._judging import Judged, Rule
from langchain_cf_gemini.emulator._refusals import google_refusal
from langchain_cf_gemini.emulator._rules_config import CONFIG_RULES
from langchain_cf_gemini.emulator._rules_contents import CONTENT_RULES
from langchain_cf_gemini.emulator._rules_signatures import SIGNATURE_RULES
from langchain_cf_gemini.emulator._rules_tools import TOOL_RULES

RULES: tuple[Rule, ...] = (
    *CONTENT_RULES,
    *TOOL_RULES,
    *CONFIG_RULES,
    *SIGNATURE_RULES,
)


def check(judged: Judged) -> None:
    """Refuse what Google would refuse, by the first rule that is broken.

    Raises:
        Refusal: In Google's words, as far as they are known.
    """
    for rule in RULES:
        for message in rule.check(judged):
            raise google_refusal(message, rule=rule.name)

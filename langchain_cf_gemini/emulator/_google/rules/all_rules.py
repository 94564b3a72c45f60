"""Every rule of strict mode, in the order they are judged."""

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.rules import (
    on_config,
    on_contents,
    on_media,
    on_models,
    on_signatures,
    on_tools,
)
from langchain_cf_gemini.emulator._google.rules.rule import Rule
from langchain_cf_gemini.emulator._refusals import google_refusal

_MODULES = (on_contents, on_media, on_tools, on_config, on_models, on_signatures)
RULES: tuple[Rule, ...] = tuple(
    value
    for module in _MODULES
    for value in vars(module).values()
    if isinstance(value, Rule)
)


def check(judged: Generation) -> None:
    """Refuse what Google would refuse, by the first rule that is broken.

    Raises:
        Refusal: In Google's words, as far as they are known.
    """
    for rule in RULES:
        for message in rule.check(judged):
            raise google_refusal(message, rule=rule.name)

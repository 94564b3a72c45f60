"""Token counts: an estimate, but a consistent one.

total = prompt + candidates + thoughts + tool use, as in 1,336 of 1,341 recordings; so
candidates leave thoughts out.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation

_CHARACTERS_PER_TOKEN = 4
# Google's documented cost of a small image and of a second of audio; media of unknown
# length counts as one tile.
_TOKENS_PER_MEDIA = 258
_COUNTED = (
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "toolUsePromptTokenCount",
)
_MODALITIES = {"image": "IMAGE", "audio": "AUDIO", "video": "VIDEO"}


def tokens_from_text(text: str) -> int:
    """About four characters a token."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def text_of_tokens(text: str, tokens: float) -> str:
    """As much of a text as fits into a number of tokens."""
    return text[: max(0, int(tokens)) * _CHARACTERS_PER_TOKEN]


def prompt_counts(generation: Generation) -> Counter[str]:
    """Tokens of a request by modality."""
    counts = Counter(TEXT=0)
    for _, part in generation.parts:
        modality, tokens = _part_tokens(part)
        counts[modality] += tokens
    if generation.tools:
        counts["TEXT"] += tokens_from_text(json.dumps(generation.tools))
    return counts


def _part_tokens(part: Mapping[str, Any]) -> tuple[str, int]:
    media = part.get("inlineData") or part.get("fileData")
    if media:
        kind = str(media.get("mimeType", "")).partition("/")[0]
        return _MODALITIES.get(kind, "DOCUMENT"), _TOKENS_PER_MEDIA
    if "text" in part:
        return "TEXT", tokens_from_text(str(part["text"]))
    unsigned = {key: value for key, value in part.items() if key != "thoughtSignature"}
    return "TEXT", tokens_from_text(json.dumps(unsigned))


def answer_tokens(parts: Sequence[Mapping[str, Any]], *, thoughts: bool) -> int:
    """Tokens of the thoughts, or of everything else, in an answer."""
    return sum(
        _part_tokens(part)[1] for part in parts if bool(part.get("thought")) is thoughts
    )


def usage_metadata(
    prompt: Counter[str],
    candidates: int,
    thoughts: int,
    overrides: Mapping[str, Any],
) -> dict[str, Any]:
    """Gemini's usageMetadata; counts of 0 are left out, as on the wire."""
    counted: dict[str, Any] = {
        "promptTokenCount": prompt.total(),
        "candidatesTokenCount": candidates,
        "thoughtsTokenCount": thoughts,
        **overrides,
    }
    total = sum(counted.get(name, 0) for name in _COUNTED)
    usage = {name: count for name, count in counted.items() if count}
    usage.setdefault("totalTokenCount", total)
    usage["trafficType"] = "ON_DEMAND"
    if "promptTokenCount" not in overrides:
        usage["promptTokensDetails"] = details_from_counts(prompt)
    if said := counted["candidatesTokenCount"]:
        usage["candidatesTokensDetails"] = details_from_counts({"TEXT": said})
    return usage


def details_from_counts(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Tokens by modality as the wire tells them."""
    return [
        {"modality": modality, "tokenCount": count}
        for modality, count in counts.items()
        if count
    ]

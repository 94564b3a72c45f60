"""What an answer says about itself: usage, finish reason, ratings, grounding."""

from typing import Any

from langchain_core.messages.ai import UsageMetadata

from langchain_cf_gemini._gemini.vocabulary import Json, snake_case, snake_name

# Numbers come when a client asked for `enum-encoding=int`. The two Gemini APIs agree
# on the first five finish reasons only, so later numbers stay what they are.
_FINISH_REASONS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
_AUDIO = ("AUDIO", 4)

FINISHED = frozenset({"STOP", "MAX_TOKENS"})
"""Finish reasons under which calls may be carried out."""

_ONCE = {
    "safetyRatings": "safety_ratings",
    "citationMetadata": "citation_metadata",
    "urlContextMetadata": "url_context_metadata",
    "groundingMetadata": "grounding_metadata",
    "avgLogprobs": "avg_logprobs",
    "logprobsResult": "logprobs",
    "finishMessage": "finish_message",
    "continuationToken": "continuation_token",
}
_KNOWN_CANDIDATE = {"content", "index", "finishReason", *_ONCE}
_KNOWN_ANSWER = {
    "candidates",
    "promptFeedback",
    "usageMetadata",
    "modelVersion",
    "responseId",
    "createTime",
    "gatewayMetadata",
}


def finish_reason_from(value: Any) -> str | None:
    """Return Google's word for a finish reason that may have come as a number."""
    if isinstance(value, int):
        return _FINISH_REASONS.get(value, str(value))
    return str(value) if value else None


def _audio_tokens(details: Any) -> int:
    return sum(
        d.get("tokenCount") or 0 for d in details or () if d.get("modality") in _AUDIO
    )


def usage_from_metadata(raw: Json | None) -> UsageMetadata | None:
    """Convert `usageMetadata`; None when it holds no count.

    Google's candidate count leaves thoughts out and its prompt count leaves tool use
    out (true of 1,336 of 1,341 recordings), so output is candidates + thoughts and
    input is prompt + tool use. Cached tokens are inside the prompt count. Cached audio
    counts as cache_read only: the details must not sum to more than the input.
    """
    if not raw or not any(k.endswith("TokenCount") for k in raw):
        return None
    get = raw.get
    thoughts = get("thoughtsTokenCount") or 0
    read = (get("promptTokenCount") or 0) + (get("toolUsePromptTokenCount") or 0)
    written = (get("candidatesTokenCount") or 0) + thoughts
    usage = UsageMetadata(
        input_tokens=read,
        output_tokens=written,
        total_tokens=get("totalTokenCount") or read + written,
    )
    if details := _input_details(raw):
        usage["input_token_details"] = details  # type: ignore[typeddict-item]
    output_details = {"reasoning": thoughts} if thoughts else {}
    if audio := _audio_tokens(get("candidatesTokensDetails")):
        output_details["audio"] = audio
    if output_details:
        usage["output_token_details"] = output_details  # type: ignore[typeddict-item]
    return usage


def _input_details(raw: Json) -> dict[str, int]:
    details = {}
    if cached := raw.get("cachedContentTokenCount"):
        details["cache_read"] = cached
    if "promptTokensDetails" in raw or "toolUsePromptTokensDetails" in raw:
        audio = (
            _audio_tokens(raw.get("promptTokensDetails"))
            + _audio_tokens(raw.get("toolUsePromptTokensDetails"))
            - _audio_tokens(raw.get("cacheTokensDetails"))
        )
        if audio > 0:
            details["audio"] = audio
    return details


def metadata_from_candidate(candidate: Json) -> Json:
    """Return a candidate's notes under LangChain's snake_case names, all of them."""
    notes: Json = {}
    for key, value in candidate.items():
        if value is None or key == "content" or key == "index":
            continue
        if key == "finishReason":
            notes["finish_reason"] = finish_reason_from(value)
        else:
            notes[_ONCE.get(key) or snake_name(key)] = snake_case(value)
    return notes


def metadata_from_answer(payload: Json) -> Json:
    """Return what a payload says beside its candidates: model, ids, feedback, usage."""
    notes: Json = {}
    for key, value in payload.items():
        name = _ANSWER_NOTES.get(key)
        if name is None or value is None:
            if key not in _KNOWN_ANSWER and value is not None:
                notes[snake_name(key)] = snake_case(value)
            continue
        notes[name] = snake_case(value) if isinstance(value, dict) else value
    return notes


_ANSWER_NOTES = {
    "modelVersion": "model_name",
    "responseId": "response_id",
    "createTime": "create_time",
    "promptFeedback": "prompt_feedback",
    "usageMetadata": "usage",
}


def metadata_from_block(feedback: Json) -> Json:
    """Return the finish notes of a prompt that was refused.

    A refused prompt has no candidate and so no finish reason of its own; Google's word
    for the reason stands in for it, so that whoever looks at `finish_reason` sees it.
    """
    notes: Json = {}
    if reason := feedback.get("block_reason"):
        notes["finish_reason"] = str(reason)
    if message := feedback.get("block_reason_message"):
        notes["finish_message"] = message
    if ratings := feedback.get("safety_ratings"):
        notes["safety_ratings"] = ratings
    return notes


def _union(old: Any, new: Any) -> Any:
    """Merge what several chunks said; lists keep what any of them said, once."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{k: _union(old.get(k), v) for k, v in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return old + [item for item in new if item not in old]
    return new


def _chain(old: Any, new: Any) -> Any:
    """Merge token lists, where equal items follow each other by right."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{k: _chain(old.get(k), v) for k, v in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return new if new[: len(old)] == old else old + new
    return new


# The other notes of a candidate say the last word in the last chunk.
_MERGE = {
    "citationMetadata": _union,
    "groundingMetadata": _union,
    "urlContextMetadata": _union,
    "logprobsResult": _chain,
}


def merged_note(key: str, known: Any, new: Any) -> Any:
    """Return what several chunks of one answer said under a key of the candidate."""
    merge = _MERGE.get(key)
    return merge(known, new) if merge and known else new

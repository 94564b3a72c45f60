"""Answers as GenerateContentResponse: signed, counted, with ids and times."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import Model
from langchain_cf_gemini.emulator._google.signatures import issue_signature
from langchain_cf_gemini.emulator._google.usage import (
    answer_tokens,
    characters_from_tokens,
    prompt_counts,
    tokens_from_text,
    usage_metadata,
)
from langchain_cf_gemini.emulator.answers import Answer

# What a thinking model spends on a short question here; real numbers vary widely.
_THOUGHT_TOKENS = 24


def json_written(answer: Answer, generation: Generation) -> Answer:
    """The answer with its JSON value in the form that the request asks for."""
    if answer.json is None:
        return answer
    names = [str(declared.get("name")) for declared in generation.declarations]
    allowed = generation.function_calling.get("allowedFunctionNames") or names
    forced = generation.function_calling.get("mode") == "ANY" and len(allowed) == 1
    if forced and isinstance(answer.json, Mapping):
        part: dict[str, Any] = {
            "functionCall": {"name": allowed[0], "args": dict(answer.json)}
        }
    else:
        part = {"text": json.dumps(answer.json, ensure_ascii=False)}
    return replace(answer, parts=(*answer.parts, part), json=None)


def response_from_answer(answer: Answer, generation: Generation) -> dict[str, Any]:
    """The whole response; streams are cut from it."""
    if answer.exact is not None:
        return dict(answer.exact)
    told = [part for part in answer.parts if _is_told(part, generation)]
    seed = f"{generation.serial}:{generation.body}"
    frame = _frame(generation, seed)
    if answer.block_reason:
        feedback = {
            "blockReason": answer.block_reason,
            **answer.response.get("promptFeedback", {}),
        }
        return {**answer.response, "promptFeedback": feedback, **frame}
    thoughts = _thoughts(answer, generation)
    fitting, finish_reason = _fitting(told, answer.finish_reason, generation, thoughts)
    goes_on = finish_reason == "CONTINUATION"
    signed = signed_parts(fitting, generation, seed, goes_on=goes_on)
    candidate = {
        **_candidate(answer, signed, finish_reason),
        **_logprobs(fitting, generation),
        **answer.candidate,
    }
    usage = usage_metadata(
        prompt_counts(generation.body),
        answer_tokens(fitting, thoughts=False) * _count(generation),
        thoughts,
        answer.usage,
    )
    return {
        "candidates": _candidates(candidate, _count(generation)),
        **frame,
        "usageMetadata": usage,
        **answer.response,
    }


def _is_told(part: Mapping[str, Any], generation: Generation) -> bool:
    return not part.get("thought") or bool(generation.thinking.get("includeThoughts"))


def _frame(generation: Generation, seed: str) -> dict[str, Any]:
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return {
        "usageMetadata": {"trafficType": "ON_DEMAND"},
        "modelVersion": generation.model.google_id,
        "createTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "responseId": f"emulated-{digest[:16]}",
    }


def _count(generation: Generation) -> int:
    return int(generation.config.get("candidateCount") or 1)


def _candidate(
    answer: Answer, parts: list[dict[str, Any]], finish_reason: str | None
) -> dict[str, Any]:
    content = {"role": "model", "parts": parts} if parts else {"role": "model"}
    said = {
        "content": content,
        "finishReason": finish_reason,
        "finishMessage": answer.finish_message,
    }
    return {key: value for key, value in said.items() if value is not None}


def _logprobs(
    parts: Sequence[Mapping[str, Any]], generation: Generation
) -> dict[str, Any]:
    """Log probabilities on request: certain of every word, as no model is."""
    if not generation.config.get("responseLogprobs"):
        return {}
    text = "".join(part.get("text", "") for part in parts if not part.get("thought"))
    chosen = [
        {"token": word, "tokenId": number, "logProbability": 0.0}
        for number, word in enumerate(re.findall(r"\S+\s*", text), 1)
    ]
    result: dict[str, Any] = {"chosenCandidates": chosen}
    if generation.config.get("logprobs"):
        result["topCandidates"] = [{"candidates": [token]} for token in chosen]
    return {"avgLogprobs": 0.0, "logprobsResult": result}


def _candidates(candidate: dict[str, Any], count: int) -> list[dict[str, Any]]:
    # Vertex leaves the index out of a single candidate (410 of 476 recorded).
    if count == 1:
        return [candidate]
    return [{**candidate, "index": index} for index in range(count)]


def _thoughts(answer: Answer, generation: Generation) -> int:
    """Tokens spent on thoughts: as scripted, as written, or a few; within the limit."""
    limit = generation.config.get("maxOutputTokens")
    spent = answer.usage.get("thoughtsTokenCount")
    if spent is None:
        spent = answer_tokens(answer.parts, thoughts=True)
        # Who says what was spent on the answer leaves no room for an invention.
        told = "candidatesTokenCount" in answer.usage
        if not spent and not told and _thinks(generation):
            spent = (
                _THOUGHT_TOKENS if limit is None else min(_THOUGHT_TOKENS, limit // 2)
            )
    return spent if limit is None else min(spent, limit)


def _thinks(generation: Generation) -> bool:
    if generation.model.thinking_budget is None and not generation.model.thinking_level:
        return False
    if generation.thinking.get("thinkingBudget") is not None:
        return bool(generation.thinking["thinkingBudget"])
    level = generation.thinking.get("thinkingLevel") or generation.model.thinking_level
    return level != "MINIMAL" and generation.model.google_id != "gemini-2.5-flash-lite"


def _fitting(
    parts: Sequence[Mapping[str, Any]],
    finish_reason: str | None,
    generation: Generation,
    thoughts: int,
) -> tuple[list[Mapping[str, Any]], str | None]:
    """The parts that stop sequences and maxOutputTokens (thoughts included) leave."""
    limit = generation.config.get("maxOutputTokens")
    left = None if limit is None else limit - thoughts
    kept: list[Mapping[str, Any]] = []
    for part in parts:
        text = part.get("text")
        if text is None or part.get("thought"):
            kept.append(part)
            continue
        stopped = _before_stop(text, generation.config.get("stopSequences") or ())
        if left is not None and tokens_from_text(stopped) > left:
            shown = stopped[: max(0, characters_from_tokens(left))]
            return [*kept, *([{**part, "text": shown}] if shown else [])], "MAX_TOKENS"
        kept.append({**part, "text": stopped})
        if stopped != text:
            return kept, finish_reason
        left = None if left is None else left - tokens_from_text(text)
    return kept, finish_reason


def _before_stop(text: str, stops: Sequence[str]) -> str:
    ends = [text.find(stop) for stop in stops if stop and stop in text]
    return text[: min(ends)] if ends else text


def signed_parts(
    parts: Sequence[Mapping[str, Any]],
    generation: Generation,
    seed: str,
    *,
    goes_on: bool = False,
) -> list[dict[str, Any]]:
    """The parts with Gemini's signatures.

    Gemini 3 signs the first call of an answer, or else its last part; Gemini 2.5 signs
    calls, too (recorded), but does not demand the signature back. Text that goes on on
    another page is signed there.
    """
    signed = [dict(part) for part in parts]
    target = _signed_index(signed, generation.model, goes_on=goes_on)
    if target is not None and "thoughtSignature" not in signed[target]:
        part = signed[target]
        part["thoughtSignature"] = issue_signature(
            part, f"{seed}:{target}", generation.backend
        )
    return signed


def _signed_index(
    parts: Sequence[Mapping[str, Any]], model: Model, *, goes_on: bool
) -> int | None:
    if model.generation < 2.5:
        return None
    calls = [index for index, part in enumerate(parts) if "functionCall" in part]
    if calls:
        return calls[0]
    said = [index for index, part in enumerate(parts) if not part.get("thought")]
    return said[-1] if said and model.signs and not goes_on else None

"""Answers as GenerateContentResponse: signed, counted, with ids and times."""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from langchain_cf_gemini.emulator._google import usage
from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.signatures import issue_signature
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
        called = {"name": allowed[0], "args": dict(answer.json)}
        part: dict[str, Any] = {"functionCall": called}
    else:
        part = {"text": json.dumps(answer.json, ensure_ascii=False)}
    return replace(answer, parts=(*answer.parts, part), json=None)


def response_from_answer(answer: Answer, generation: Generation) -> dict[str, Any]:
    """The whole response; streams are cut from it."""
    if answer.exact is not None:
        return dict(answer.exact)
    frame = _frame(generation)
    if answer.block_reason:
        feedback = answer.response.get("promptFeedback", {})
        feedback = {"blockReason": answer.block_reason, **feedback}
        return {**answer.response, "promptFeedback": feedback, **frame}
    thoughts = _thoughts(answer, generation)
    told = [part for part in answer.parts if _is_told(part, generation)]
    parts, finish_reason = _fitting(told, answer.finish_reason, generation, thoughts)
    said = {
        "finishReason": finish_reason,
        "finishMessage": answer.finish_message,
        **_logprobs(parts, generation),
        **answer.candidate,
    }
    count = generation.config.get("candidateCount") or 1
    counts = usage.usage_metadata(
        usage.prompt_counts(generation),
        usage.answer_tokens(parts, thoughts=False) * count,
        thoughts,
        answer.usage,
    )
    goes_on = finish_reason == "CONTINUATION"
    signed = _signed(parts, generation, frame["responseId"], goes_on=goes_on)
    candidate = {
        "content": {"role": "model", **({"parts": signed} if signed else {})},
        **{key: value for key, value in said.items() if value is not None},
    }
    candidates = [candidate]
    if count > 1:  # of a single one Vertex leaves it out (410 of 476 recorded)
        candidates = [{**candidate, "index": index} for index in range(count)]
    whole = {"candidates": candidates, **frame, "usageMetadata": counts}
    return {**whole, **answer.response}


def _is_told(part: Mapping[str, Any], generation: Generation) -> bool:
    return not part.get("thought") or bool(generation.thinking.get("includeThoughts"))


def _frame(generation: Generation) -> dict[str, Any]:
    seed = f"{generation.serial}:{generation.body}"
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return {
        "usageMetadata": {"trafficType": "ON_DEMAND"},
        "modelVersion": generation.model.google_id,
        "createTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "responseId": f"emulated-{digest[:16]}",
    }


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


def _thoughts(answer: Answer, generation: Generation) -> int:
    """Tokens spent on thoughts: as scripted, as written, or a few; within the limit."""
    limit = generation.config.get("maxOutputTokens", math.inf)
    spent = usage.answer_tokens(answer.parts, thoughts=True)
    # Who says what was spent on the answer leaves no room for an invention.
    if not spent and "candidatesTokenCount" not in answer.usage:
        spent = min(_THOUGHT_TOKENS, limit / 2) if _thinks(generation) else 0
    return int(min(answer.usage.get("thoughtsTokenCount", spent), limit))


def _thinks(generation: Generation) -> bool:
    model, thinking = generation.model, generation.thinking
    if model.thinking_budget is None and not model.thinking_level:
        return False
    level = thinking.get("thinkingLevel") or model.thinking_level
    return bool(thinking.get("thinkingBudget", level != "MINIMAL"))


def _fitting(
    parts: list[Mapping[str, Any]],
    finish_reason: str | None,
    generation: Generation,
    thoughts: int,
) -> tuple[list[Mapping[str, Any]], str | None]:
    """The parts that stop sequences and maxOutputTokens (thoughts included) leave."""
    config = generation.config
    stops = [stop for stop in config.get("stopSequences") or () if stop]
    left = config.get("maxOutputTokens", math.inf) - thoughts
    kept: list[Mapping[str, Any]] = []
    for part in parts:
        if part.get("thought") or "text" not in part:
            kept.append(part)
            continue
        text = part["text"]
        stopped = min(
            (text.partition(stop)[0] for stop in stops), key=len, default=text
        )
        if usage.tokens_from_text(stopped) > left:
            cut = usage.text_of_tokens(stopped, left)
            return [*kept, *([{**part, "text": cut}] if cut else [])], "MAX_TOKENS"
        kept.append({**part, "text": stopped})
        if stopped != text:
            break
        left -= usage.tokens_from_text(text)
    return kept, finish_reason


def _signed(
    parts: Sequence[Mapping[str, Any]],
    generation: Generation,
    seed: str,
    *,
    goes_on: bool,
) -> list[dict[str, Any]]:
    """The parts with Gemini's signatures.

    Gemini 3 signs the first call of an answer, or else its last part; Gemini 2.5 signs
    calls, too (recorded), but does not demand the signature back. Text that goes on on
    another page is signed there.
    """
    signed = [dict(part) for part in parts]
    calls = [part for part in signed if "functionCall" in part]
    said = [part for part in signed if not part.get("thought")]
    wanted = calls[:1] or (said[-1:] if generation.model.signs and not goes_on else [])
    for part in wanted if generation.model.generation >= 2.5 else ():
        issued = issue_signature(part, seed, generation.backend)
        part.setdefault("thoughtSignature", issued)
    return signed

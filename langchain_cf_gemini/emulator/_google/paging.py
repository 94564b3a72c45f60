"""Long answers: pages with a token for the next, streams with checkpoints in them.

A token asks for what is behind it, and only with the request that it was given for
(https://ai.google.dev/gemini-api/docs/generate-content/long-decode).
"""

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.streams import joined, pieces_of
from langchain_cf_gemini.emulator._journal import Latest
from langchain_cf_gemini.emulator._refusals import google_refusal
from langchain_cf_gemini.emulator.answers import Answer

_MAX_TOKENS = 10_000
_FREE = ("continuationToken", "generationConfig")


class Paging:
    """What is still to be said of answers, by the token that asks for it."""

    def __init__(self) -> None:
        """Start with nothing left to say."""
        self._left = Latest[tuple[str, Answer]](_MAX_TOKENS)
        self.clear = self._left.clear

    def asked(self, generation: Generation) -> Answer | None:
        """What a request's token asks for; None without a token.

        Raises:
            Refusal: If there is no such token, or it was given for another request.
        """
        token = generation.body.get("continuationToken")
        if token is None:
            return None
        request, answer = self._left.get(token) or ("", None)
        if answer is None or request != _request(generation):
            raise google_refusal("Invalid continuation token.", rule="continuation")
        return answer

    def first_page(self, answer: Answer, generation: Generation) -> Answer:
        """The page of an answer that goes out now."""
        if answer.pages <= 1:
            return answer
        pieces = [piece for part in answer.parts for piece in pieces_of(part)]
        size = -(-len(pieces) // answer.pages)
        after = joined(pieces[size:])
        rest = replace(answer, parts=after, pages=answer.pages - 1, faults=())
        return replace(
            answer,
            parts=joined(pieces[:size]),
            finish_reason="CONTINUATION",
            finish_message=None,
            candidate={"continuationToken": self._keep(rest, generation)},
            usage={},
            pages=1,
        )

    def with_checkpoints(
        self, chunks: list[dict[str, Any]], answer: Answer, generation: Generation
    ) -> list[dict[str, Any]]:
        """The chunks of a stream, a token in every so many of them."""
        every = answer.checkpoint_every
        for at in range(every, len(chunks), every) if every else ():
            said = [chunk["candidates"][0]["content"] for chunk in chunks[at:-1]]
            parts = joined(part for content in said for part in content["parts"])
            rest = replace(answer, parts=parts, faults=())
            candidate = chunks[at - 1]["candidates"][0]
            candidate["continuationToken"] = self._keep(rest, generation)
        return chunks

    def _keep(self, answer: Answer, generation: Generation) -> str:
        seed = f"{generation.backend}:{generation.serial}:{answer.parts}"
        token = base64.b64encode(hashlib.sha256(seed.encode()).digest()).decode()
        self._left.keep(token, (_request(generation), answer))
        return token


def _request(generation: Generation) -> str:
    """What must not change between two pages: all but the limit and the token."""
    kept = {k: v for k, v in generation.body.items() if k not in _FREE}
    told = json.dumps([generation.backend, generation.model.google_id, kept])
    return hashlib.sha256(told.encode()).hexdigest()

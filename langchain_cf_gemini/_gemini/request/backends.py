"""What belongs to one of Google's two services, and what is sent to the other instead.

Vertex AI (`vertex_ai`) and the Gemini API (`gemini_api`) take the same requests, but
neither takes what the other made and nobody else can read: a thought signature of the
other is a 400, "Corrupted thought signature." or "Invalid thought signature." (public
reports of all four directions, OpenRouterTeam/ai-sdk-provider#491, litellm#32140).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from langchain_cf_gemini._gemini.vocabulary import DUMMY_SIGNATURE, Json

BACKENDS: Final = ("vertex_ai", "gemini_api")
# Tools that the Gemini API runs itself and tells of in parts of its own; Vertex AI's
# schema has no such parts.
_GEMINI_API_PARTS: Final = frozenset({"toolCall", "toolResponse"})
_SIGNATURE: Final = "thoughtSignature"


class SignedPart(dict[str, Any]):
    """A part whose signature one backend made; on the wire a part like any other."""

    __slots__ = ("backend",)

    def __init__(self, part: Mapping[str, Any], backend: str) -> None:
        super().__init__(part)
        self.backend = backend


def backend_from_metadata(metadata: Json) -> str | None:
    """Return the backend whose answer a message is; None if it does not say.

    langchain-core joins the texts of turns that are merged. What both had a part in
    goes back to neither: the text then names no single backend.
    """
    # The one other package that speaks to Vertex AI alone.
    if metadata.get("model_provider") == "google_vertexai":
        return "vertex_ai"
    said = metadata.get("backend")
    if not isinstance(said, str):
        return None
    named = [backend for backend in BACKENDS if backend in said]
    return named[0] if len(named) == 1 else said or None


def maker_of(part: Json) -> str | None:
    """Return the backend that made what is opaque in a part; None if nobody knows."""
    if isinstance(part, SignedPart):
        return part.backend
    return None if _GEMINI_API_PARTS.isdisjoint(part) else "gemini_api"


def _is_text(part: Json) -> bool:
    """Whether a part is text and no more, as nearly every one is."""
    return len(part) == 1 and "text" in part


def _makers(contents: list[Json]) -> set[str | None]:
    parts = (part for content in contents for part in content["parts"])
    return {maker_of(part) for part in parts if not _is_text(part)}


def current_turn(contents: list[Json]) -> Iterator[Json]:
    """Return the model's steps since the user last spoke, the newest first."""
    for content in reversed(contents):
        if content["role"] == "model":
            yield content
        elif not any("functionResponse" in part for part in content["parts"]):
            return


def sign_current_turn(contents: list[Json]) -> None:
    """Give unsigned calls of the current turn Google's dummy signature.

    Only the first call of a step needs one. Gemini 3 answers 400 without; earlier turns
    are not looked at. https://ai.google.dev/gemini-api/docs/thought-signatures
    """
    for content in current_turn(contents):
        parts = content["parts"]
        for at, part in enumerate(parts):
            if "functionCall" in part:
                if _SIGNATURE not in part:
                    parts[at] = {**part, _SIGNATURE: DUMMY_SIGNATURE}
                break


def contents_for_backend(
    contents: list[Json], backend: str, *, signs_calls: bool, replacing: bool = False
) -> tuple[list[Json], int]:
    """Return the contents as a backend takes them.

    Signatures that the other backend made are left out, and the first call of each step
    of the current turn gets Google's dummy, which both take.

    Args:
        contents: The conversation, which stays as it is.
        backend: Where it goes.
        signs_calls: Whether the model wants signatures on calls.
        replacing: Leave every signature out, because the backend refused one or
            missed one that nobody expected of the model.

    Returns:
        The contents, the same object if nothing had to be changed, and how many parts
        were changed or left out.
    """
    if not replacing and _makers(contents) <= {None, backend}:
        return contents, 0  # as in nearly every conversation
    changed = 0
    made: list[Json] = []
    for content in contents:
        parts = []
        for part in content["parts"]:
            maker = maker_of(part)
            foreign = maker not in (None, backend)
            if foreign or (replacing and _SIGNATURE in part):
                changed += 1
                part = _without_signature(part, keeps_tools=maker == backend)
            if part is not None:
                parts.append(part)
        if parts:
            made.append({**content, "parts": parts})
    if signs_calls or replacing:
        sign_current_turn(made)
    return made, changed


def _without_signature(part: Json, *, keeps_tools: bool) -> Json | None:
    """Return a part without its signature; None if nothing is left to say."""
    if not keeps_tools and any(kind in part for kind in _GEMINI_API_PARTS):
        return None
    rest = {key: value for key, value in part.items() if key != _SIGNATURE}
    return rest if rest.get("text") != "" and rest.keys() - {"thought"} else None


def without_processing_marks(contents: list[Json]) -> list[Json]:
    """Leave out parts of a signature alone where media was processed by agents.

    They come with such an answer, and are refused when they go back.
    """
    processed = any("mediaProcessing" in p for c in contents for p in c["parts"])
    if not processed:
        return contents
    kept = [
        {**c, "parts": [p for p in c["parts"] if not _is_mark(p)]} for c in contents
    ]
    return [content for content in kept if content["parts"]]


def _is_mark(part: Json) -> bool:
    said = part.keys() - {_SIGNATURE, "thought"}
    return _SIGNATURE in part and (not said or (said == {"text"} and not part["text"]))


def backend_of_history(contents: list[Json]) -> str | None:
    """Return the backend that made what is opaque in the latest steps of the model.

    Who goes on there crosses no more than what went before: what is replaced costs the
    model its train of thought.
    """
    for content in reversed(contents):
        for part in reversed(content["parts"]):
            if not _is_text(part) and (maker := maker_of(part)) is not None:
                return maker
    return None

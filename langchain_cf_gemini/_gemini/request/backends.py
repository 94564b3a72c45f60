"""What belongs to one of Google's two services, and what is sent to the other instead.

Vertex AI (`vertex_ai`) and the Gemini API (`gemini_api`) take the same requests, but
neither takes what the other made and nobody else can read: a thought signature of the
other is a 400, "Corrupted thought signature." or "Invalid thought signature." (public
reports of all four directions, OpenRouterTeam/ai-sdk-provider#491, litellm#32140).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from langchain_cf_gemini._gemini.vocabulary import DUMMY_SIGNATURE, Json

BACKENDS: Final = ("vertex_ai", "gemini_api")
# Tools that the Gemini API runs itself and tells of in parts of its own; Vertex AI's
# schema has no such parts.
_GEMINI_API_PARTS: Final = frozenset({"toolCall", "toolResponse"})
_SIGNATURE: Final = "thoughtSignature"
OPAQUE: Final = _GEMINI_API_PARTS | {_SIGNATURE}
"""What only the backend that made a part can read in it."""


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
    if said in BACKENDS:
        return said
    named = [backend for backend in BACKENDS if backend in said]
    return named[0] if len(named) == 1 else said or None


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


class History:
    """Contents, and what in them is more than text: few parts, often asked about.

    Attributes:
        contents: The conversation.
        opaque: The parts that are more than text, in their order.
    """

    def __init__(
        self, contents: list[Json], signed: Iterable[tuple[Json, str]] = ()
    ) -> None:
        """Take the contents of a request, which stay as they are.

        Args:
            contents: The conversation.
            signed: The parts whose OPAQUE fields are known to be one backend's.
        """
        self.contents = contents
        self.opaque = [
            part
            for content in contents
            for part in content["parts"]
            if len(part) != 1 or "text" not in part
        ]
        signers = {id(part): backend for part, backend in signed}
        # By part, which backend made what is opaque in it, if anybody knows.
        self._makers = {
            id(part): signers.get(id(part), "gemini_api")
            for part in self.opaque
            if id(part) in signers or not _GEMINI_API_PARTS.isdisjoint(part)
        }

    @property
    def backend(self) -> str | None:
        """The backend that made what is opaque in the latest steps of the model.

        Who goes on there crosses no more than what went before: what is replaced costs
        the model its train of thought.
        """
        return next(reversed(self._makers.values()), None)

    @property
    def is_signed(self) -> bool:
        """Whether there is a call or a signature that a backend may refuse."""
        return any("functionCall" in p or _SIGNATURE in p for p in self.opaque)

    def for_backend(
        self, backend: str, *, signs_calls: bool, replacing: bool = False
    ) -> tuple[list[Json], int]:
        """Return the contents as a backend takes them.

        Signatures that the other backend made are left out, and the first call of each
        step of the current turn gets Google's dummy, which both take. So are parts of a
        signature alone where media was processed by agents: they come with such an
        answer, and are refused when they go back.

        Args:
            backend: Where they go.
            signs_calls: Whether the model wants signatures on calls.
            replacing: Leave every signature out, because the backend refused one or
                missed one that nobody expected of the model.

        Returns:
            The contents, the same object if nothing had to be changed, and how many
            parts lost a signature or were left out.
        """
        marks = self._marks()
        foreign = {at for at, maker in self._makers.items() if maker != backend}
        if not (replacing or marks or foreign):
            return self.contents, 0  # as in nearly every conversation
        unsigned = {
            id(part): _said_beside_signature(part, is_foreign=id(part) in foreign)
            for part in self.opaque
            if id(part) in foreign or (replacing and _SIGNATURE in part)
        }
        new = unsigned | marks
        sent = [
            {**c, "parts": [p for part in c["parts"] if (p := new.get(id(part), part))]}
            for c in self.contents
        ]
        made = [content for content in sent if content["parts"]]
        if signs_calls or replacing:
            sign_current_turn(made)
        return made, len(unsigned)

    def _marks(self) -> dict[int, Json | None]:
        """Find the signatures that stand alone, if media was processed by agents."""
        if not any("mediaProcessing" in part for part in self.opaque):
            return {}
        return {
            id(part): None
            for part in self.opaque
            if _SIGNATURE in part and not _said_beside_signature(part)
        }


def _said_beside_signature(part: Json, *, is_foreign: bool = False) -> Json | None:
    """Return a part without its signature; None if nothing is left to say."""
    if is_foreign and not _GEMINI_API_PARTS.isdisjoint(part):
        return None
    rest = {key: value for key, value in part.items() if key != _SIGNATURE}
    return rest if rest.get("text") != "" and rest.keys() - {"thought"} else None

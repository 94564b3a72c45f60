"""One request to a model, from the door to the answer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from langchain_cf_gemini.emulator._google.models import Model
from langchain_cf_gemini.emulator._google.proto_json import snake_case

Backend = Literal["vertex", "gemini_api"]


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One request to generate content.

    Attributes:
        model: Who answers.
        name: The model as the request names it.
        body: The GenerateContentRequest; in camelCase once it was read.
        backend: "vertex" behind `/ai/run` and the gateway's google-vertex-ai path,
            "gemini_api" behind the other doors; their fields and words differ.
        wrapped: Whether the answer travels in Cloudflare's v4 envelope.
        stream: Whether a stream was asked for.
        sse: Whether a stream comes as server-sent events, not as a JSON array.
        foreign_signatures: Whether unknown thought signatures pass.
        serial: How many requests this emulator had before; makes ids unique.
    """

    model: Model
    name: str
    body: Mapping[str, Any]
    backend: Backend = "vertex"
    wrapped: bool = False
    stream: bool = False
    sse: bool = False
    foreign_signatures: bool = False
    serial: int = 0

    @property
    def vertex(self) -> bool:
        """Whether Vertex AI judges, not the Gemini API."""
        return self.backend == "vertex"

    def at(self, *paths: str) -> Iterator[tuple[str, Any]]:
        """What stands at paths such as "contents[].parts[]", each with its place."""
        for path in paths:
            if path not in self._found:
                above, _, key = path.rpartition(".")
                self._found[path] = list(_below(self.at(above), key))
            yield from self._found[path]

    @cached_property
    def _found(self) -> dict[str, list[tuple[str, Any]]]:
        return {"": [("", self.body)]}

    def section(self, path: str) -> Mapping[str, Any]:
        """The object at a path, empty if there is none."""
        return next((held for _, held in self.at(path)), {})

    @property
    def config(self) -> Mapping[str, Any]:
        """The generationConfig."""
        return self.section("generationConfig")

    @property
    def thinking(self) -> Mapping[str, Any]:
        """The thinkingConfig."""
        return self.section("generationConfig.thinkingConfig")

    @property
    def function_calling(self) -> Mapping[str, Any]:
        """The functionCallingConfig."""
        return self.section("toolConfig.functionCallingConfig")

    @property
    def streams_args(self) -> bool:
        """Whether arguments of calls come piece by piece."""
        return bool(self.function_calling.get("streamFunctionCallArguments"))

    @property
    def contents(self) -> list[Mapping[str, Any]]:
        """The contents."""
        return list(self.body.get("contents") or ())

    @property
    def parts(self) -> list[tuple[str, Mapping[str, Any]]]:
        """All parts, the system instruction's first, each with its path."""
        return [*self.at("systemInstruction.parts[]", "contents[].parts[]")]

    @property
    def current_turn(self) -> list[Mapping[str, Any]]:
        """The contents from the latest user message that is no function response."""
        return current_turn(self.contents)

    @property
    def tools(self) -> list[Mapping[str, Any]]:
        """The tools."""
        return list(self.body.get("tools") or ())

    @property
    def declarations(self) -> list[Mapping[str, Any]]:
        """All function declarations of all tools."""
        return [held for _, held in self.at("tools[].functionDeclarations[]")]

    @property
    def output(self) -> tuple[Any, str | None]:
        """Schema and MIME type that the answer must have; None if any will do."""
        for _, text in self.at("generationConfig.responseFormat[].text"):
            if text.get("mimeType") == "APPLICATION_JSON":
                return text.get("schema"), "application/json"
        config = self.config
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        return schema, config.get("responseMimeType")


def _below(holders: Iterable[tuple[str, Any]], key: str) -> Iterator[tuple[str, Any]]:
    name = key.removesuffix("[]")
    for path, holder in holders:
        inside = f"{path}.{snake_case(name)}".removeprefix(".")
        held = holder.get(name)
        if held is not None and name == key:
            yield inside, held
        elif held is not None:
            yield from ((f"{inside}[{i}]", item) for i, item in enumerate(held))


def current_turn(contents: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The contents from the latest one in which a user spoke, and no function."""
    starts = [i for i, content in enumerate(contents) if _is_prompt(content)]
    return contents[starts[-1] :] if starts else contents


def _is_prompt(content: Mapping[str, Any]) -> bool:
    """Whether this is what a user said, and no function's response."""
    parts = content.get("parts") or ()
    answers = any("functionResponse" in part for part in parts)
    return role_of(content) == "user" and not answers


def role_of(content: Mapping[str, Any]) -> str:
    """The role; unset means user."""
    return str(content.get("role") or "user")

"""What a model, a binding and a call may say, and how one is laid over the other.

A later layer wins name by name. None is "not given". What excludes another setting
takes that setting out of the layers below, and so does the same thing said in Google's
own words in `generation_config` or `tool_config`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel

from langchain_cf_gemini._gemini.json_values import is_number
from langchain_cf_gemini._gemini.request.generation_config import (
    Read,
    an_object,
    camel_config,
    json_over,
    logprobs,
    modalities,
    number,
    stop_sequences,
    word,
)
from langchain_cf_gemini._gemini.schema.json_schema import json_schema_from
from langchain_cf_gemini._gemini.tools.declarations import (
    declarations_from_tools,
    require_list,
)
from langchain_cf_gemini._gemini.vocabulary import Json, camel_case, plain_json
from langchain_cf_gemini._http.with_sockets import httpx2
from langchain_cf_gemini._langchain.foreign_arguments import advice_for
from langchain_cf_gemini._langchain.secrets import HEADERS, hidden
from langchain_cf_gemini.gateway import GatewayOptions

if TYPE_CHECKING:
    from langchain_cf_gemini._http.attempt import Timeout as Timeout

Method = Literal["json_schema", "function_calling", "json_mode"]
"""How `with_structured_output` asks for an object."""

Check = Callable[[Any], str | None]
Write = Callable[[str, Any], Json]
_CONFIG: Final = "generation_config"
_TOOLS: Final = "tool_config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One argument.

    Attributes:
        aliases: Its other names.
        rivals: What it excludes.
        check: Says what a value must be, if it is not; pydantic checks the fields.
        write: Writes it into generationConfig.
        says: Where the same can be said in Google's own words: the setting that takes
            them, and the path in it.
        merge: Lays a value over an earlier layer's, where it does not replace it.
        keep: Makes of a value what is kept of it, whoever gave it: Google's own words
            in one spelling, secrets hidden, and types as what they say. Traces and
            cache keys hold what is kept: a class would stand there as its name, which
            another class may have too.
        is_field: Whether the constructor takes it too.
    """

    aliases: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    check: Check | None = None
    write: Write | None = None
    says: tuple[tuple[str, ...], ...] = ()
    merge: Callable[[Any, Any], Any] | None = None
    keep: Callable[[Any], Any] = lambda value: value
    is_field: bool = True


def _a(kinds: type | tuple[type, ...], said: str) -> Check:
    return lambda value: None if isinstance(value, kinds) else said


def _one_of(*known: str) -> Check:
    return lambda value: None if value in known else f"one of {', '.join(known)}"


def check_timeout(value: Any) -> str | None:
    """Say what a timeout must be, if it is not."""
    # An httpx timeout, which this module does not know, has its limits as fields.
    right = (is_number(value) and value > 0) or hasattr(value, "connect")
    return None if right else "a number of seconds above 0, an httpx2.Timeout"


def _timeout_from(value: Any) -> Any:
    """Read a timeout: seconds, None, or httpx2's, also as its four limits."""
    if isinstance(value, dict):
        with suppress(TypeError, ValueError):
            return httpx2.Timeout(**value)
    if value is None:
        return None
    if wanted := check_timeout(value):
        raise ValueError(f"timeout must be {wanted} or None, not {value!r}.")
    return float(value) if isinstance(value, int) else value


if not TYPE_CHECKING:
    Timeout = Annotated[Any, AfterValidator(_timeout_from)]


def _count(value: Any) -> str | None:
    right = isinstance(value, int) and is_number(value) and value >= 0
    return None if right else "a whole number from 0"


def _labels(value: Any) -> str | None:
    texts = (*value, *value.values()) if isinstance(value, Mapping) else (None,)
    right = all(isinstance(text, str) for text in texts)
    return None if right else "a dict of strings"


_DICT = _a(Mapping, "a dict")
_TEXT = _a(str, "a string")


def _headers_over(under: Mapping[str, str], over: Mapping[str, str]) -> Json:
    kept = {name.lower() for name in over}
    return {k: v for k, v in under.items() if k.lower() not in kept} | dict(over)


def _gateway_over(under: Any, over: Any) -> GatewayOptions:
    return GatewayOptions.from_value(under).merged(over)


def _written(key: str, read: Read, **more: Any) -> Setting:
    def write(name: str, value: Any) -> Json:
        found = read(name, value)
        return {} if found is None else {key: found}

    return Setting(write=write, says=((_CONFIG, key),), **more)


def _thinking(key: str, **more: Any) -> Setting:
    return Setting(says=((_CONFIG, "thinkingConfig", key),), **more)


def _camel_config(value: Any) -> Any:
    return camel_config(value) if isinstance(value, Mapping) else value


def _schema(value: Any) -> Any:
    return value if isinstance(value, Mapping) else json_schema_from(value)


def _tools(value: Any) -> Any:
    require_list(value)
    kept: list[Any] = []
    for tool in value:
        kept += [tool] if isinstance(tool, dict) else declarations_from_tools([tool])
    return kept


_SCHEMAS = ((_CONFIG, "responseSchema"), (_CONFIG, "responseJsonSchema"))
_CALLING = "functionCallingConfig"

SETTINGS: Final[Mapping[str, Setting]] = {
    "model": Setting(aliases=("model_name",), check=_TEXT),
    "google_model": Setting(check=_TEXT),
    "endpoint": Setting(check=_one_of("auto", "run", "gateway")),
    "gateway": Setting(merge=_gateway_over),
    HEADERS: Setting(check=_DICT, merge=_headers_over, keep=hidden),
    # 1000 is refused with "supported range is from 0 (inclusive) to 2.0001".
    "temperature": _written("temperature", number(0, 2)),
    "top_p": _written("topP", number(0, 1)),
    "top_k": _written("topK", number(1, 2**31, whole=True)),
    "max_tokens": _written(
        "maxOutputTokens",
        number(1, 2**31, whole=True),
        aliases=("max_output_tokens",),
    ),
    "stop": _written("stopSequences", stop_sequences, aliases=("stop_sequences",)),
    "seed": _written("seed", number(-(2**31), 2**31 - 1, whole=True)),
    "presence_penalty": _written("presencePenalty", number(-2, 2, below=True)),
    "frequency_penalty": _written("frequencyPenalty", number(-2, 2, below=True)),
    "n": _written(
        "candidateCount", number(1, 8, whole=True), aliases=("candidate_count",)
    ),
    "thinking_level": _thinking(
        "thinkingLevel", aliases=("reasoning_effort",), rivals=("thinking_budget",)
    ),
    "thinking_budget": _thinking("thinkingBudget", rivals=("thinking_level",)),
    "include_thoughts": _thinking("includeThoughts", check=_a(bool, "True or False")),
    "response_mime_type": _written(
        "responseMimeType", lambda _, value: value, check=_TEXT
    ),
    "response_schema": Setting(
        says=_SCHEMAS, rivals=("response_format",), keep=_schema
    ),
    "response_format": Setting(
        says=_SCHEMAS,
        rivals=("response_schema", "response_mime_type"),
        keep=_schema,
        is_field=False,
    ),
    "response_modalities": _written(
        "responseModalities",
        modalities,
        check=_a((str, list, tuple), "a list of words"),
    ),
    "media_resolution": _written(
        "mediaResolution", word(("LOW", "MEDIUM", "HIGH"), "MEDIA_RESOLUTION_")
    ),
    "speech_config": _written("speechConfig", an_object),
    "image_config": _written("imageConfig", an_object),
    "logprobs": Setting(
        write=logprobs, says=((_CONFIG, "responseLogprobs"), (_CONFIG, "logprobs"))
    ),
    _CONFIG: Setting(check=_DICT, merge=json_over, keep=_camel_config),
    "safety_settings": Setting(check=_a((Mapping, list, tuple), "a dict or a list")),
    "tools": Setting(keep=_tools, is_field=False),
    "tool_choice": Setting(
        says=((_TOOLS, _CALLING, "mode"), (_TOOLS, _CALLING, "allowedFunctionNames")),
        rivals=("tool_choice",),  # a mode without its names is another choice
        is_field=False,
    ),
    "strict": Setting(is_field=False),
    "parallel_tool_calls": Setting(is_field=False),
    _TOOLS: Setting(check=_DICT, merge=json_over, keep=camel_case),
    "schema_dialect": Setting(check=_one_of("json", "openapi")),
    "cached_content": Setting(check=_TEXT),
    "automatic_continuation": Setting(check=_a(bool, "True or False")),
    "continuation_token": Setting(check=_TEXT, is_field=False),
    "labels": Setting(check=_labels, merge=json_over),
    "media_urls": Setting(check=_one_of("inline", "pass")),
    "timeout": Setting(aliases=("request_timeout",), check=check_timeout),
    "max_retries": Setting(check=_count),
    "stream_on_run": Setting(),
    "stream_usage": Setting(),
}
FIELDS: Final = (*(n for n, row in SETTINGS.items() if row.is_field), "output_version")
ALIASES: Final = {
    alias: name for name, row in SETTINGS.items() for alias in row.aliases
} | {"api_key": "api_token"}
_SETTINGS: Final = frozenset(SETTINGS)
_NAMES: Final = _SETTINGS | ALIASES.keys()
_SAID: Final = {path: name for name, row in SETTINGS.items() for path in row.says}


def _kept(field: str, value: Any) -> Any:
    if (row := SETTINGS.get(field)) is None:
        return value
    if field != "tools":  # which are read tool by tool
        value = plain_json(value)
    return row.keep(value)


# ---- names


def named(
    given: Mapping[str, Any], known: Iterable[str], where: str, *, once: bool = False
) -> Json:
    """Return arguments under their canonical names, without those that are None.

    Args:
        given: Arguments in the order in which they were given. Where bindings have put
            two names of one setting together, the later one holds.
        known: The names that there are.
        where: Who takes them, for errors.
        once: Whether it is an error to give a setting two values under two names.

    Raises:
        TypeError: If a name is unknown, with the nearest known one, or given twice.
    """
    found: Json = {}
    for name, value in given.items():
        field = name if name in known else ALIASES.get(name, name)
        if field not in known:
            raise TypeError(_unknown(name, known, where))
        if value is None:
            continue
        value = _kept(field, value)
        # LangChain's own suites give one value under two names.
        if once and field in found and hidden(found[field]) != hidden(value):
            names = f"{name!r} and {field!r}"
            raise TypeError(f"{where}: {names} are one argument, but have two values.")
        found[field] = value
    return found


def _unknown(name: str, known: Iterable[str], where: str) -> str:
    if hint := advice_for(name):
        return f"{where} has no argument {name!r}. {hint}"
    others = [alias for alias, field in ALIASES.items() if field in known]
    near = get_close_matches(name, [*known, *others], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{where} has no argument {name!r}{hint}"


def names_of(cls: type[BaseModel], given: Iterable[str]) -> frozenset[str]:
    """Return the names that a class's constructor takes, its fields' aliases too."""
    known = _names_of(cls)
    return known.union(given) if cls.model_config.get("extra") == "allow" else known


@lru_cache(maxsize=64)
def _names_of(cls: type[BaseModel]) -> frozenset[str]:
    names: set[str] = set()
    for name, field in cls.model_fields.items():
        choices = field.validation_alias
        listed = choices.choices if isinstance(choices, AliasChoices) else [choices]
        names |= {name, *(n for n in (field.alias, *listed) if isinstance(n, str))}
    return frozenset(names)


class ConstructorSignature:
    """A class's `__signature__`: what pydantic makes of its fields, and every alias.

    pydantic makes it with the validators, which are built with the first model: until
    then `inspect.signature` and `help()` would show the base class's.
    """

    def __init__(self, of_fields: Any = None) -> None:
        """Take what pydantic made; None if it is still to come."""
        self._of_fields = of_fields

    @classmethod
    def put_on(cls, model_class: type[BaseModel]) -> None:
        """Take the place of pydantic's own, or wait for it."""
        own = model_class.__dict__.get("__signature__")
        if not isinstance(own, cls):
            type.__setattr__(model_class, "__signature__", cls(own))

    def __get__(self, model: object, cls: type[BaseModel]) -> Signature:
        """Return the signature; its first reader has the validators built."""
        if model is not None:
            raise AttributeError("__signature__")  # classes have one, models do not
        if self._of_fields is None:
            cls.model_rebuild(force=True)
            return signature(cls)
        own: Signature = self._of_fields.__get__(None, cls)
        every: dict[str, Parameter] = {}
        for name, parameter in own.parameters.items():
            every[name] = parameter
            for alias in (a for a, field in ALIASES.items() if field == name):
                every.setdefault(alias, parameter.replace(name=alias, default=None))
        return own.replace(parameters=list(every.values()))


# ---- layers


def layer_of(fields: Mapping[str, Any]) -> Json:
    """Return the lowest layer: what of a model's fields was set."""
    return {k: v for k in FIELDS if (v := fields.get(k)) is not None}


def in_google_words(layer: Mapping[str, Any]) -> Json:
    """Return a copy of a layer with Google's own words in their one spelling.

    Defaults of subclasses are not looked at before, and a dict may have changed since.
    """
    own = {k: SETTINGS[k].keep(layer[k]) for k in (_CONFIG, _TOOLS) if k in layer}
    return {**layer, **own}


def kept(arguments: Mapping[str, Any]) -> Json:
    """Return arguments as traces, cache keys and bindings hold them.

    LangChain gives arguments of its own beside a model's. Names that nobody reads stay
    as they are: the call refuses them.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    if _NAMES.isdisjoint(given):  # in most calls
        return given
    return named(given, _SETTINGS.union(given) - ALIASES.keys(), "a call")


def laid(under: Mapping[str, Any], over: Mapping[str, Any]) -> Json:
    """Lay one layer over another; both as `named` returns them.

    Returns:
        A new layer. What `over` says anew or excludes is gone from `under`.
    """
    settings = dict(under)
    for name in {*over, *_in_own_words(over)} & SETTINGS.keys():
        for rival in SETTINGS[name].rivals:
            if rival not in over:
                settings.pop(rival, None)
            _forget_own_words(settings, SETTINGS[rival].says)
        if name in over:
            _forget_own_words(settings, SETTINGS[name].says)
    for name, value in over.items():
        row = SETTINGS.get(name)
        if row and row.merge and name in settings:
            is_right = row.check is None or row.check(value) is None
            value = row.merge(settings[name], value) if is_right else value
        settings[name] = value
    return settings


def _in_own_words(over: Mapping[str, Any]) -> Iterator[str]:
    """Name the settings that a layer says in Google's words."""
    if _CONFIG in over or _TOOLS in over:
        for path, name in _SAID.items():
            if _reaches(over, path):
                yield name


def _forget_own_words(settings: Json, paths: Iterable[tuple[str, ...]]) -> None:
    for holder, *path in paths:
        if holder in settings:
            settings[holder] = _without(settings[holder], path)


def _reaches(value: Any, path: Iterable[str]) -> bool:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value is not None


def _without(value: Any, path: list[str]) -> Any:
    """Return an object without what is at a path; the caller's own stays whole."""
    key, *rest = path
    if not isinstance(value, Mapping) or key not in value:
        return value
    others = {name: each for name, each in value.items() if name != key}
    left = _without(value[key], rest) if rest else None
    return {**others, key: left} if left else others


def written(settings: Mapping[str, Any]) -> Json:
    """Return the part of generationConfig that needs no model to be known.

    Raises:
        ValueError: If a value is outside of what Google documents.
    """
    config: Json = {}
    for name, value in settings.items():
        row = SETTINGS.get(name)
        if row is None:
            continue
        if row.check is not None and (wanted := row.check(value)):
            raise ValueError(f"{name} must be {wanted}, not {value!r}.")
        if row.write is not None:
            config |= row.write(name, value)
    return config

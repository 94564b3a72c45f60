"""The part of orjson that LangSmith uses, over json."""

import json
from typing import Any

OPT_SERIALIZE_NUMPY = OPT_SERIALIZE_DATACLASS = OPT_SERIALIZE_UUID = 0
OPT_NON_STR_KEYS = OPT_SORT_KEYS = 0
JSONEncodeError = TypeError
JSONDecodeError = json.JSONDecodeError


class Fragment:
    """JSON that is written already."""

    def __init__(self, contents: bytes) -> None:
        self.contents = contents


def dumps(value: Any, default: Any = None, option: int = 0) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, default=default, ensure_ascii=False).encode()


def loads(data: bytes | str) -> Any:
    """Return the value of JSON."""
    return json.loads(data)

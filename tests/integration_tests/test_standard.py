"""LangChain's standard integration tests against the emulator, over a real socket.

Every flag is on, no test is overridden, none is expected to fail. The suite fetches its
media with `httpx.get` from the web; here it gets the same kinds of file from this
machine.
"""

from collections.abc import Iterator
from typing import Any, Literal

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import Emulator
from tests.support import assets


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[Emulator]:
    """One emulator for every test of the module."""
    with Emulator() as running:
        Everything.running = running
        yield running


@pytest.fixture(autouse=True)
def served_assets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer the suite's own downloads from this machine."""
    monkeypatch.setitem(vars(httpx), "get", assets.get)
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "langchain-cf-gemini tests")


class Everything(ChatModelIntegrationTests):
    """The suite with everything switched on."""

    __test__ = False
    running: Emulator
    endpoint: Literal["auto", "run", "gateway"] = "auto"
    method: str = "json_schema"
    output_version: str = "v0"

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatCloudflareGemini

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": "gemini-3-flash",
            "account_id": self.running.account_id,
            "api_token": self.running.api_token,
            "base_url": self.running.base_url,
            "gateway_base_url": self.running.gateway_base_url,
            "endpoint": self.endpoint,
            "output_version": self.output_version,
            "media_urls": "pass",
        }

    @property
    def model_override_value(self) -> str:
        return "gemini-2.5-flash"

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": self.method}

    @property
    def enable_vcr_tests(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def supports_video_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True


class TestJsonSchemaV0Auto(Everything):
    __test__ = True
    method, output_version, endpoint = "json_schema", "v0", "auto"


class TestJsonSchemaV0Run(Everything):
    __test__ = True
    method, output_version, endpoint = "json_schema", "v0", "run"


class TestJsonSchemaV0Gateway(Everything):
    __test__ = True
    method, output_version, endpoint = "json_schema", "v0", "gateway"


class TestJsonSchemaV1Auto(Everything):
    __test__ = True
    method, output_version, endpoint = "json_schema", "v1", "auto"


class TestJsonSchemaV1Run(Everything):
    __test__ = True
    method, output_version, endpoint = "json_schema", "v1", "run"


class TestJsonSchemaV1Gateway(Everything):
    __test__ = True
    method, output_version, endpoint = "json_schema", "v1", "gateway"


class TestFunctionCallingV0Auto(Everything):
    __test__ = True
    method, output_version, endpoint = "function_calling", "v0", "auto"


class TestFunctionCallingV0Run(Everything):
    __test__ = True
    method, output_version, endpoint = "function_calling", "v0", "run"


class TestFunctionCallingV0Gateway(Everything):
    __test__ = True
    method, output_version, endpoint = "function_calling", "v0", "gateway"


class TestFunctionCallingV1Auto(Everything):
    __test__ = True
    method, output_version, endpoint = "function_calling", "v1", "auto"


class TestFunctionCallingV1Run(Everything):
    __test__ = True
    method, output_version, endpoint = "function_calling", "v1", "run"


class TestFunctionCallingV1Gateway(Everything):
    __test__ = True
    method, output_version, endpoint = "function_calling", "v1", "gateway"


class TestJsonModeV0Auto(Everything):
    __test__ = True
    method, output_version, endpoint = "json_mode", "v0", "auto"


class TestJsonModeV0Run(Everything):
    __test__ = True
    method, output_version, endpoint = "json_mode", "v0", "run"


class TestJsonModeV0Gateway(Everything):
    __test__ = True
    method, output_version, endpoint = "json_mode", "v0", "gateway"


class TestJsonModeV1Auto(Everything):
    __test__ = True
    method, output_version, endpoint = "json_mode", "v1", "auto"


class TestJsonModeV1Run(Everything):
    __test__ = True
    method, output_version, endpoint = "json_mode", "v1", "run"


class TestJsonModeV1Gateway(Everything):
    __test__ = True
    method, output_version, endpoint = "json_mode", "v1", "gateway"

"""LangChain's standard integration tests against the emulator, over a real socket.

Every flag is on, no test is overridden, none is expected to fail. The suite fetches its
media with `httpx.get` from the web; here it gets the same kinds of file from this
machine.
"""

from typing import Any, Literal

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import Emulator
from tests.support import assets


@pytest.fixture(scope="module", autouse=True)
def _asked(running_emulator: Emulator) -> None:
    Everything.running = running_emulator


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

    chat_model_class: type[BaseChatModel] = ChatCloudflareGemini
    model_override_value = "gemini-2.5-flash"
    enable_vcr_tests = True
    supports_json_mode = True
    supports_image_inputs = True
    supports_image_urls = True
    supports_pdf_inputs = True
    supports_audio_inputs = True
    supports_video_inputs = True
    supports_anthropic_inputs = True
    supports_image_tool_message = True
    supports_pdf_tool_message = True

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": "gemini-3-flash",
            "endpoint": self.endpoint,
            "output_version": self.output_version,
            "media_urls": "pass",
            **self.running.client,
        }

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": self.method}


# Each endpoint with each version of the output; the methods take turns, because only a
# few tests of the suite ask for one.
for endpoint, output_version, method in [
    ("auto", "v0", "json_schema"),
    ("run", "v0", "function_calling"),
    ("gateway", "v0", "json_mode"),
    ("auto", "v1", "function_calling"),
    ("run", "v1", "json_mode"),
    ("gateway", "v1", "json_schema"),
]:
    name = f"Test{endpoint.title()}{output_version.title()}"
    chosen = {"endpoint": endpoint, "output_version": output_version, "method": method}
    members = {"__test__": True, "__module__": __name__, **chosen}
    globals()[name] = type(name, (Everything,), members)

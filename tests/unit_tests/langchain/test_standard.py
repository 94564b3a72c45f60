"""LangChain's standard unit tests."""

from typing import Any, ClassVar

from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_cf_gemini import ChatCloudflareGemini


class TestStandard(ChatModelUnitTests):
    """Every test of the suite, none overridden."""

    chat_model_class = ChatCloudflareGemini
    chat_model_params: ClassVar[Any] = {
        "model": "gemini-3-flash",
        "account_id": "0123456789abcdef",
        "api_token": "test",
    }
    init_from_env_params = (
        {"CLOUDFLARE_ACCOUNT_ID": "a1b2", "CLOUDFLARE_API_TOKEN": "env-token"},
        {"model": "google/gemini-3-flash"},
        {"account_id": "a1b2", "api_token": "env-token",
         "model": "google/gemini-3-flash"},
    )  # fmt: skip

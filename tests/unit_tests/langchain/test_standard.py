"""LangChain's standard unit tests."""

from langchain_core.language_models import BaseChatModel
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_cf_gemini import ChatCloudflareGemini


class TestStandard(ChatModelUnitTests):
    """Every test of the suite, none overridden."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatCloudflareGemini

    @property
    def chat_model_params(self) -> dict[str, str]:
        return {
            "model": "gemini-3-flash",
            "account_id": "0123456789abcdef",
            "api_token": "test",
        }

    @property
    def init_from_env_params(
        self,
    ) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
        return (
            {"CLOUDFLARE_ACCOUNT_ID": "a1b2", "CLOUDFLARE_API_TOKEN": "env-token"},
            {"model": "google/gemini-3-flash"},
            {
                "account_id": "a1b2",
                "api_token": "env-token",
                "model": "google/gemini-3-flash",
            },
        )

"""An account's tokens, policies and keys: the chat model against the emulator."""

from typing import Any

import pytest

from langchain_cf_gemini import (
    ChatCloudflareGemini,
    CloudflareAuthenticationError,
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
    CloudflarePermissionError,
    CloudflareRateLimitError,
    GatewayFallbackWarning,
    cost,
)
from langchain_cf_gemini.emulator import AccountRules, Emulator

SERVICES: dict[Any, str] = {
    "Workers AI Read": "run",
    "AI Gateway Run": "gateway",
    "AI Gateway Read": "log",
    "AI Gateway Edit": "feedback",
}


def model_of(emulator: Emulator, **settings: Any) -> ChatCloudflareGemini:
    chosen: dict[str, Any] = {"model": "gemini-3-flash", "max_retries": 0}
    return ChatCloudflareGemini(**{**chosen, **emulator.client, **settings})


@pytest.mark.parametrize(("permission", "service"), [*SERVICES.items(), (None, None)])
def test_a_token_may_do_what_it_has_the_permission_for(
    permission: Any, service: str | None
) -> None:
    rules = AccountRules(tokens={"a-token": [permission] if permission else []})
    with Emulator(rules=rules) as emulator:
        report = model_of(emulator, api_token="a-token").check_credentials()
    allowed = {check.service for check in report.checks if check.outcome == "ok"}
    refused = {check.service for check in report.checks if check.outcome == "refused"}
    assert allowed == {"token", service} - {None}
    assert refused == {*SERVICES.values()} - {service}
    assert not report.is_ok


def test_each_endpoint_takes_its_own_token() -> None:
    rules = AccountRules(tokens={"run": ["Workers AI Read"], "gw": ["AI Gateway Run"]})
    with Emulator(rules=rules) as emulator:
        model = model_of(emulator, api_token="run", gateway_token="gw")
        assert model.invoke("hi").text
        assert "".join(chunk.text for chunk in model.stream("hi"))
        assert model.check_credentials().is_ok
        with pytest.warns(GatewayFallbackWarning):
            list(model_of(emulator, api_token="run").stream("hi"))
        swapped = model_of(emulator, api_token="gw", gateway_token="run")
        with pytest.raises(CloudflareAuthenticationError, match="Workers AI > Read"):
            swapped.invoke("hi")
        with pytest.raises(CloudflareAuthenticationError, match="AI Gateway > Run"):
            list(swapped.stream("hi"))


def test_a_gateway_may_ask_for_no_token() -> None:
    with Emulator(rules=AccountRules(authenticated=False)) as emulator:
        settings = {"api_token": None, "endpoint": "gateway"}
        model = model_of(emulator, google_api_key="AIza-mine", **settings)
        message = model.invoke("hi")
        assert message.response_metadata["gateway"]["key_source"] == "Request"
        assert (cost(message), bool(cost(message, paid_to="google"))) == (0.0, True)
    with (
        Emulator() as emulator,
        pytest.raises(CloudflareAuthenticationError, match="AI Gateway > Run"),
    ):
        model_of(emulator, **settings).invoke("hi")


def test_a_custom_domain_serves_all() -> None:
    with Emulator() as emulator:
        domain = f"{emulator.url}/google-ai-studio"
        model = model_of(emulator, gateway_base_url=domain, account_id=None)
        assert model.invoke("hi").text
        assert "".join(chunk.text for chunk in model.stream("hi"))
        routes = [request.route for request in emulator.requests]
    assert routes == ["generateContent", "streamGenerateContent"]


@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_a_spending_cap_is_not_asked_again(endpoint: str) -> None:
    with Emulator(rules=AccountRules(spend_cap=1e-6)) as emulator:
        model = model_of(emulator, endpoint=endpoint, max_retries=3)
        model.invoke("hi")
        with pytest.raises(CloudflareRateLimitError, match="spending") as caught:
            model.invoke("hi")
        assert caught.value.origin == "gateway"
        assert caught.value.details["limit"] == 1e-6
        assert caught.value.details["spent"] > 1e-6
        emulator.assert_request_count(2)


@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_a_policy_is_obeyed(way: str) -> None:
    blocked = ["gemini-3-flash", "gemini-3-flash-preview"]
    with Emulator(rules=AccountRules(blocked=blocked)) as emulator:
        model = model_of(emulator)
        with pytest.raises(CloudflarePermissionError, match="policy"):
            model.invoke("hi") if way == "invoke" else list(model.stream("hi"))
        emulator.assert_request_count(1)


@pytest.mark.parametrize(
    ("stored", "options", "run", "gateway"),
    [
        ({}, {}, "Unified", "Unified"),
        ({"gateway": ["default"]}, {}, "Unified", "BYOK"),
        ({"run": ["default"]}, {}, "BYOK", "Unified"),
        ({"gateway": ["team"]}, {"byok_alias": "team"}, None, "BYOK"),
        ({"gateway": ["default"]}, {"no_wholesale": True}, None, "BYOK"),
        ({"run": ["default"]}, {"no_wholesale": True}, "BYOK", None),
        ({"gateway": ["default"]}, {"byok_alias": "other"}, None, None),
    ],
)
def test_one_stored_key_serves_one_endpoint(
    stored: Any, options: Any, run: str | None, gateway: str | None
) -> None:
    with Emulator(rules=AccountRules(stored_keys=stored)) as emulator:
        for endpoint, source in (("run", run), ("gateway", gateway)):
            asked = len(list(emulator.requests))
            try:
                model_of(emulator, endpoint=endpoint, gateway=options).invoke("hi")
            except (CloudflareInvalidRequestError, ValueError):
                assert source is None
                continue
            assert list(emulator.requests)[asked].key_source == source


def test_a_log_entry_has_cloudflares_cost() -> None:
    with Emulator() as emulator:
        model = model_of(emulator)
        message = model.invoke("hi")
        entry = model.read_log(message)
        assert entry["cost"] == pytest.approx(cost(message))
        assert entry["id"] == message.response_metadata["gateway"]["log_id"]
        assert message.usage_metadata
        assert entry["tokens_in"] == message.usage_metadata["input_tokens"]
        model.send_feedback(message, feedback=1)
        assert model.read_log(message)["feedback"] == 1
        with pytest.raises(CloudflareGeminiError, match="some seconds"):
            model.read_log("0" * 36)


def test_the_accounts_models_are_listed() -> None:
    with Emulator() as emulator:
        models = model_of(emulator).list_models()
        assert len(models) > 5
        assert not any(model.packaged for model in models)

"""Model ids: what may be asked for, and what it is called where."""

import pytest

from langchain_cf_gemini import CloudflareNotFoundError
from tests.support.models import Cloudflare, refusal, silent


@pytest.mark.parametrize(
    ("model", "expected", "google"),
    [
        ("gemini-3-flash", "gemini-3-flash", "gemini-3-flash-preview"),
        ("google/gemini-3-flash", "gemini-3-flash", "gemini-3-flash-preview"),
        ("  gemini-3-flash ", "gemini-3-flash", "gemini-3-flash-preview"),
        ("gemini-3-flash-preview", "gemini-3-flash", "gemini-3-flash-preview"),
        ("models/gemini-3.1-pro-preview", "gemini-3.1-pro", "gemini-3.1-pro-preview"),
        ("gemini-2.5-flash", "gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini-9-flash", "gemini-9-flash", "gemini-9-flash"),
        ("google/gemini-9-pro-preview", "gemini-9-pro-preview", "gemini-9-pro-preview"),
    ],
)
def test_a_model_goes_by_its_bare_id_and_by_googles(
    model: str, expected: str, google: str
) -> None:
    cloudflare = Cloudflare()
    asked = cloudflare.model(model=model)
    asked.invoke("hi", endpoint="run")
    asked.invoke("hi", endpoint="gateway")
    run, gateway = cloudflare.requests
    assert f'"google/{expected}"' in run.content.decode()
    assert f"/models/{google}:generateContent" in str(gateway.url)


@pytest.mark.parametrize("before", ["", "google/", "models/", " google/models/"])
def test_googles_id_can_be_overridden(before: str) -> None:
    cloudflare = Cloudflare()
    name = f"{before}gemini-3-flash-002"
    cloudflare.model(google_model=name, endpoint="gateway").invoke("hi")
    assert "/v1beta/models/gemini-3-flash-002:" in str(cloudflare.requests[0].url)
    with pytest.raises(ValueError, match="isn't a model ID"):
        silent(google_model="a:generateContent?x=")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("", "non-empty string"),
        ("   ", "non-empty string"),
        ("google/", "isn't a model ID"),
        ("dynamic/support", r"dynamic route.*only OpenAI's format.*v1/.*/compat"),
        ("cloudflare/auto", r"own router.*only OpenAI's format.*ai/v1"),
        ("@cf/meta/llama-3.1-8b-instruct", "ChatCloudflareWorkersAI"),
        ("google-ai-studio/gemini-2.5-pro", "Pass only the model"),
        ("openai/gpt-5", "isn't a Gemini model"),
        ("anthropic/claude", "isn't a Gemini model"),
        ("vertex_ai/gemini-3-flash", "Pass only the model: 'gemini-3-flash'"),
        ("google_genai:gemini-3-flash", "Pass only the model: 'gemini-3-flash'"),
        ("cloudflare_gemini:gemini-3-flash", "Pass only the model: 'gemini-3-flash'"),
        ("publishers/google/models/gemini-3-flash", "Pass only the model"),
        ("google/imagen-4", "creates images"),
        ("imagen-4", "creates images"),
        ("models/veo-3.1-fast", "creates videos"),
        ("gemini-embedding-001", "creates embeddings"),
        ("google/text-embedding-004", "creates embeddings"),
        ("google/veo-3.1-fast", "creates videos"),
        ("google/nano-banana-pro", "creates images"),
        ("../../secrets", "isn't a model ID"),
        ("google/..", "isn't a model ID"),
        ("gemini..3", "isn't a model ID"),
        ("gemini-3-flash:generateContent", "isn't a model ID"),
        ("gemini 3", "isn't a model ID"),
        ("gemini-3-flash?key=x", "isn't a model ID"),
        ("gemini-3-flash#", "isn't a model ID"),
        ("gemini-3-flash\r\nx: y", "isn't a model ID"),
        ("gemini-3-%66lash", "isn't a model ID"),
        ("gémini", "isn't a model ID"),
        ("g" * 129, "isn't a model ID"),
    ],
)
def test_other_ids_are_refused_with_what_to_use(model: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        silent(model=model)
    assert "Value error" not in str(caught.value)  # pydantic's word for each of them


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("gemini-2.5-pro", "gemini-2.5-pro was replaced by gemini-3.8-flash. Use that"),
        ("gemini-3-flesh", "Similar models: gemini-3-flash"),
        ("x", r"Similar models: gemini-[^,]+, gemini-[^,]+, gemini-[^,]+\."),
    ],
)
def test_a_missing_model_comes_with_another(model: str, message: str) -> None:
    cloudflare = Cloudflare(refusal(404, 5007, "No such model"))
    with pytest.raises(CloudflareNotFoundError, match=message):
        cloudflare.model(model=model).invoke("hi")


def test_a_model_that_nothing_replaces_gets_no_other() -> None:
    cloudflare = Cloudflare(refusal(404, 5007, "No such model"))
    with pytest.raises(CloudflareNotFoundError) as caught:
        cloudflare.model(model="gemini-3-flash").invoke("hi")
    assert "Similar" not in str(caught.value)
    assert "replaced" not in str(caught.value)

"""Credentials: where they come from, what is pasted wrongly, how they travel."""

import pickle
from typing import Any

import pytest
from langchain_core.load import dumps, loads

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.gateway import GatewayOptions
from tests.support.models import ACCOUNT, TOKEN, Cloudflare, Json, silent

KEY, TOKEN2 = "AIza-a-key-of-mine-nobody-sees", "a-gateway-token-nobody-sees"
SECRET = "an-access-secret-nobody-sees"
HEADERS = {"CF-Access-Client-Id": "id.access", "CF-Access-Client-Secret": SECRET}


def made(**settings: Any) -> ChatCloudflareGemini:
    given: Json = {"model": "gemini-3-flash", "account_id": ACCOUNT, "api_token": TOKEN}
    return ChatCloudflareGemini(**{**given, **settings})


# ---- the environment


VARIABLES: list[tuple[Json, str, str | None]] = [
    ({"CLOUDFLARE_ACCOUNT_ID": "a", "CF_ACCOUNT_ID": "b"}, "account_id", "a"),
    ({"CLOUDFLARE_ACCOUNT_ID": "", "CF_ACCOUNT_ID": "b"}, "account_id", "b"),
    ({"CF_ACCOUNT_ID": "b"}, "account_id", "b"),
    ({"CF_AI_API_TOKEN": "x"}, "api_token", "x"),
    ({"CLOUDFLARE_API_TOKEN": "", "CF_API_TOKEN": "y"}, "api_token", "y"),
    ({"CF_AIG_TOKEN": TOKEN2}, "gateway_token", TOKEN2),
    ({"CLOUDFLARE_GATEWAY_TOKEN": TOKEN2}, "gateway_token", TOKEN2),
    ({"CF_AIG_TOKEN": "", "CLOUDFLARE_AI_GATEWAY_TOKEN": "x"}, "gateway_token", "x"),
    ({}, "gateway_token", None),
    ({"GOOGLE_API_KEY": KEY, "GEMINI_API_KEY": KEY}, "google_api_key", None),
    ({"CLOUDFLARE_BASE_URL": "https://x.test"}, "base_url", "https://x.test"),
    ({"CLOUDFLARE_BASE_URL": ""}, "base_url", "https://api.cloudflare.com/client/v4"),
    ({"CLOUDFLARE_GATEWAY_BASE_URL": "https://x.test"}, "gateway_base_url",
     "https://x.test"),
    ({}, "gateway_base_url", "https://gateway.ai.cloudflare.com/v1"),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "field", "value"), VARIABLES)
@pytest.mark.parametrize("is_none", [False, True])
def test_variables(
    variables: Json, field: str, value: Any, is_none: bool, monkeypatch: Any
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    given: Json = {"account_id": ACCOUNT, "api_token": TOKEN}
    given.pop(field, None)
    given |= {field: None} if is_none else {}
    found = getattr(ChatCloudflareGemini(model="gemini-3-flash", **given), field)
    shown = found if isinstance(found, str | None) else found.get_secret_value()
    assert shown == value


@pytest.mark.parametrize(
    ("options", "gateway"),
    [
        (None, "from-env"),
        ({"cache_ttl": 60}, "from-env"),
        ("mine", "mine"),
        ({"id": "mine"}, "mine"),
        ({"id": None}, "default"),
    ],
)
def test_the_environment_names_the_gateway(
    options: Any, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_GATEWAY_ID", "from-env")
    model = made(gateway=options or GatewayOptions())
    assert model.gateway.gateway_id == gateway
    later: Any = made()
    later.gateway = options
    assert later.gateway.gateway_id == gateway
    monkeypatch.setenv("CLOUDFLARE_GATEWAY_ID", "")
    assert made().gateway.gateway_id == "default"


# ---- what is pasted wrongly

FORTY = "Sn3lZJTBX6kkg7OdcBUAxOO963GEIyGQqnFTOFYY"


# By field: what is pasted, and what the error says of it.
WRONG: dict[str, list[tuple[Any, str]]] = {
    "account_id": [
        (f"cfut_{FORTY}1a2b3c4d", "32 hexadecimal digits"),
        (f"cfat_{FORTY}", "32 hexadecimal digits"),
        (FORTY, "32 hexadecimal digits"),
        ("Bearer abc", "32 hexadecimal digits"),
        ("me@example.com", "e-mail"),
        ("https://dash.cloudflare.com/abc", "address"),
        ("accounts/abc", "address"),
        ("<account_id>", "placeholder"),
        (f"\u201ccfut_{FORTY}\u201d", "it is a token"),
        (f"\u200b{FORTY}", "it is a token"),
        ("None", "placeholder"),
        ("%CF_ACCOUNT_ID%", "placeholder"),
        ("0123456789abcdef\n", "line break at its start or end"),
    ],
    "api_token": [
        (f"cfk_{FORTY}1a2b3c4d", "Global API Key"),
        ("c2547eb745079dac9320b638f5e225cf483cc", "Global API Key"),
        (f"Bearer {FORTY}", "without 'Bearer '"),
        (f"bearer {FORTY}", "without 'Bearer '"),
        (f'"{FORTY}"', "quotation marks"),
        ("$CLOUDFLARE_API_TOKEN", "placeholder"),
        ("${CF_API_TOKEN}", "placeholder"),
        ("<your token>", "placeholder"),
        ("YOUR_API_TOKEN", "placeholder"),
        ("your-api-token", "placeholder"),
        ("********", "placeholder"),
        ("undefined", "placeholder"),
        ("x" * 40, "placeholder"),
        ("CLOUDFLARE_API_TOKEN", "placeholder"),
        ("$env:CLOUDFLARE_API_TOKEN", "placeholder"),
        ("${{ secrets.CLOUDFLARE_API_TOKEN }}", "placeholder"),
        ("op://vault/cloudflare/token", "address"),
        ("0123456789abcdef0123456789abcdef", "account ID"),
        ("AIzaSyA1234567890", "google_api_key"),
        ("https://api.cloudflare.com", "address"),
        (f"CLOUDFLARE_API_TOKEN={FORTY}", "variable's name"),
        (f"export CF_TOKEN = {FORTY}", "variable's name"),
        (f"token {FORTY}", "a blank"),
        (f"{FORTY[:20]}\n{FORTY[20:]}", "a line break"),
        (f"{FORTY[:9]}\n{FORTY[9:20]}\n{FORTY[20:]}", "line break inside"),
        (f"Bearer {FORTY}\n", "without 'Bearer '"),
        (f'"{FORTY}\n"', "quotation marks"),
        (f"<\n{FORTY}>", "placeholder"),
        (f"https://a.example/\n{FORTY}", "address"),
        (f"TOKEN={FORTY}\n", "variable's name"),
        (f"sk-{FORTY}\n", "start or end"),
        (" token-of-a-test", "line break at its start or end"),
        ("sk-proj-123", "another provider"),
        ("hf_abc", "another provider"),
    ],
    "gateway_token": [
        (f"cfk_{FORTY}", "Global API Key"),
        (f"Bearer {FORTY}", "without 'Bearer '"),
    ],
    "google_api_key": [
        ("Bearer AIza", "without 'Bearer '"),
        ("'AIza'", "quotation marks"),
        ("", "leave it out"),
        (f"cfut_{FORTY}", "would go to Google"),
        (f"GOOGLE_API_KEY={FORTY}", "variable's name"),
    ],
    "base_url": [
        ("https://api.cloudflare.com", "client/v4"),
        ("https://api.cloudflare.com/client/v4/accounts/a/ai/v1", "client/v4"),
        ("https://api.cloudflare.com/client/v4/accounts/a/ai/run", "client/v4"),
        ("api.cloudflare.com/client/v4", "must start with https://"),
        ("https://gateway.ai.cloudflare.com/v1", "gateway_base_url"),
        ("https://ai.example.com/google-ai-studio", "gateway_base_url"),
        ("https://generativelanguage.googleapis.com", "Google's address"),
        ("https://dash.cloudflare.com", "dashboard's address"),
    ],
    "gateway_base_url": [
        ("https://gateway.ai.cloudflare.com", "and gateway="),
        ("https://gateway.ai.cloudflare.com/v1/a/b", "and gateway="),
        ("https://gateway.ai.cloudflare.com/v1/a/b/google-ai-studio", "and gateway="),
        ("https://api.cloudflare.com/client/v4", "base_url"),
        ("https://ai.example.com/google-ai-studio/v1beta", "custom domain"),
        ("https://ai.example.com/compat", "custom domain"),
        ("https://generativelanguage.googleapis.com/v1", "Google's address"),
    ],
    "default_headers": [
        ({"X-Goog-Api-Key": KEY}, "google_api_key"),
        ({"x-team": f"{FORTY}\n"}, "'x-team' contains invalid"),
        ({"x team": FORTY}, "header name contains invalid"),
        ({"Host": "a.example"}, "set by the connection"),
    ],
    "gateway": [({"cache_key": "greeting"}, "set on a model")],
    "gateway_metadata_keys": [
        (["user", "cf.user_id"], "reserves"),
        ({"user_id": "cf.user_id"}, "reserves"),
    ],
}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [(field, *row) for field, rows in WRONG.items() for row in rows],
)
def test_what_is_pasted_wrongly_is_told(field: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        made(**{field: value})
    if isinstance(value, str) and "token" in f"{field} {value}":
        assert FORTY not in str(caught.value)
    model = silent()
    setattr(model, field, value)
    with pytest.raises(ValueError, match=said):
        model.invoke("hi")


@pytest.mark.parametrize(
    "settings",
    [
        {"api_token": FORTY},
        {"api_token": f"cfut_{FORTY}1a2b3c4d"},
        {"api_token": f"cfat_{FORTY}1a2b3c4d"},
        {"account_id": "0123456789abcdef0123456789abcdef"},
        {"base_url": "https://proxy.example.com/cloudflare/client/v4"},
        {"base_url": "http://127.0.0.1:8787/client/v4/"},
        {"gateway_base_url": "https://proxy.example.com/v1"},
        {"gateway_base_url": "https://gateway.ai.cloudflare.com/v1/"},
        # Access's token in place of Google's key, as Cloudflare's page for CLIs does.
        {"google_api_key": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"},
    ],
)
def test_what_is_right_is_taken(settings: Json) -> None:
    assert made(**settings)


# ---- how they travel


def from_json(data: str) -> Any:
    named: Any = {"allowed_objects": [ChatCloudflareGemini],
                  "valid_namespaces": ["langchain_cf_gemini"]}  # fmt: skip
    return loads(data, secrets_from_env=True, **named)


WAYS_TO_TRAVEL: dict[str, tuple[Any, Any]] = {
    "pickle": (pickle.dumps, pickle.loads),
    "json": (dumps, from_json),
}


@pytest.mark.parametrize(
    ("settings", "variables"),
    [
        ({"google_api_key": KEY}, {"GOOGLE_API_KEY": KEY}),
        ({"gateway_token": TOKEN2}, {"CF_AIG_TOKEN": TOKEN2}),
        ({"default_headers": HEADERS},
         {"CLOUDFLARE_GEMINI_HEADER_CF_ACCESS_CLIENT_ID": "id.access",
          "CLOUDFLARE_GEMINI_HEADER_CF_ACCESS_CLIENT_SECRET": SECRET}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["pickle", "json"])
@pytest.mark.filterwarnings("ignore:The function `loads`")
def test_a_secret_that_did_not_travel_is_missed(
    settings: Json, variables: dict[str, str], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    # Somebody else's key is no key of ours.
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-of-the-machine")
    sent_away, arrived = WAYS_TO_TRAVEL[how]
    data = sent_away(made(**settings))
    for secret in (KEY, TOKEN2, SECRET, TOKEN):
        assert secret not in str(data)
    with pytest.raises(ValueError, match=r"isn't serialized|without a value"):
        arrived(data).invoke("hi")
    if how == "json" and "default_headers" in settings:
        return  # there they are always to be passed again
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    there = arrived(data)
    carrying = pickle.loads(pickle.dumps(made(**settings, carry_secrets=True)))
    assert carrying.api_token == there.api_token
    for name in settings:
        assert getattr(carrying, name) == getattr(made(**settings), name)
        assert getattr(there, name) == getattr(made(**settings), name)
    again = pickle.dumps(there)
    for name in variables:
        monkeypatch.delenv(name)
    with pytest.raises(ValueError, match="isn't serialized"):
        pickle.loads(again).invoke("hi")


def test_a_gateway_token_may_be_a_header() -> None:
    cloudflare = Cloudflare()
    header = {"cf-aig-authorization": f"Bearer {TOKEN2}"}
    cloudflare.model(endpoint="gateway", default_headers=header).invoke("hi")
    sent = cloudflare.requests[0].headers["cf-aig-authorization"]
    assert sent == f"Bearer {TOKEN2}"


# ---- times


def test_headers_that_are_bound_do_not_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    data = pickle.dumps(made().bind(temperature=1, default_headers=HEADERS))
    assert SECRET not in str(data)
    with pytest.raises(ValueError, match=r"Set CLOUDFLARE_GEMINI_HEADER_CF_ACCESS"):
        pickle.loads(data).invoke("hi")
    for name, value in HEADERS.items():
        variable = f"CLOUDFLARE_GEMINI_HEADER_{name.upper().replace('-', '_')}"
        monkeypatch.setenv(variable, value)
    there = pickle.loads(data)
    assert there.kwargs == {"temperature": 1}
    assert there.bound.default_headers == made(default_headers=HEADERS).default_headers
    carrying = made(carry_secrets=True).bind(default_headers=HEADERS)
    assert pickle.loads(pickle.dumps(carrying)).kwargs == carrying.kwargs


@pytest.mark.parametrize(
    ("settings", "options", "waits"),
    [
        ({"timeout": 1}, {"request_timeout": 4}, 1),
        ({"timeout": 5}, {"max_attempts": 5}, 5),
        ({}, {"max_attempts": 2, "retry_delay": 1}, 1201),
        ({"timeout": 600}, {"max_attempts": 5}, 600),
        ({"request_timeout": 600.0}, {"max_attempts": 5}, 600),
        ({}, {}, 600),
    ],
)
@pytest.mark.parametrize("of_call", [False, True])
def test_a_time_that_was_chosen_is_kept(
    settings: Json, options: Json, waits: float, of_call: bool
) -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(**({} if of_call else settings), gateway=options)
    model.invoke("hi", **(settings if of_call else {}))
    assert cloudflare.requests[0].extensions["timeout"]["read"] == waits

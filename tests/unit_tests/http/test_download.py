"""Which addresses may be asked for media, and which answers are taken."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_cf_gemini.exceptions import UnsupportedContentError
from tests.support.http import FetchSettings, afetch, fetch, is_public, shown_url

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.2.1",
    "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::",
    "2001:0:7f00:1::", "::ffff:0:127.0.0.1", "::127.0.0.1", "::8.8.8.8", "fec0::1",
    "192.88.99.1", "198.51.100.7", "203.0.113.7", "2001:db8::1", "3fff::1", "5f00::1",
    "100::1",
]  # fmt: skip


PUBLIC = ["1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.fault(row=59)
@pytest.mark.parametrize("address", PUBLIC + PRIVATE)
def test_private_addresses(address: str) -> None:
    assert is_public(address) is (address in PUBLIC)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_an_ipv6_one_is_as_private_as_alone(ip: object) -> None:
    if not is_public(str(ip)):
        assert not is_public(f"::ffff:{ip}")
        assert not is_public(f"64:ff9b::{ip}")


@pytest.mark.parametrize("url", [
    "file:///etc/passwd", "ftp://example.com/a.png", "gopher://example.com",
    "data:image/png;base64,AAAA", "//example.com/a.png", "a.png", "", "https://",
    "https://user:secret@example.com/a.png", "https://exa mple.com", "http://[::1",
    "http://example.com:99999/",
])  # fmt: skip
def test_urls_that_are_not_fetched_at_all(url: str) -> None:
    def never(_: str, __: int) -> list[str]:
        raise AssertionError("no name may be resolved")

    with pytest.raises(UnsupportedContentError) as caught:
        fetch([url], settings=FetchSettings(resolve=never))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", PRIVATE)
def test_names_of_private_addresses_are_refused(address: str) -> None:
    settings = FetchSettings(resolve=lambda _, __: ["1.1.1.1", address])
    with pytest.raises(UnsupportedContentError, match="isn't public"):
        fetch(["https://innocent.example/a.png"], settings=settings)
    with pytest.raises(UnsupportedContentError, match="isn't public"):
        asyncio.run(afetch(["https://innocent.example/a.png"], settings=settings))


def test_names_without_an_address_are_refused() -> None:
    with pytest.raises(UnsupportedContentError):
        fetch(["https://x.example/"], settings=FetchSettings(resolve=lambda _, __: []))

    def unknown(_: str, __: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(UnsupportedContentError, match="not known"):
        fetch(["https://x.example/"], settings=FetchSettings(resolve=unknown))


def test_signatures_are_not_shown() -> None:
    url = "https://user:pw@bucket.example/a.png?X-Amz-Signature=secret#frag"
    assert shown_url(url) == "https://bucket.example/a.png"
    assert len(shown_url("x" * 1000)) <= 200

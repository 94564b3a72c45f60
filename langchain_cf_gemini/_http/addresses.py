"""Which addresses are reachable from the whole internet.

The lists are IANA's registries of special purposes, written down because those of
Python's `ipaddress` differ from one patch release to the next:
https://www.iana.org/assignments/iana-ipv4-special-registry/ and
https://www.iana.org/assignments/iana-ipv6-special-registry/.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

_NOT_PUBLIC_V4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3",
    )
]  # fmt: skip
_PUBLIC_V6 = IPv6Network("2000::/3")
# Of these: tunnels to anywhere, benchmarks, identifiers and examples.
_NOT_PUBLIC_V6 = [
    IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
# IPv4 in IPv6: as a system writes it, and as networks without IPv4 resolve it.
_MAPPED_V4 = [IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")]


def is_public(address: str) -> bool:
    """Whether an address is reachable from the whole internet."""
    ip = ip_address(address.partition("%")[0])
    if any(ip in network for network in _MAPPED_V4):
        ip = IPv4Address(ip.packed[-4:])
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_V4)
    return ip in _PUBLIC_V6 and not any(ip in network for network in _NOT_PUBLIC_V6)

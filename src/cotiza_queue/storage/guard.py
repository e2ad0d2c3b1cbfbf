"""Which web address we are willing to fetch from. A stranger names it, our network is behind us.

The URL is taken apart by one strict grammar, and the request is later built from these very parts,
so that no second parser can read it otherwise. A host is a name of plain ASCII, or an address in
its one canonical form. Whether an address may be reached is asked for the address itself, after the
name was resolved; see ``fetch`` for the rest.

Refuses all that is not ``https://``: user information, backslashes, control and non-ASCII
characters, numbers that only some resolvers take for addresses (``127.1``, ``0x7f000001``), and
every address that is not public.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

from ..errors import InvalidData

Address = IPv4Address | IPv6Address

MAX_URL_CHARACTERS = 2048
"""As the wire accepts (``jobtypes.common.Url``); redirects are held to it too."""
HTTPS_PORT = 443

_URL = re.compile(
    r"https://(?P<host>\[[0-9a-f:.]+\]|[0-9a-z._-]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>[/?][\x21-\x5b\x5d-\x7e]*)?",
    re.ASCII | re.IGNORECASE,  # without ASCII, the Kelvin sign would pass for a k
)
_NAME = re.compile(r"(?!-)[0-9a-z_-]{1,63}(?<!-)(?:\.(?!-)[0-9a-z_-]{1,63}(?<!-))*")
_MAX_NAME_CHARACTERS = 253  # RFC 1035 §2.3.4, without the root's dot
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its updates), less what is globally
# reachable.
_CLOSED_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; Alibaba Cloud's metadata too
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's services for its machines (Microsoft Learn)
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle Cloud's metadata too
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, withdrawn
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Only 2000::/3 is given out as global unicast (IANA IPv6 Address Space); these parts of it are not
# for the public.
_OPEN_6 = IPv6Network("2000::/3")
_CLOSED_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, withdrawn by RFC 7526; carries an IPv4 address
        "3fff::/20",  # documentation, RFC 9637
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the IPv4 address is the last 32 bits


class Target(NamedTuple):
    """An acceptable URL in its parts. ``path`` begins with ``/`` and includes the query; ``host``
    has no brackets.
    """

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTPS_PORT else f"{host}:{self.port}"


def check_url(url: str) -> Target:
    """The parts of an ``https://`` URL. Raises InvalidData with the code ``forbidden_url``."""
    if len(url) > MAX_URL_CHARACTERS:
        raise forbidden(f"it is longer than {MAX_URL_CHARACTERS} characters")
    match = _URL.fullmatch(url.partition("#")[0])
    if match is None:
        raise forbidden("it is not a plain https:// URL")
    host, port, path = match["host"].lower(), int(match["port"] or HTTPS_PORT), match["path"] or "/"
    if not 1 <= port <= 65535:
        raise forbidden("its port does not exist")
    return Target(_check_host(host), port, path if path.startswith("/") else "/" + path)


def literal(host: str) -> Address | None:
    """The address that a checked host is, or None if it is a name."""
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(host)
    except AddressValueError:
        return None


def is_public(address: Address) -> bool:
    """True if the address may belong to a stranger's public server.

    An IPv4 address inside an IPv6 one (mapped, or for NAT64) is judged as itself; in all other
    forms it is refused.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_4)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _OPEN_6 and not any(address in network for network in _CLOSED_6)


def forbidden(reason: str) -> InvalidData:
    """The error for a URL that we refuse. The reason never quotes it: a URL may hold a secret."""
    return InvalidData(
        f"that URL can't be used: {reason}",
        code="forbidden_url",
        remedy="Upload the file, or give the https:// URL of a public server.",
    )


def _check_host(host: str) -> str:
    if host.startswith("["):
        address = literal(host[1:-1])
        if not isinstance(address, IPv6Address):
            raise forbidden("its host is not an IPv6 address")
        return str(address)
    if _NUMBER.fullmatch(host.rpartition(".")[2]) and literal(host) is None:
        raise forbidden("its host is a number but not an address")
    if len(host) > _MAX_NAME_CHARACTERS or not _NAME.fullmatch(host):
        raise forbidden("its host is not a name")
    return host

"""Which addresses and URLs are refused before a single byte is sent."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from cotiza_queue.errors import InvalidData
from cotiza_queue.storage.guard import MAX_URL_CHARACTERS, Target, check_url, is_public

CLOSED = [
    "0.0.0.0",  # noqa: S104 not bound to, refused
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]
OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_inside_some_network_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", OPEN)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://cad.example", Target("cad.example", 443, "/")),
        ("https://CAD.Example:8443/a/b?c=%2F#part", Target("cad.example", 8443, "/a/b?c=%2F")),
        ("https://my_bucket.s3.example/x", Target("my_bucket.s3.example", 443, "/x")),
        ("https://xn--pea-jma.example/x", Target("xn--pea-jma.example", 443, "/x")),
        ("https://cad.example?x=@", Target("cad.example", 443, "/?x=@")),
        ("https://1.1.1.1/x", Target("1.1.1.1", 443, "/x")),
        ("https://[2606:4700:0::1111]:444/x", Target("2606:4700::1111", 444, "/x")),
        ("HTTPS://3d.example/", Target("3d.example", 443, "/")),
    ],
)
def test_an_honest_url_is_taken_apart(url: str, target: Target) -> None:
    assert check_url(url) == target


def test_the_host_header_names_the_port_only_if_it_is_not_the_usual_one() -> None:
    assert check_url("https://cad.example:443/").authority == "cad.example"
    assert check_url("https://[2606:4700::1111]:444/").authority == "[2606:4700::1111]:444"


@pytest.mark.parametrize(
    "url",
    [
        # schemes
        "http://cad.example/x",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "gopher://cad.example/x",
        "ftp://cad.example/x",
        "data:text/plain,x",
        "https:/cad.example/x",
        "https:///x",
        "https://",
        "//cad.example/x",
        "",
        # what parsers disagree on
        "https://good@127.0.0.1/",
        "https://user:password@cad.example/",
        "https://127.0.0.1\\@good/",
        "https://cad.example/a\\b",
        "https://cad.example/a\r\nX: y",
        "https://cad.example/a b",
        "https://cad.example/\x00",
        " https://cad.example/",
        "https://good。com/",
        "https://ⓔxample.com/",
        "https://①②⑦.⓪.⓪.①/",
        "https://\u212aad.example/",  # the Kelvin sign, a k to a careless ignore-case
        "http\u017f://cad.example/",  # the long s, likewise
        "https://cad.example/ñ",
        "https://%6c%6fcalhost/",
        "https://cad.example:0/",
        "https://cad.example:65536/",
        "https://cad.example:8x/",
        "https://cad.example:/x",
        "https://-cad.example/",
        "https://cad..example/",
        "https://cad.example./",
        "https://[::1",
        "https://[::1%25eth0]/",
        "https://[::g]/",
        "https://[1.2.3.4]/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 127 + "example/",
        # numbers that some resolvers take for 127.0.0.1 or 0.0.0.0
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://127.0.0.0x1/",
        "https://0x7f.1/",
        "https://0/",
        "https://0x/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
    ],
)
def test_a_url_that_can_be_read_two_ways_is_refused(url: str) -> None:
    with pytest.raises(InvalidData) as caught:
        check_url(url)
    assert caught.value.code == "forbidden_url"


def test_a_url_has_a_longest_length() -> None:
    start = "https://cad.example/"
    check_url(start + "x" * (MAX_URL_CHARACTERS - len(start)))
    with pytest.raises(InvalidData):
        check_url(start + "x" * (MAX_URL_CHARACTERS - len(start) + 1))


def test_a_refusal_does_not_repeat_the_url() -> None:
    with pytest.raises(InvalidData) as caught:
        check_url("http://cad.example/x?X-Amz-Signature=secret")
    assert "secret" not in f"{caught.value} {caught.value.remedy} {caught.value.details}"

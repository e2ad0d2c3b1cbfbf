"""Keys from an identity provider: a real HTTP server whose answers the tests choose."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from api_support import claims
from cotiza_api.app import open_gate
from cotiza_api.auth import Gate
from cotiza_api.errors import IdentityUnavailable, Unauthorized
from cotiza_api.jwks import COOLDOWN_S, FRESH_S, MAX_BYTES, STALE_S
from cotiza_queue import Settings
from cotiza_queue.clock import SystemClock

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


class HandClock(SystemClock):
    """The real time of day; a monotonic clock that moves when told to."""

    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


class Provider:
    """An identity provider. ``body`` None: it fails. ``asked``: how often it was."""

    def __init__(self) -> None:
        self.body: bytes | None = b""
        self.asked = 0

    def publish(self, *members: dict[str, Any]) -> None:
        self.body = json.dumps({"keys": members}).encode()


def member(key: Any, kid: str, **changes: Any) -> dict[str, Any]:
    """A JWK as a provider publishes it."""
    kind = jwt.algorithms.RSAAlgorithm if key is RSA else jwt.algorithms.ECAlgorithm
    found: dict[str, Any] = json.loads(kind.to_jwk(key.public_key()))
    found.pop("key_ops", None)
    return found | {"kid": kid, "use": "sig"} | changes


@pytest.fixture
def provider() -> Iterator[Provider]:
    given = Provider()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given.asked += 1
            self.send_response(200 if given.body is not None else 500)
            self.end_headers()
            self.wfile.write(given.body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    given.url = f"http://127.0.0.1:{server.server_port}/keys"  # type: ignore[attr-defined]
    yield given
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def gate(provider: Any, clock: HandClock) -> Gate:
    return open_gate(Settings(jwks_url=provider.url), clock)


async def admit(gate: Gate, key: Any, kid: str | None, algorithm: str) -> str:
    headers = {"kid": kid} if kid else None
    made = jwt.encode(claims(), key, algorithm=algorithm, headers=headers)
    return (await gate.admit([f"Bearer {made}"])).tenant


async def test_each_key_of_the_set_admits_its_own_tokens(gate: Gate, provider: Provider) -> None:
    provider.publish(member(RSA, "one"), member(EC, "two"))
    assert await admit(gate, RSA, "one", "RS256") == "acme"
    assert await admit(gate, EC, "two", "ES256") == "acme"
    for kid in ("two", "three", None):
        with pytest.raises(Unauthorized):
            await admit(gate, RSA, kid, "RS256")
    assert provider.asked == 1


async def test_a_single_key_needs_no_id(gate: Gate, provider: Provider) -> None:
    provider.publish(member(RSA, "one"))
    assert await admit(gate, RSA, None, "RS256") == "acme"


async def test_a_new_key_is_fetched_once_the_cooldown_is_over(
    gate: Gate, provider: Provider, clock: HandClock
) -> None:
    provider.publish(member(RSA, "one"))
    await admit(gate, RSA, "one", "RS256")
    provider.publish(member(EC, "two"))
    for _ in range(3):
        with pytest.raises(Unauthorized):
            await admit(gate, EC, "two", "ES256")
    assert provider.asked == 1
    clock.seconds += COOLDOWN_S
    assert await admit(gate, EC, "two", "ES256") == "acme"
    with pytest.raises(Unauthorized):
        await admit(gate, RSA, "one", "RS256")


async def test_known_keys_serve_on_while_the_provider_is_away_for_a_day(
    gate: Gate, provider: Provider, clock: HandClock
) -> None:
    provider.publish(member(RSA, "one"))
    await admit(gate, RSA, "one", "RS256")
    provider.body = None
    clock.seconds += FRESH_S + 1
    assert await admit(gate, RSA, "one", "RS256") == "acme"
    assert provider.asked == 2
    clock.seconds += STALE_S
    with pytest.raises(IdentityUnavailable):
        await admit(gate, RSA, "one", "RS256")


@pytest.mark.parametrize("body", [None, b"no json", b"[]", b'{"keys": 7}', b" " * (MAX_BYTES + 1)])
async def test_without_keys_nobody_is_let_in_and_the_fault_is_ours(
    gate: Gate, provider: Provider, body: bytes | None
) -> None:
    provider.body = body
    with pytest.raises(IdentityUnavailable) as away:
        await admit(gate, RSA, "one", "RS256")
    assert away.value.http_status == 503


@pytest.mark.parametrize(
    "unusable",
    [
        member(RSA, "one", use="enc"),
        member(RSA, "one", alg="RS512"),
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "one"},
        {"kty": "RSA", "kid": "one"},
    ],
)
async def test_keys_that_are_not_for_this_are_passed_over(
    gate: Gate, provider: Provider, unusable: dict[str, Any]
) -> None:
    provider.publish(unusable, member(EC, "two"))
    with pytest.raises(Unauthorized):
        await admit(gate, RSA, "one", "RS256")
    assert await admit(gate, EC, "two", "ES256") == "acme"

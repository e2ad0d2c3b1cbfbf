"""Tokens whose signature is remembered: nobody gets in by it who would not get in without."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import jwt
import pytest

from api_support import SECRET, claims
from cotiza_api.auth import LEEWAY_S, MAX_VERIFIED, Gate, OneKey, VerifyKey, secret_key
from cotiza_api.errors import Unauthorized
from cotiza_queue.clock import SystemClock


class HandClock(SystemClock):
    """A time of day that moves when told to."""

    def __init__(self) -> None:
        self.ahead_s = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_s * 1000


class Ring:
    """Keys that come and go."""

    def __init__(self) -> None:
        self.now: VerifyKey | None = secret_key(SECRET)

    async def key(self, kid: str | None) -> VerifyKey | None:
        return self.now


def signed(secret: str = SECRET, **changes: Any) -> list[str]:
    """The Authorization header of a token."""
    return [f"Bearer {jwt.encode(claims(**changes), secret, algorithm='HS256')}"]


async def test_a_token_that_was_let_in_is_refused_once_it_has_expired() -> None:
    clock = HandClock()
    gate = Gate(OneKey(secret_key(SECRET)), clock)
    header = signed(exp=clock.now_ms() // 1000 + 60)
    assert (await gate.admit(header)).tenant == "acme"
    clock.ahead_s = 59 + LEEWAY_S - 1
    assert (await gate.admit(header)).tenant == "acme"
    clock.ahead_s = 60 + LEEWAY_S
    with pytest.raises(Unauthorized, match="expired"):
        await gate.admit(header)


async def test_a_token_that_was_let_in_is_refused_once_its_key_is_gone_or_another() -> None:
    ring, header = Ring(), signed()
    gate = Gate(ring, SystemClock())
    assert (await gate.admit(header)).tenant == "acme"
    ring.now = None
    with pytest.raises(Unauthorized, match="key is not known"):
        await gate.admit(header)
    ring.now = secret_key(secrets.token_hex(32))
    for _ in range(2):
        with pytest.raises(Unauthorized, match="signature does not hold"):
            await gate.admit(header)
    ring.now = secret_key(SECRET)
    assert (await gate.admit(header)).tenant == "acme"


async def test_beside_a_good_token_none_that_resembles_it_gets_in() -> None:
    gate = Gate(OneKey(secret_key(SECRET)), SystemClock())
    good = signed()[0]
    assert (await gate.admit([good])).tenant == "acme"
    head, payload, signature = good.removeprefix("Bearer ").split(".")
    other = base64.urlsafe_b64encode(
        base64.urlsafe_b64decode(payload + "==").replace(b"acme", b"evil")
    )
    flipped = signature[:-2] + ("AA" if signature[-2:] != "AA" else "BB")
    for token in (
        f"{head}.{other.rstrip(b'=').decode()}.{signature}",
        f"{head}.{payload}.{flipped}",
        f"{head}.{payload}.",
        f"{head}.{payload}.{signature}A",
    ):
        with pytest.raises(Unauthorized):
            await gate.admit([f"Bearer {token}"])
    assert (await gate.admit([good])).tenant == "acme"


async def test_a_refused_token_is_not_remembered_and_of_many_good_ones_the_first_is_forgotten() -> (
    None
):
    gate = Gate(OneKey(secret_key(SECRET)), SystemClock())
    with pytest.raises(Unauthorized):
        await gate.admit(signed(secrets.token_hex(32)))
    assert not gate._verified
    first = signed(sub="number-0")
    await gate.admit(first)
    remembered = next(iter(gate._verified))
    for number in range(1, MAX_VERIFIED):
        await gate.admit(signed(sub=f"number-{number}"))
    assert (len(gate._verified), remembered in gate._verified) == (MAX_VERIFIED, True)
    await gate.admit(signed(sub=f"number-{MAX_VERIFIED}"))
    assert (len(gate._verified), remembered in gate._verified) == (MAX_VERIFIED, False)
    assert (await gate.admit(first)).user == "number-0"

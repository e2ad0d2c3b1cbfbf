"""Keys published by an identity provider (RFC 7517), fetched now and then and kept.

Refuses symmetric keys, keys that are not for signing, and sets larger than 256 KiB. While the
provider is away, known keys serve on for a day; a flood of unknown key ids causes one fetch per
cooldown.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jwt
import msgspec

from cotiza_queue.clock import Clock
from cotiza_queue.errors import ConfigurationError

from .auth import VerifyKey, algorithm_of
from .errors import IdentityUnavailable

FRESH_S = 600.0
STALE_S = 24 * 3600.0
COOLDOWN_S = 10.0
TIMEOUT_S = 5.0
MAX_BYTES = 256 * 1024
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class JwksKeys:
    """The keys behind a URL; https, or http on this machine. Raises ConfigurationError for another
    URL.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ConfigurationError("JWKS_URL must begin with https://")
        self._url = url
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: dict[str, VerifyKey] = {}
        self._fetched_s: float | None = None
        self._tried_s: float | None = None

    async def key(self, kid: str | None) -> VerifyKey | None:
        """The key of that id; without an id, the only key there is. Raises IdentityUnavailable."""
        if self._age(self._fetched_s) > FRESH_S or self._pick(kid) is None:
            await self._refresh()
        if self._age(self._fetched_s) > STALE_S:
            raise IdentityUnavailable("the identity provider's keys can't be fetched")
        return self._pick(kid)

    def _pick(self, kid: str | None) -> VerifyKey | None:
        if kid is not None:
            return self._keys.get(kid)
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    async def _refresh(self) -> None:
        async with self._lock:
            if self._age(self._tried_s) < COOLDOWN_S:
                return
            self._tried_s = self._clock.monotonic()
            try:
                self._keys = read_keys(await self._fetch())
            except (httpx2.HTTPError, ValueError, TimeoutError):
                return  # the keys at hand serve on until they are too old
            self._fetched_s = self._clock.monotonic()

    async def _fetch(self) -> bytes:
        body = bytearray()
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client,
            client.stream("GET", self._url, headers={"accept": "application/json"}) as answer,
        ):
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError("the key set is too large")
        return bytes(body)

    def _age(self, moment_s: float | None) -> float:
        return float("inf") if moment_s is None else self._clock.monotonic() - moment_s


def read_keys(document: bytes) -> dict[str, VerifyKey]:
    """The usable keys of a JWK set, by key id. Raises ValueError if it is no JWK set."""
    members = msgspec.json.decode(document, type=dict[str, Any]).get("keys")
    if not isinstance(members, list):
        raise ValueError("not a JWK set")
    keys: dict[str, VerifyKey] = {}
    for member in members:
        key = _usable(member)
        if key is not None:
            keys[str(member.get("kid", ""))] = key
    return keys


def _usable(member: Any) -> VerifyKey | None:
    if not isinstance(member, dict) or member.get("use", "sig") != "sig":
        return None
    try:
        material = jwt.PyJWK(member).key
    except (jwt.PyJWTError, ValueError, KeyError, TypeError):
        return None
    algorithm = algorithm_of(material)
    if algorithm is None or member.get("alg", algorithm) != algorithm:
        return None
    return VerifyKey(material, algorithm)

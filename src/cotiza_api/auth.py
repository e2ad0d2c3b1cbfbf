"""Who is calling: a bearer token in, a ``Caller`` out, or 401.

The library checks signatures; the claims are checked here, strictly, against the clock that was
handed in. The key decides the algorithm, never the token's header. Headers that name keys (``jku``,
``x5u``, ``jwk``) are ignored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from cotiza_queue.clock import Clock
from cotiza_queue.errors import ConfigurationError
from cotiza_queue.model.ids import MAX_ACTOR
from cotiza_queue.settings import Settings
from cotiza_queue.wording import explain

from .errors import Unauthorized

MAX_TOKEN_BYTES = 8 * 1024
MIN_SECRET_BYTES = 32
"""HS256 keys shorter than the hash's output are refused (RFC 7518 §3.2)."""
MIN_RSA_BITS = 2048
"""RFC 7518 §3.3."""
MAX_LIFETIME_S = 24 * 3600
LEEWAY_S = 30
MAX_VERIFIED = 4096
"""Tokens whose signature is remembered to hold; about 1 KB each."""
_KID = re.compile(r"[\w-]{1,64}", re.ASCII)
_TENANT = re.compile(r"[0-9A-Za-z_.:@-]{1,64}")
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,256}")


class Role(IntEnum):
    """What a caller may do; each role includes those below it."""

    NOBODY = 0
    CUSTOMER = 1
    SUPPORT = 2
    OPERATOR = 3
    MANAGER = 4
    ADMIN = 5


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is calling. ``platform``: may act for every tenant."""

    user: str
    tenant: str
    role: Role
    platform: bool = False

    @property
    def reach(self) -> str | None:
        """The tenant whose things this caller sees; None: everyone's."""
        return None if self.platform else self.tenant

    @property
    def name(self) -> str:
        """The caller as histories keep it: what is printable of its subject, and not too long."""
        return "".join(filter(str.isprintable, self.user))[:MAX_ACTOR]


NOBODY = Caller(user="", tenant="", role=Role.NOBODY)
"""The caller of a public route."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a token's payload; other claims are ignored. Moments in seconds since the
    epoch, with or without a fraction (NumericDate, RFC 7519 §2).
    """

    sub: str
    exp: int | float
    iat: int | float | None = None
    nbf: int | float | None = None
    aud: str | list[str] | None = None
    iss: str | None = None
    tenant_id: str | None = None
    tenantId: str | None = None  # the claim's own spelling
    role: str | None = None
    roles: list[str] = []
    scope: str | list[str] = ""


class VerifyKey(msgspec.Struct, frozen=True):
    """A key and the one algorithm that it is for."""

    material: Any
    algorithm: str


class KeySource(Protocol):
    """Where keys come from."""

    async def key(self, kid: str | None) -> VerifyKey | None:
        """The key of that id, or the only one. Raises IdentityUnavailable."""
        ...


class OneKey:
    """A single key; a token's key id does not matter."""

    def __init__(self, key: VerifyKey) -> None:
        self._key = key

    async def key(self, kid: str | None) -> VerifyKey | None:  # noqa: ARG002 - there is but one
        return self._key


class _Verified(NamedTuple):
    """What a token says, which ``key`` has signed."""

    kid: str | None
    key: VerifyKey
    claims: Claims
    caller: Caller


class Gate:
    """Checks tokens. ``audience`` and ``issuer`` are checked when they are set.

    Of a token that was let in, the signature is not computed again while its key is the same. All
    that depends on the moment or on the settings is checked each time, and so is the key: a token
    whose key is no longer published is refused at once. Tokens are remembered by their hash, never
    themselves.
    """

    def __init__(
        self,
        keys: KeySource,
        clock: Clock,
        *,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._audience = audience
        self._issuer = issuer
        self._jws = jwt.PyJWS()
        self._verified: dict[bytes, _Verified] = {}

    async def admit(self, authorization: list[str]) -> Caller:
        """The caller whom the values of the Authorization header name. Raises Unauthorized,
        IdentityUnavailable.
        """
        token = _bearer(authorization)
        mark = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(mark)
        kid = _header(token).get("kid") if known is None else known.kid
        key = await self._keys.key(kid)
        if key is None:
            raise _refused("its key is not known")
        if known is not None and known.key is key:
            self._check(known.claims)
            return known.caller
        claims = _claims(self._signed(token, key))
        self._check(claims)
        caller = _caller(claims)
        self._remember(mark, _Verified(kid, key, claims, caller))
        return caller

    def _signed(self, token: str, key: VerifyKey) -> bytes:
        """The payload of a token, if its signature holds."""
        try:
            signed = self._jws.decode_complete(token, key.material, algorithms=[key.algorithm])
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise _refused("its signature does not hold") from None
        payload: bytes = signed["payload"]
        return payload

    def _remember(self, mark: bytes, verified: _Verified) -> None:
        """In place of the one that has been remembered longest, if there are many."""
        self._verified.pop(mark, None)
        if len(self._verified) >= MAX_VERIFIED:
            del self._verified[next(iter(self._verified))]
        self._verified[mark] = verified

    def _check(self, claims: Claims) -> None:
        now = self._clock.now_ms() / 1000
        if now >= claims.exp + LEEWAY_S:
            raise _refused("it has expired", "Get a new token.")
        if max(claims.iat or 0, claims.nbf or 0) > now + LEEWAY_S:
            raise _refused("it is not valid yet")
        life = claims.exp - now - LEEWAY_S if claims.iat is None else claims.exp - claims.iat
        if life > MAX_LIFETIME_S:
            raise _refused("it lives longer than 24 hours")
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud or []
        if self._audience is not None and self._audience not in audiences:
            raise _refused("its audience is another")
        if self._issuer is not None and claims.iss != self._issuer:
            raise _refused("its issuer is another")


def secret_key(secret: str) -> VerifyKey:
    """The key of JWT_SECRET. Raises ConfigurationError if it is too short to be safe."""
    material = secret.encode()
    if len(material) < MIN_SECRET_BYTES:
        raise ConfigurationError(
            f"JWT_SECRET has {len(material)} bytes; {MIN_SECRET_BYTES} is the least that is safe",
            remedy="Make one with: openssl rand -base64 48",
        )
    return VerifyKey(material, "HS256")


def public_key(pem: str) -> VerifyKey:
    """The key of JWT_PUBLIC_KEY (line breaks may be written ``\\n``). Raises ConfigurationError."""
    try:
        material = load_pem_public_key(pem.replace("\\n", "\n").encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError("JWT_PUBLIC_KEY is not a public key in PEM form") from None
    algorithm = algorithm_of(material)
    if algorithm is None:
        raise ConfigurationError(
            "JWT_PUBLIC_KEY is of a kind that is not used here",
            remedy="Use RSA of 2048 bits or more, EC P-256 or Ed25519.",
        )
    return VerifyKey(material, algorithm)


def algorithm_of(material: object) -> str | None:
    """The one algorithm for a public key, None if the key is of no use."""
    match material:
        case RSAPublicKey() if material.key_size >= MIN_RSA_BITS:
            return "RS256"
        case EllipticCurvePublicKey() if isinstance(material.curve, SECP256R1):
            return "ES256"
        case Ed25519PublicKey():
            return "EdDSA"
    return None


def check_settings(settings: Settings) -> None:
    """Raises ConfigurationError unless exactly one kind of key is set and, in production, who
    tokens are for and from.
    """
    given = [settings.jwt_secret, settings.jwt_public_key, settings.jwks_url]
    if sum(value is not None for value in given) != 1:
        raise ConfigurationError(
            "exactly one of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL must be set",
            remedy="The API never runs without. For a secret: openssl rand -base64 48",
        )
    if settings.environment == "production" and not (settings.jwt_audience and settings.jwt_issuer):
        raise ConfigurationError(
            "in production JWT_AUDIENCE and JWT_ISSUER must be set",
            remedy="Without them a token that was made for another service would be accepted here.",
        )


def _bearer(authorization: list[str]) -> str:
    if not authorization:
        raise Unauthorized(
            "this route needs a token", remedy="Send the header Authorization: Bearer <token>."
        )
    if len(authorization) > 1:
        raise _refused("there is more than one Authorization header")
    value = authorization[0]
    if len(value) > MAX_TOKEN_BYTES:
        raise _refused("it is longer than 8 KiB")
    scheme, _, token = value.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token.isascii():
        raise _refused("it is not a bearer token")
    return token


def _header(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        raise _refused("it is not a signed token")
    header = _strict_object(_decoded(parts[0]))
    kid = header.get("kid")
    if kid is not None and not (isinstance(kid, str) and _KID.fullmatch(kid)):
        raise _refused("its key id is not one")
    if "crit" in header:
        raise _refused("it needs an extension that is not known here")
    return header


def _claims(payload: bytes) -> Claims:
    try:
        return msgspec.convert(_strict_object(payload), Claims)
    except msgspec.ValidationError as error:
        fault = explain(error, Claims)
        raise _refused(f"a claim is wrong: {fault.path} {fault.message}") from None


def _caller(claims: Claims) -> Caller:
    tenants = {tenant for tenant in (claims.tenantId, claims.tenant_id) if tenant is not None}
    if len(tenants) != 1 or not _TENANT.fullmatch(tenant := tenants.pop()):
        raise _refused("it names no tenant, or not one")
    if not _SUBJECT.fullmatch(claims.sub):
        raise _refused("its subject is not one")
    words = {word.upper() for word in (*claims.roles, claims.role or "")}
    role = max((role for role in Role if role.name in words), default=Role.CUSTOMER)
    scopes = claims.scope.split() if isinstance(claims.scope, str) else claims.scope
    return Caller(
        user=claims.sub,
        tenant=tenant,
        role=max(role, Role.CUSTOMER),
        platform="platform" in scopes,
    )


def _strict_object(data: bytes) -> dict[str, Any]:
    """A JSON object whose names are unique and whose numbers are JSON's."""
    try:
        value = json.loads(
            data, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except (ValueError, RecursionError):
        raise _refused("it can't be read, or names something twice") from None
    if not isinstance(value, dict):
        raise _refused("it can't be read")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name occurs twice")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise _refused("it can't be read") from None


def _refused(reason: str, remedy: str | None = None) -> Unauthorized:
    return Unauthorized(f"the token is refused: {reason}", remedy=remedy)

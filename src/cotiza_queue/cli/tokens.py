"""Tokens for the development world: signed with a secret of its own data directory, and
short-lived.

Nothing here is for production: there, tokens come from the identity provider, and this package
only checks them.
"""

from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path

import jwt
import msgspec

from ..chance import Chance
from ..clock import Clock
from ..errors import ConfigurationError
from ..settings import Settings

LIFE_SECONDS = 24 * 3600
"""How long a development token is good for."""
SECRET_BYTES = 48
TENANT = "demo"
OTHER_TENANT = "other"


class Tokens(msgspec.Struct, frozen=True, rename="camel"):
    """Bearer tokens, ready to use. The first three are of tenant ``demo``, the last is an admin
    of ``other``.
    """

    admin: str
    manager: str
    customer: str
    other_tenant: str


def secret_file(data_dir: Path, chance: Chance) -> Path:
    """The file with the data directory's signing secret; made on first use, readable by its owner
    only.

    Two processes that make it at once agree on one: a finished file is linked into place, which
    only one can.
    """
    path = data_dir / "jwt-secret"
    if path.exists():
        return path
    secret = base64.urlsafe_b64encode(chance.random_bytes(SECRET_BYTES))
    descriptor, draft = tempfile.mkstemp(prefix="jwt-secret.", dir=data_dir)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
    return path


def make_tokens(settings: Settings, clock: Clock) -> Tokens:
    """Tokens that an API with these settings accepts. Raises ConfigurationError without
    ``JWT_SECRET``.
    """
    return Tokens(
        admin=_token(settings, clock, TENANT, "admin"),
        manager=_token(settings, clock, TENANT, "manager"),
        customer=_token(settings, clock, TENANT, "customer"),
        other_tenant=_token(settings, clock, OTHER_TENANT, "admin"),
    )


def _token(settings: Settings, clock: Clock, tenant: str, role: str) -> str:
    if settings.jwt_secret is None:
        raise ConfigurationError("there is no JWT_SECRET to sign development tokens with")
    now = clock.now_ms() // 1000
    claims: dict[str, str | int] = {
        "sub": f"{tenant}-{role}",
        "tenantId": tenant,
        "role": role,
        "iat": now,
        "exp": now + LIFE_SECONDS,
    }
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    return jwt.encode(claims, settings.jwt_secret, algorithm="HS256")

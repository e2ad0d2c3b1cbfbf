"""All settings, read once from a mapping of environment variables. No other module names one.

Any variable may instead be given as ``NAME_FILE`` with the path of a file that holds the value
(Docker secrets).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from .errors import ConfigurationError

Port = Annotated[int, Meta(ge=1, le=65535)]
PositiveInt = Annotated[int, Meta(ge=1)]
Environment = Literal["development", "production"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every knob of a deployment. The names in capitals are the environment variables, see
    ``VARIABLES``.
    """

    redis_url: str | None = None
    """``redis://``, ``rediss://`` or ``unix://``. None: an embedded server in ``data_dir``."""
    worker_service_url: str | None = None
    """Base URL of a remote analysis service. None: analysis runs in a local child process."""
    smtp_host: str | None = None
    smtp_port: Port = 587
    smtp_user: str | None = None
    smtp_password: str | None = None
    smtp_from: str = "Cotiza Studio <cotizaciones@localhost>"
    smtp_tls: Literal["auto", "starttls", "tls", "none"] = "auto"
    """auto: implicit TLS on port 465, STARTTLS wherever the server offers it, and required when a
    user is set.
    """
    aws_region: str = "us-east-1"
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = None
    s3_bucket: str | None = None
    """None: blobs lie in ``data_dir/files``."""
    s3_endpoint_url: str | None = None
    database_url: str | None = None
    """SQLAlchemy URL (``postgresql://…``). None: SQLite in ``data_dir``."""
    data_dir: Path = Path(".cotiza")
    jwt_secret: str | None = None
    jwt_public_key: str | None = None
    jwks_url: str | None = None
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    public_url: str = "http://127.0.0.1:8000"
    """Where users reach the API; download links start with it."""
    environment: Environment = "development"
    max_upload_bytes: PositiveInt = 200 * 1024 * 1024
    analysis_memory_bytes: PositiveInt = 4 * 1024**3
    """Address-space ceiling of one analysis child process."""
    lease_ms: Annotated[int, Meta(ge=1000, le=600_000)] = 10_000
    """How long a silent worker keeps its jobs. A dead worker's jobs start again within 1.25 leases.
    """
    drain_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 20_000
    """How long a worker that was asked to stop lets running jobs finish before it hands them back.
    """
    allow_eviction: bool = False
    """Let workers run on a Redis whose maxmemory-policy is not noeviction, and which loses jobs."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"


VARIABLES: dict[str, str] = {
    "REDIS_URL": "redis_url",
    "WORKER_SERVICE_URL": "worker_service_url",
    "SMTP_HOST": "smtp_host",
    "SMTP_PORT": "smtp_port",
    "SMTP_USER": "smtp_user",
    "SMTP_PASS": "smtp_password",
    "SMTP_FROM": "smtp_from",
    "SMTP_TLS": "smtp_tls",
    "AWS_REGION": "aws_region",
    "AWS_ACCESS_KEY_ID": "aws_access_key_id",
    "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
    "S3_BUCKET": "s3_bucket",
    "S3_ENDPOINT_URL": "s3_endpoint_url",
    "DATABASE_URL": "database_url",
    "COTIZA_DATA_DIR": "data_dir",
    "JWT_SECRET": "jwt_secret",
    "JWT_PUBLIC_KEY": "jwt_public_key",
    "JWKS_URL": "jwks_url",
    "JWT_AUDIENCE": "jwt_audience",
    "JWT_ISSUER": "jwt_issuer",
    "COTIZA_PUBLIC_URL": "public_url",
    "COTIZA_ENV": "environment",
    "COTIZA_MAX_UPLOAD_BYTES": "max_upload_bytes",
    "COTIZA_ANALYSIS_MEMORY_BYTES": "analysis_memory_bytes",
    "COTIZA_LEASE_MS": "lease_ms",
    "COTIZA_DRAIN_MS": "drain_ms",
    "COTIZA_ALLOW_EVICTION": "allow_eviction",
    "COTIZA_LOG_LEVEL": "log_level",
}
"""Environment variable → field of ``Settings``."""


def from_env(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables; an empty value counts as unset.

    Raises ConfigurationError that names the variable and the rule it breaks.
    """
    values: dict[str, Any] = {}
    for variable, field in VARIABLES.items():
        value = _read(environ, variable)
        if value:
            values[field] = value
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_convert)
    except msgspec.ValidationError as error:
        text = str(error)
        for variable, field in VARIABLES.items():
            text = text.replace(f"`$.{field}`", variable)
        raise ConfigurationError(
            f"a setting is wrong: {text}", remedy="Correct that variable."
        ) from None


def _read(environ: Mapping[str, str], variable: str) -> str | None:
    path = environ.get(f"{variable}_FILE")
    if not path:
        return environ.get(variable)
    if environ.get(variable):
        raise ConfigurationError(f"both {variable} and {variable}_FILE are set; keep one")
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise ConfigurationError(f"{variable}_FILE can't be read: {error}") from None


def _convert(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind)

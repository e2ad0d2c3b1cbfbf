"""What a server says of itself: version, memory, persistence, replication, clients, clock. Whatever
our user may not ask is left open (None).
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import AccessRefused, ConfigurationError, CotizaError, QueueUnavailable
from .connection import Connection

_SETTINGS = ("appendfsync", "maxclients", "min-replicas-to-write", "save")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Of one server. ``info``: the fields of INFO; ``settings``: those of CONFIG GET that matter.
    ``libraries``: names of the function libraries there. ``now_ms``: its clock. None: it does not
    tell.
    """

    info: dict[str, str] | None
    settings: dict[str, str] | None
    libraries: frozenset[str] | None
    now_ms: int


async def facts(connection: Connection) -> Facts:
    """Ask it. Raises QueueUnavailable, AccessRefused if it does not even tell the time."""
    seconds, micros = await connection.command("TIME")
    return Facts(
        info=_fields(await _may(connection, "INFO", "everything")),
        settings=_fields(await _may(connection, "CONFIG", "GET", *_SETTINGS)),
        libraries=_names(await _may(connection, "FUNCTION", "LIST", "LIBRARYNAME", "cotiza_*")),
        now_ms=int(seconds) * 1000 + int(micros) // 1000,
    )


async def refuse_eviction(connection: Connection) -> None:
    """Raises ConfigurationError if the server throws data away when its memory is full."""
    info = _fields(await _may(connection, "INFO", "memory")) or {}
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise ConfigurationError(
            f"this Redis has maxmemory-policy {policy}: when it is full, it throws away jobs",
            remedy="Set maxmemory-policy noeviction, or COTIZA_ALLOW_EVICTION=true to lose them.",
        )


async def _may(connection: Connection, *command: str) -> Any:
    try:
        return await connection.command(*command)
    except AccessRefused:
        return None
    except QueueUnavailable as error:
        # A server that is loading, or a replica without its primary, answers some questions.
        if error.said:
            return None
        raise
    except CotizaError as error:
        # A hosted server that has renamed or removed the command.
        if error.code == "redis":
            return None
        raise


def _fields(reply: Any) -> dict[str, str] | None:
    if reply is None:
        return None
    if isinstance(reply, dict):
        return {_text(name): _text(value) for name, value in reply.items()}
    lines = _text(reply).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _names(reply: Any) -> frozenset[str] | None:
    if reply is None:
        return None
    rows = (_fields(row if isinstance(row, dict) else _paired(row)) or {} for row in reply)
    return frozenset(row["library_name"] for row in rows)


def _paired(flat: list[Any]) -> dict[Any, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

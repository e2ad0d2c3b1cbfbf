"""Is a server fit to hold queues? One small function a check: its name, a word, and a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from ..errors import QueueUnavailable
from ..store.server import Facts

Level = Literal["ok", "warn", "fail"]
OLDEST = (7, 0)
CLOCK_MS = 1_000
"""How far the clocks of server and machine may be apart before it is said."""
_MEMORY_SHARE = 0.8
_CLIENTS_SHARE = 0.8


class Verdict(msgspec.Struct, frozen=True):
    """One check of a server. ``remedy`` is empty where all is well."""

    check: str
    level: Level
    text: str
    remedy: str = ""


def verdicts(found: Facts, library: str, here_ms: int) -> list[Verdict]:
    """All checks. ``library``: the name of our function library; ``here_ms``: our own clock."""
    said = [*_about_info(found.info), *_about_settings(found), _functions(found, library)]
    return [*said, _clock(found.now_ms - here_ms)]


def refusal(error: QueueUnavailable) -> Verdict:
    """What a server is that lets nobody write, or look: each of our calls to it fails like that."""
    return Verdict("calls", "fail", error.message, error.remedy or "")


def _about_info(info: dict[str, str] | None) -> Iterator[Verdict]:
    if info is None:
        yield Verdict("server", "warn", "INFO is not allowed", "Allow +info to this user.")
        return
    yield _version(info)
    yield _eviction(info)
    yield _memory(info)
    yield _persistence(info)
    yield _cluster(info)


def _about_settings(found: Facts) -> Iterator[Verdict]:
    info, settings = found.info or {}, found.settings
    if settings is None:
        remedy = "Run the doctor as a user with +config|get."
        yield Verdict("settings", "warn", "CONFIG GET is not allowed: not all was checked", remedy)
        return
    yield _durability(info, settings)
    yield _replicas(info, settings)
    yield _clients(info, settings)


def _version(info: dict[str, str]) -> Verdict:
    name = "Valkey" if "valkey_version" in info else "Redis"
    text = info.get("valkey_version") or info.get("redis_version", "0")
    numbers = tuple(int(n) for n in re.findall(r"\d+", text)[:2])
    if numbers < OLDEST:
        return Verdict("version", "fail", f"{name} {text}", "Use Redis 7.0 or later, or Valkey.")
    return Verdict("version", "ok", f"{name} {text}")


def _eviction(info: dict[str, str]) -> Verdict:
    policy = info.get("maxmemory_policy", "")
    if policy == "noeviction":
        return Verdict("eviction", "ok", "noeviction")
    remedy = "Set maxmemory-policy noeviction: any other throws away jobs, whole queues at once."
    return Verdict("eviction", "fail", policy or "unknown", remedy)


def _memory(info: dict[str, str]) -> Verdict:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    text = f"{used / 1e6:,.0f} MB used, " + (
        f"{most / 1e6:,.0f} MB at most" if most else "no limit"
    )
    if most and used > _MEMORY_SHARE * most:
        return Verdict("memory", "warn", text, "Give it more, or shorten retention.")
    return Verdict("memory", "ok", text)


def _persistence(info: dict[str, str]) -> Verdict:
    failed = [
        what
        for field, what in (
            ("rdb_last_bgsave_status", "the last snapshot failed"),
            ("aof_last_write_status", "the last write to the append-only file failed"),
            ("aof_last_bgrewrite_status", "the last rewrite of the append-only file failed"),
        )
        if info.get(field, "ok") != "ok"
    ]
    if info.get("loading", "0") != "0":
        failed.append("it is loading its data")
    if failed:
        remedy = "Free its disk and read its log: until then it may refuse writes (MISCONF)."
        return Verdict("persistence", "fail", "; ".join(failed), remedy)
    return Verdict("persistence", "ok", "no error")


def _cluster(info: dict[str, str]) -> Verdict:
    if info.get("cluster_enabled", "0") == "0":
        return Verdict("cluster", "ok", "not in cluster mode")
    remedy = "Works only if this primary holds all slots; redirects are not followed."
    return Verdict("cluster", "warn", "cluster mode", remedy)


def _durability(info: dict[str, str], settings: dict[str, str]) -> Verdict:
    if info.get("aof_enabled", "0") == "0":
        remedy = "Set appendonly yes: a crash takes back everything since the last snapshot."
        return Verdict("durability", "warn", "no append-only file", remedy)
    how = settings.get("appendfsync", "")
    words = {
        "always": "always: what was accepted outlives a power cut",
        "everysec": "everysec: a power cut takes back about a second, a crash usually nothing",
    }
    if how in words:
        return Verdict("durability", "ok", words[how])
    return Verdict(
        "durability", "warn", f"appendfsync {how}", "Set appendfsync everysec or always."
    )


def _replicas(info: dict[str, str], settings: dict[str, str]) -> Verdict:
    there, wanted = int(info.get("connected_slaves", 0)), settings.get("min-replicas-to-write", "0")
    if info.get("role", "master") != "master":
        remedy = "Point REDIS_URL at the primary, by a name that follows it."
        return Verdict("replicas", "fail", "this is a replica", remedy)
    if there and wanted == "0":
        remedy = "Set min-replicas-to-write 1: else a cut-off primary goes on accepting jobs."
        return Verdict("replicas", "warn", f"{there} replicas, none has to confirm", remedy)
    return Verdict("replicas", "ok", f"{there} replicas, {wanted} must be there for a write")


def _clients(info: dict[str, str], settings: dict[str, str]) -> Verdict:
    there, most = int(info.get("connected_clients", 0)), int(settings.get("maxclients", 0))
    text = f"{there:,} of {most:,}"
    if most and there > _CLIENTS_SHARE * most:
        return Verdict("clients", "warn", text, "Raise maxclients: beyond it workers are refused.")
    return Verdict("clients", "ok", text)


def _functions(found: Facts, library: str) -> Verdict:
    if found.libraries is None:
        return Verdict("functions", "ok", f"{library}: not allowed to look, loaded on use")
    if library not in found.libraries:
        remedy = "Start a worker, or run the doctor as a user with +function|load."
        return Verdict("functions", "warn", f"{library} is not loaded", remedy)
    old = len(found.libraries) - 1
    return Verdict("functions", "ok", library + (f" and {old} of other versions" if old else ""))


def _clock(offset_ms: int) -> Verdict:
    text = f"{offset_ms:+,} ms from this machine's"
    if abs(offset_ms) > CLOCK_MS:
        remedy = (
            "Run NTP on both. Jobs go by the server's clock; logs and tokens by this machine's."
        )
        return Verdict("clock", "warn", text, remedy)
    return Verdict("clock", "ok", text)

"""What happens inside, said as events with fields. Sinks turn them into logs, spans or metrics."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from .clock import Clock


class Telemetry(Protocol):
    """Takes events. ``name`` is a stable dotted word, the fields are small and never secret."""

    def say(self, name: str, **fields: Any) -> None: ...

    def warn(self, name: str, **fields: Any) -> None: ...


class Silent:
    """Says nothing."""

    def say(self, name: str, **fields: Any) -> None:
        pass

    def warn(self, name: str, **fields: Any) -> None:
        pass


class LogTelemetry:
    """Events as log lines, by structlog."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("cotiza_queue")

    def say(self, name: str, **fields: Any) -> None:
        self._log.info(name, **fields)

    def warn(self, name: str, **fields: Any) -> None:
        self._log.warning(name, **fields)


LASTING = frozenset({"turn.failed", "turn.recovered", "role.failed"})
"""What is met again and again while a trouble lasts: with each try, of each role of a worker."""
AGAIN_S = 60.0
_SORTS = 100
"""Troubles that are remembered at once."""


class Sparing:
    """Tells what lasts once in AGAIN_S seconds, with ``times``: how often it was met since it was
    last told. An outage of hours does not fill the logs.
    """

    def __init__(self, to: Telemetry, clock: Clock) -> None:
        self._to = to
        self._clock = clock
        self._met: dict[tuple[str, str, str], tuple[float, int]] = {}
        """When a trouble was told, and how often it was met since."""

    def say(self, name: str, **fields: Any) -> None:
        if name not in LASTING:
            self._to.say(name, **fields)
        elif (times := self._due(name, fields)) > 0:
            self._to.say(name, **fields, times=times)

    def warn(self, name: str, **fields: Any) -> None:
        if name not in LASTING:
            self._to.warn(name, **fields)
        elif (times := self._due(name, fields)) > 0:
            self._to.warn(name, **fields, times=times)

    def _due(self, name: str, fields: Mapping[str, Any]) -> int:
        """How often it was met, if it is to be told now; else 0."""
        what = (name, str(fields.get("type", "")), str(fields.get("error", "")))
        now = self._clock.monotonic()
        told_at, times = self._met.pop(what, (now - AGAIN_S, 0))
        due = now - told_at >= AGAIN_S
        self._met[what] = (now, 0) if due else (told_at, times + 1)
        if len(self._met) > _SORTS:
            del self._met[next(iter(self._met))]  # what has not been met for the longest
        return times + 1 if due else 0


def configure_logging(level: str, *, pretty: bool) -> None:
    """Send log lines at ``level`` and above to standard error: coloured for a terminal, JSON
    otherwise.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = structlog.dev.ConsoleRenderer() if pretty else _as_json
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(number, logging.WARNING), format="%(message)s")


_ENCODER = json.JSONEncoder(default=repr)


def _as_json(_: object, method: str, fields: Mapping[str, Any]) -> str:  # noqa: ARG001 - structlog's
    """structlog's renderer makes an encoder for each line; this one is made once."""
    return _ENCODER.encode(fields)

"""What happens inside, said as events with fields. Sinks turn them into logs, spans or metrics."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any, Protocol

import structlog


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

"""Lengths of time as people type them."""

from __future__ import annotations

import re

import click

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


class Span(click.ParamType[int]):
    """``90s``, ``30m``, ``2h``, ``1d``, ``1h30m``: in milliseconds."""

    name = "span"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        text = str(value)
        parts = re.findall(r"(\d{1,9})(ms|min|[smhd])", text)
        if not parts or "".join(n + unit for n, unit in parts) != text:
            self.fail(f"{text!r} is no span; write 90s, 30m, 2h or 1d", param, ctx)
        return sum(int(n) * _UNITS_MS[unit] for n, unit in parts)

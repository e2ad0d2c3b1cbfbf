"""Where chance comes from: jitter and ids. Handed in, so that a test can choose it."""

from __future__ import annotations

import os
import random
from typing import Protocol


class Chance(Protocol):
    """A source of chance."""

    def fraction(self) -> float:
        """Uniform in [0, 1). For jitter, not for secrets."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Unguessable bytes."""
        ...


class SystemChance:
    """The machine's own."""

    def fraction(self) -> float:
        return random.random()  # noqa: S311 - jitter needs no cryptography

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)

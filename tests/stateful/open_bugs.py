"""Known faults of the engine that the games keep out of, until they are mended.

Mend one and take its name away: the games then play what they left out, and stay as its test.
"""

from __future__ import annotations

OPEN_BUGS: frozenset[str] = frozenset()

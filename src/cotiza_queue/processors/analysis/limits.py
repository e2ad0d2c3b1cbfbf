"""Every ceiling of the analysis, by name. A file beyond one of the first group is refused, never
half measured.

Where no source is named, the number is our own choice: far above real parts, and low enough for a
worker of 4 GiB.
"""

from __future__ import annotations

MAX_FILE_BYTES = 200 * 1024 * 1024
MAX_TRIANGLES = 5_000_000
MAX_COORDINATE_MM = 1e6
"""Largest distance from the origin along an axis: one kilometre. Above it, 32-bit coordinates of an
STL can't tell tenths of a millimetre apart.
"""
MAX_ZIP_ENTRIES = 1_000
MAX_INFLATED_BYTES = 1024 * 1024 * 1024
MAX_INFLATION_RATIO = 100
"""Inflated by compressed size. XML of meshes deflates by 5 to 20; a bomb by 1000."""
RATIO_COUNTS_FROM_BYTES = 1024 * 1024
"""Archives that inflate to less than this are harmless at any ratio."""
MAX_XML_DEPTH = 64
MAX_OBJECTS = 20_000
"""Resource objects in one 3MF."""
MAX_COMPONENT_DEPTH = 64
MAX_INSTANCES = 10_000
MAX_POLYGON_CORNERS = 256
"""Corners of one OBJ face."""

MANY_TRIANGLES = 2_000_000
"""Above this the result carries a LARGE_MESH warning."""
MAX_CRACK_EDGES = 2_000
"""Open edges up to which gaps are looked into; a mesh with more is simply open."""
MAX_NESTED_SHELLS = 2_000
"""Shells up to which voids and inverted shells are told apart by what encloses them."""
MAX_NESTING_WORK = 100_000_000
"""Pairs of a probe point and a triangle in that search."""

"""Makes the two static subsets in this folder from the variable Inter; see README.md.

Not used at run time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from fontTools.varLib.instancer import (  # type: ignore[import-untyped]
    instantiateVariableFont,
)

STYLES = {"Regular": 400, "SemiBold": 600}
OPTICAL_SIZE = 14
"""Text, not display."""
RANGES = (
    *((0x20, 0x7E), (0xA0, 0x17F), (0x18F, 0x18F), (0x192, 0x192), (0x1A0, 0x1B0), (0x1CD, 0x1DC)),
    *((0x218, 0x21B), (0x259, 0x259), (0x2BB, 0x2BC), (0x2C6, 0x2DD), (0x300, 0x333)),
    *((0x370, 0x3FF), (0x400, 0x45F), (0x490, 0x491), (0x4B0, 0x4E9)),
    *((0x1E80, 0x1E85), (0x1E9E, 0x1E9E), (0x1EA0, 0x1EF9)),
    *((0x2010, 0x2027), (0x2030, 0x203A), (0x2070, 0x2089), (0x20A0, 0x20BF), (0x2113, 0x2126)),
    *((0x2190, 0x2195), (0x2200, 0x2265), (0x25A0, 0x25CF), (0x2713, 0x2717), (0xFFFD, 0xFFFD)),
)
"""Code points from first to last; what Inter lacks of them is left out."""
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TABLES_DROPPED = ("GSUB", "GPOS", "GDEF", "STAT", "DSIG", "MVAR", "HVAR")


def build(source: Path, target: Path) -> None:
    """Write ``Inter-<style>.ttf`` for each style; the same source gives the same bytes."""
    for style, weight in STYLES.items():
        font: Any = TTFont(source, recalcTimestamp=False)
        font = instantiateVariableFont(font, {"wght": weight, "opsz": OPTICAL_SIZE})
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap.update({0x30 + value: f"{name}.tf" for value, name in enumerate(DIGITS)})
        options = subset.Options()
        options.layout_features = []
        options.hinting = False
        options.notdef_outline = True
        options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
        options.drop_tables = [*options.drop_tables, *TABLES_DROPPED]
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes={code for a, b in RANGES for code in range(a, b + 1)})
        subsetter.subset(font)
        names = {
            1: "Inter Subset",
            2: "Regular" if style == "Regular" else "Bold",
            3: f"InterSubset-{style};4.001",
            4: f"Inter Subset {style}",
            6: f"InterSubset-{style}",
        }
        for record in font["name"].names:
            record.string = names.get(record.nameID, record.toUnicode())
        font.save(target / f"Inter-{style}.ttf")


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))

"""An item's process, material and finishes, looked up in the price list.

Refuses what isn't there, and what can't be had together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec

from cotiza_queue.jobtypes.quote_calculation import QuoteItem

from .catalogue import Catalogue, Finish, Material, Process
from .refusal import Where


class Named(Protocol):
    @property
    def aliases(self) -> tuple[str, ...]: ...


N = TypeVar("N", bound=Named)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Canonical keys and their entries."""

    process_key: str
    process: Process
    material_key: str
    material: Material
    finishes: tuple[Finish, ...]


def choose(item: QuoteItem, catalogue: Catalogue, where: Where) -> Choice:
    """The entries that an item names, by key or alias.

    Raises InvalidData for the first that can't be had.
    """
    unpriced = _find(item.process, catalogue.unpriced)
    if unpriced:
        raise where.refuse(
            "process",
            "process_not_priced",
            unpriced[1].reason,
            "Ask for this part to be quoted by a person.",
        )
    process_key, process = _known(item.process, catalogue.processes, "process", where)
    material_key, material = _known(item.material, catalogue.materials, "material", where)
    if process_key not in material.processes:
        raise where.refuse(
            "material",
            "material_not_available",
            f"{material.name} can't be had in {process.name}",
            f"{material.name} can be had in: {_list(material.processes)}.",
        )
    keys: set[str] = set()
    finishes = []
    for index, name in enumerate(item.finish_options):
        key, finish = _known(name, catalogue.finishes, f"finishOptions[{index}]", where, "finish")
        possible = process_key in finish.processes and (
            not finish.materials or material_key in finish.materials
        )
        if not possible or key in keys:
            raise where.refuse(
                f"finishOptions[{index}]",
                "finish_not_available",
                f"{finish.name} is named twice"
                if possible
                else f"{finish.name} can't be had on {material.name} in {process.name}",
            )
        keys.add(key)
        finishes.append(finish)
    return Choice(
        process_key=process_key,
        process=process,
        material_key=material_key,
        material=material,
        finishes=tuple(finishes),
    )


def canonical_process(name: str, catalogue: Catalogue) -> str:
    """The key of a process named by key or alias; the name itself if the price list has none."""
    found = _find(name, catalogue.processes)
    return found[0] if found else name


def _known(
    name: str, entries: Mapping[str, N], field: str, where: Where, kind: str | None = None
) -> tuple[str, N]:
    found = _find(name, entries)
    if found is None:
        what = kind or field
        raise where.refuse(
            field,
            f"unknown_{what}",
            f"the price list has no {what} {name!r}",
            f"It has: {_list(entries)}.",
        )
    return found


def _find(name: str, entries: Mapping[str, N]) -> tuple[str, N] | None:
    for key, entry in entries.items():
        if name == key or name in entry.aliases:
            return key, entry
    return None


def _list(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(sorted(names))

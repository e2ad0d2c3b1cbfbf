"""Reads a price list and refuses one that could give a wrong price.

Refused, with the file, the table and the field: unknown or missing fields, a figure without a
source or below zero, rates out of their range, discounts out of order, names used twice, a material
or finish for a process that is not there, a milled material without milling rates, a currency whose
minor unit we don't know.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from cotiza_queue.errors import ConfigurationError
from cotiza_queue.processors.pricing.money import quantum_of

from .schema import (
    Catalogue,
    Extrusion,
    Finish,
    Machine,
    Material,
    Milling,
    PowderBed,
    Process,
    Sourced,
    Terms,
    Unpriced,
    Vat,
)

LATEST = "2026-11"
DIGEST_CHARACTERS = 8
RATE_PLACES = 4
"""Decimal places that a rate may have.

With so few, a cost divided by one less a rate is either whole cents or off them by a millionth and
more, which no rounding of intermediate results reaches.
"""

T = TypeVar("T")


@cache
def load_catalogue(version: str = LATEST) -> Catalogue:
    """The price list of that name which ships with the package. Raises ConfigurationError."""
    return read_catalogue(files("cotiza_queue.processors.pricing.catalogue") / version)


def read_catalogue(folder: Traversable) -> Catalogue:
    """The price list in a folder: terms, materials, processes and finishes in TOML.

    Raises ConfigurationError.
    """
    terms = _decode(folder / "terms.toml", Terms)
    materials = _decode(folder / "materials.toml", dict[str, Material])
    everything = _decode(
        folder / "processes.toml", dict[str, Extrusion | Vat | PowderBed | Milling | Unpriced]
    )
    finishes = _decode(folder / "finishes.toml", dict[str, Finish])
    processes: dict[str, Process] = {}
    unpriced: dict[str, Unpriced] = {}
    for key, process in everything.items():
        if isinstance(process, Unpriced):
            unpriced[key] = process
        else:
            processes[key] = process
    _check_terms(terms)
    _check_table("terms.toml", "", terms)
    for name, tables in (
        ("materials.toml", materials),
        ("processes.toml", everything),
        ("finishes.toml", finishes),
    ):
        for key, table in tables.items():
            _check_table(name, key, table)
        _check_names(name, tables)
    _check_materials(materials, everything)
    _check_finishes(finishes, materials, everything)
    _check_machines(processes)
    catalogue = Catalogue(
        version=terms.version,
        quantum=quantum_of(terms.currency),
        terms=terms,
        materials=materials,
        processes=processes,
        unpriced=unpriced,
        finishes=finishes,
    )
    digest = hashlib.sha256(msgspec.json.encode(catalogue, order="deterministic")).hexdigest()
    return msgspec.structs.replace(
        catalogue, version=f"{terms.version}+{digest[:DIGEST_CHARACTERS]}"
    )


def _decode(path: Traversable, shape: type[T]) -> T:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return msgspec.convert(raw, shape)
    except OSError as error:
        raise ConfigurationError(f"the price list can't be read: {error}") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{path.name} is not a price list: {error}") from None


def _check_table(file: str, key: str, table: Sourced) -> None:
    figures = {
        field: value
        for field, value in msgspec.structs.asdict(table).items()
        if field != "sources" and _numbers(value)
    }
    for field, value in figures.items():
        if not table.sources.get(field):
            raise _wrong(file, key, field, "has no source")
        if any(not Decimal(number).is_finite() or number < 0 for number in _numbers(value)):
            raise _wrong(file, key, field, "must not be below zero")
    for field in table.sources.keys() - figures.keys():
        raise _wrong(file, key, f"sources.{field}", "belongs to no figure")


def _numbers(value: Any) -> list[Decimal | int]:
    if isinstance(value, Decimal | int):
        return [value]
    if isinstance(value, tuple | list):
        return [number for part in value for number in _numbers(part)]
    return []


def _check_terms(terms: Terms) -> None:
    rates = {
        "margin": terms.margin,
        "margin_floor": terms.margin_floor,
        "overhead_rate": terms.overhead_rate,
        "rush_rate": terms.rush_rate,
        "tax_rate": terms.tax_rate,
        **{f"discounts[{i}]": discount.rate for i, discount in enumerate(terms.discounts)},
    }
    for field, rate in rates.items():
        if not 0 <= rate < 1 or rate != round(rate, RATE_PLACES):
            raise _wrong("terms.toml", "", field, f"must lie in [0, 1), {RATE_PLACES} places")
    if terms.minimum_order <= 0:
        raise _wrong("terms.toml", "", "minimum_order", "must be above zero")
    if terms.margin_floor > terms.margin:
        raise _wrong("terms.toml", "", "margin_floor", "must not be above margin")
    steps = [*terms.discounts]
    if any(step.quantity < 2 for step in steps) or any(
        later.quantity <= earlier.quantity or later.rate <= earlier.rate
        for earlier, later in pairwise(steps)
    ):
        raise _wrong("terms.toml", "", "discounts", "must rise in quantity and rate, from 2 pieces")
    try:
        ZoneInfo(terms.timezone)
    except (ValueError, OSError, KeyError):
        raise _wrong("terms.toml", "", "timezone", "is not a time zone") from None


def _check_names(file: str, tables: Mapping[str, Material | Machine | Unpriced | Finish]) -> None:
    seen: set[str] = set()
    for key, table in tables.items():
        for name in (key, *table.aliases):
            if name in seen:
                raise _wrong(file, key, name, "names two things")
            seen.add(name)


def _check_materials(
    materials: Mapping[str, Material], processes: Mapping[str, Machine | Unpriced]
) -> None:
    for key, material in materials.items():
        _check_known("materials.toml", key, "processes", material.processes, processes)
        milled = any(isinstance(processes[name], Milling) for name in material.processes)
        if milled and not (material.removal_cm3_per_min and material.finishing_cm2_per_min):
            raise _wrong("materials.toml", key, "removal_cm3_per_min", "is missing for milling")
        if not material.density:
            raise _wrong("materials.toml", key, "density", "must be above zero")


def _check_finishes(
    finishes: Mapping[str, Finish],
    materials: Mapping[str, Material],
    processes: Mapping[str, Machine | Unpriced],
) -> None:
    for key, finish in finishes.items():
        _check_known("finishes.toml", key, "processes", finish.processes, processes)
        _check_known("finishes.toml", key, "materials", finish.materials, materials)


def _check_known(
    file: str, key: str, field: str, names: Iterable[str], known: Iterable[str]
) -> None:
    for name in names:
        if name not in known:
            raise _wrong(file, key, field, f"names {name!r}, which is not in the price list")


def _check_machines(processes: Mapping[str, Process]) -> None:
    for key, process in processes.items():
        positive = {"machines", "hours_per_day", "build_mm", "layer_mm", "packing", "lot"}
        for field, value in msgspec.structs.asdict(process).items():
            if field in positive and not all(_numbers(value)):
                raise _wrong("processes.toml", key, field, "must be above zero")
        if process.rush_days > process.base_days:
            raise _wrong("processes.toml", key, "rush_days", "must not be above base_days")
        if process.hours_per_day > 24:
            raise _wrong("processes.toml", key, "hours_per_day", "must not be above 24")
        if isinstance(process, PowderBed) and not (process.packing <= 1 and process.refresh <= 1):
            raise _wrong("processes.toml", key, "packing", "and refresh must not be above one")


def _wrong(file: str, key: str, field: str, what: str) -> ConfigurationError:
    where = f"{key}.{field}" if key else field
    return ConfigurationError(f"the price list is wrong: {file}: {where} {what}")

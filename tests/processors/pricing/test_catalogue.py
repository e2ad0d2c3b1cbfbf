"""The price list: every figure with its source, and none that could give a wrong price."""

from __future__ import annotations

import ast
import shutil
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from cotiza_queue.errors import ConfigurationError
from cotiza_queue.processors.pricing import LATEST, load_catalogue
from cotiza_queue.processors.pricing.catalogue.loader import read_catalogue
from cotiza_queue.processors.pricing.money import nearest, quantum_of, upward

PRICING = Path(str(files("cotiza_queue.processors.pricing")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PRICING / "catalogue" / LATEST, tmp_path / LATEST))


def change(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_list_holds_the_materials_and_processes_of_the_shop() -> None:
    catalogue = load_catalogue()
    assert set(catalogue.processes) == {"fff", "sla", "sls", "mjf", "cnc"}
    assert set(catalogue.unpriced) == {"laser", "sheet"}
    assert {"pla", "petg", "abs", "asa", "tpu", "resin-standard", "pa12"} <= set(
        catalogue.materials
    )
    assert {"aluminium-6061", "steel-1018", "pom"} <= set(catalogue.materials)
    assert catalogue.terms.tax_rate == Decimal("0.16")
    assert "article 1" in catalogue.terms.sources["tax_rate"]


def test_every_material_can_be_had_in_a_process_and_every_process_has_one() -> None:
    catalogue = load_catalogue()
    offered = {name for material in catalogue.materials.values() for name in material.processes}
    assert offered == set(catalogue.processes)


def test_no_float_takes_part_in_the_price_list() -> None:
    def floats(value: object) -> bool:
        if isinstance(value, msgspec.Struct):
            return any(floats(part) for part in msgspec.structs.asdict(value).values())
        if isinstance(value, dict):
            return any(floats(part) for part in value.values())
        if isinstance(value, tuple):
            return any(floats(part) for part in value)
        return isinstance(value, float)

    assert not floats(load_catalogue())


def test_no_float_is_written_in_the_code_that_handles_money() -> None:
    for name in ("choice", "estimate", "line", "placement", "quote", "schedule"):
        tree = ast.parse((PRICING / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), name
            assert not (isinstance(node, ast.Name) and node.id == "float"), name


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("terms.toml", "margin_floor = 0.20", "margin_floor = 0.40", "margin_floor"),
        ("terms.toml", "margin = 0.35", "margin = 1.00", "margin"),
        ("terms.toml", "rush_rate = 0.35", "rush_rate = 0.123456", "rush_rate"),
        ("terms.toml", "[25, 0.05]", "[25, 0.02]", "discounts"),
        ("terms.toml", "[10, 0.03]", "[1, 0.03]", "discounts"),
        ("terms.toml", "minimum_order = 350", "minimum_order = 0", "minimum_order"),
        ("terms.toml", 'currency = "MXN"', 'currency = "XTS"', "XTS"),
        ("terms.toml", "America/Mexico_City", "America/Atlantis", "timezone"),
        ("terms.toml", "validity_days = 30", 'validity_days = "30"', "validity_days"),
        ("terms.toml", 'tax_rate = "Ley', 'tax_rat = "Ley', "tax_rate has no source"),
        ("materials.toml", "price = 420", "price = -420", "pla.price"),
        ("materials.toml", "price = 420", "price = nan", "pla.price"),
        ("materials.toml", "price = 420", "cost = 420", "materials.toml"),
        ("materials.toml", "density = 1.24", "density = 0", "pla.density"),
        ("materials.toml", '"our assumption, per kg"', '""', "pla.price has no source"),
        ("materials.toml", "removal_cm3_per_min = 40\n", "", "aluminium-6061"),
        ("materials.toml", '"tpu-95a"', '"pla"', "pla names two things"),
        ("materials.toml", 'processes = ["fff"]', 'processes = ["fdx"]', "fdx"),
        ("processes.toml", "rush_days = 1", "rush_days = 9", "fff.rush_days"),
        ("processes.toml", "machines = 6", "machines = 0", "fff.machines"),
        ("processes.toml", "hours_per_day = 20", "hours_per_day = 25", "fff.hours_per_day"),
        ("processes.toml", "packing = 0.70", "packing = 1.70", "sls.packing"),
        ("processes.toml", 'model = "vat"', 'model = "barrel"', "processes.toml"),
        ("processes.toml", "lift_mm = 6.5", "lift_mm = ", "processes.toml"),
        ("finishes.toml", '["abs", "asa"]', '["abs", "oak"]', "oak"),
    ],
)
def test_a_price_list_with_a_fault_is_refused_by_name(
    folder: Path, file: str, old: str, new: str, named: str
) -> None:
    change(folder, file, old, new)
    with pytest.raises(ConfigurationError) as caught:
        read_catalogue(folder)
    assert named in caught.value.message


def test_a_missing_price_list_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        load_catalogue("1999-01")


def test_the_version_changes_with_any_figure(folder: Path) -> None:
    before = read_catalogue(folder)
    assert before == load_catalogue()
    change(folder, "materials.toml", "price = 420", "price = 421")
    assert read_catalogue(folder).version != before.version


@pytest.mark.parametrize(("currency", "quantum"), [("MXN", "0.01"), ("JPY", "1"), ("KWD", "0.001")])
def test_amounts_round_to_the_minor_unit_of_their_currency(currency: str, quantum: str) -> None:
    unit = quantum_of(currency)
    assert unit == Decimal(quantum)
    assert nearest(Decimal("0.5") * unit, unit) == unit
    assert upward(Decimal("0.01") * unit, unit) == unit
    assert upward(unit, unit) == unit

"""The workbook and the CSV: the same figures as the PDF, and nothing that runs."""

from __future__ import annotations

import csv
import io
import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
import openpyxl
import pytest

HOSTILE = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    '=HYPERLINK("http://evil.example","x")',
    "https://evil.example",
    "{=1+1}",
    'a "quoted" name, with ñ',
    "123",
)


def books(body: bytes) -> tuple[Any, Any]:
    """The workbook with its formulas, and with their cached values."""
    return (
        openpyxl.load_workbook(io.BytesIO(body)),
        openpyxl.load_workbook(io.BytesIO(body), data_only=True),
    )


def column(sheet: Any, title: str) -> list[Any]:
    titles = [cell.value for cell in sheet[1]]
    return [row[titles.index(title)].value for row in sheet.iter_rows(min_row=2)]


def facts(sheet: Any) -> dict[str, Any]:
    return {row[0].value: row[1].value for row in sheet.iter_rows() if row[0].value}


def rows(body: bytes) -> list[dict[str, str]]:
    assert body.startswith(b"\xef\xbb\xbf")
    assert body.endswith(b"\r\n")
    assert b"\n" not in body.replace(b"\r\n", b"")
    text = io.StringIO(body.decode("utf-8-sig"), newline="")
    return list(csv.DictReader(text, strict=True))


def money(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal("0.01"))


@pytest.mark.parametrize("lines", [1, 50, 300])
async def test_the_workbook_carries_the_quotes_own_figures(shop, lines):
    result = await shop.quote(lines=lines, rush=True, discount=True)
    _, body = await shop.make("excel")
    formulas, values = books(body)
    sheet = values["Partidas"]
    assert [money(value) for value in column(sheet, "Importe")] == [
        item.total_price for item in result.items
    ]
    assert column(sheet, "Cantidad") == [item.quantity for item in result.items]
    assert column(sheet, "Pieza") == [item.name for item in result.items]
    summary = facts(values["Resumen"])
    assert money(summary["Subtotal"]) == result.summary.subtotal
    assert money(summary["Descuento por volumen"]) == -result.summary.volume_discount
    assert money(summary["Cargo por urgencia"]) == result.summary.rush_fee
    assert money(summary["IVA 16 %"]) == result.summary.tax
    assert money(summary["Total"]) == result.summary.total
    assert formulas.sheetnames == ["Resumen", "Partidas"]


@pytest.mark.parametrize(
    "options", [{}, {"rush": True}, {"discount": True}, {"lines": 1, "minimum": Decimal(500)}]
)
async def test_the_totals_are_formulas_whose_cached_values_are_their_results(shop, options):
    await shop.quote(**options)
    _, body = await shop.make("excel")
    formulas, values = books(body)
    sheet, cached = formulas["Resumen"], values["Resumen"]
    cells = {cell.coordinate: cell.value for row in sheet.iter_rows() for cell in row}
    found = [place for place, value in cells.items() if str(value).startswith("=")]
    assert len(found) >= 3
    for place in found:
        assert recomputed(cells[place], cells, values["Partidas"]) == money(cached[place].value)


def recomputed(formula: Any, cells: dict[str, Any], lines: Any) -> Decimal:
    """What a spreadsheet would make of the few formulas that we write."""
    if not isinstance(formula, str):
        return Decimal(repr(formula))
    if match := re.fullmatch(r"=SUM\('Partidas'!([A-Z]+)2:\1(\d+)\)", formula):
        letter, last = match.groups()
        cells_summed = [lines[f"{letter}{row}"].value for row in range(2, int(last) + 1)]
        assert int(last) == lines.max_row
        return sum((Decimal(repr(value)) for value in cells_summed), Decimal(0))
    if match := re.fullmatch(r"=ROUND\(([A-Z]+\d+)\*([\d.]+),2\)", formula):
        base = recomputed(cells[match[1]], cells, lines)
        return (base * Decimal(match[2])).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert re.fullmatch(r"=[A-Z]+\d+(\+[A-Z]+\d+)+", formula), formula
    places = formula[1:].split("+")
    return sum((recomputed(cells[place], cells, lines) for place in places), Decimal(0))


async def test_a_tax_of_another_rounding_is_a_number_not_a_formula(shop, samples):
    request, result = samples()
    cent = Decimal("0.01")
    summary = msgspec.structs.replace(
        result.summary, tax=result.summary.tax + cent, total=result.summary.total + cent
    )
    await shop.save(request, msgspec.structs.replace(result, summary=summary))
    _, body = await shop.make("excel")
    formulas, _ = books(body)
    assert money(facts(formulas["Resumen"])["IVA 16 %"]) == summary.tax


async def test_the_workbook_is_ready_to_read_and_print(shop):
    await shop.quote(lines=40)
    _, body = await shop.make("excel")
    formulas, _ = books(body)
    sheet = formulas["Partidas"]
    assert sheet.freeze_panes == "C2"
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.auto_filter.ref == "A1:J41"
    assert sheet.page_setup.paperSize == 1
    assert sheet.page_setup.fitToHeight == 0
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.column_dimensions["B"].width > 40
    assert "[$MXN]" in sheet["J2"].number_format
    assert "comprobante fiscal" in sheet.oddFooter.left.text
    assert formulas.properties.title == "Cotización Q-123"
    assert formulas.properties.created.isoformat() == "2026-11-23T14:25:06"


async def test_nothing_that_people_wrote_becomes_a_formula_or_a_link(shop):
    await shop.quote(lines=9, names=HOSTILE, customer=HOSTILE[0])
    _, body = await shop.make("excel")
    formulas, _ = books(body)
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.hyperlink is None
                own = re.fullmatch(r"=(SUM|ROUND)?[A-Z0-9()'!:*+.,Partids]+", str(cell.value))
                assert cell.data_type != "f" or own
    assert column(formulas["Partidas"], "Pieza") == list(HOSTILE)
    assert all(cell.data_type == "s" for cell in formulas["Partidas"]["B"])
    assert facts(formulas["Resumen"])["Cliente"] == HOSTILE[0]


async def test_the_longest_texts_fit_their_cells(shop):
    await shop.quote(names=("x" * 200,), customer="c" * 200)
    await shop.analyse("file-0", issues=50)
    _, body = await shop.make("excel", include_technical_specs=True)
    formulas, _ = books(body)
    assert column(formulas["Partidas"], "Pieza")[0] == "x" * 200


async def test_the_specifications_have_a_sheet_of_their_own(shop):
    await shop.quote()
    await shop.analyse("file-0")
    _, body = await shop.make("excel", include_technical_specs=True, language="en")
    formulas, _ = books(body)
    assert formulas.sheetnames == ["Summary", "Lines", "Specifications"]
    sheet = formulas["Specifications"]
    assert column(sheet, "Size Z (mm)") == [1234.5678, None, None]
    assert column(sheet, "Volume (cm³)")[0] == 12.3456
    assert "Walls are as thin" in column(sheet, "Manufacturability findings")[0]


async def test_details_can_be_left_out_of_both(shop):
    await shop.quote()
    _, book = await shop.make("excel", include_item_details=False)
    formulas, _ = books(book)
    titles = [cell.value for cell in formulas["Partidas"][1]]
    assert titles == [
        "Núm.", "Pieza", "Cantidad", "Precio unitario", "Entrega (días hábiles)", "Importe",
    ]  # fmt: skip
    _, table = await shop.make("csv", include_item_details=False)
    assert "Proceso" not in rows(table)[0]


@pytest.mark.parametrize("lines", [1, 50, 300])
async def test_the_csv_carries_the_quotes_own_figures(shop, lines):
    result = await shop.quote(lines=lines, rush=True, discount=True)
    _, body = await shop.make("csv")
    table = rows(body)
    items = [row for row in table if row["Registro"] == "partida"]
    assert [Decimal(row["Importe"]) for row in items] == [item.total_price for item in result.items]
    assert [Decimal(row["Precio unitario"]) for row in items] == [
        item.unit_price for item in result.items
    ]
    assert [int(row["Cantidad"]) for row in items] == [item.quantity for item in result.items]
    totals = {row["Registro"]: Decimal(row["Importe"]) for row in table[lines:]}
    assert totals == {
        "Subtotal": result.summary.subtotal,
        "Descuento por volumen": -result.summary.volume_discount,
        "Cargo por urgencia": result.summary.rush_fee,
        "Base gravable": result.summary.total - result.summary.tax,
        "IVA 16 %": result.summary.tax,
        "Total": result.summary.total,
    }
    for row in table:
        assert row["Cotización"] == "Q-123"
        assert row["Moneda"] == "MXN"
        assert (row["Fecha"], row["Válida hasta"]) == ("2026-11-23", "2026-12-23")


async def test_the_csv_guards_what_a_spreadsheet_would_run(shop):
    await shop.quote(lines=9, names=HOSTILE, customer="=1+1")
    _, body = await shop.make("csv")
    parts = [row["Pieza"] for row in rows(body) if row["Registro"] == "partida"]
    assert parts == [f"'{name}" if name[0] in "=+-@" else name for name in HOSTILE]
    assert rows(body)[0]["Cliente"] == "'=1+1"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " =", "  @"])
def test_every_start_of_a_formula_is_guarded(start):
    from cotiza_queue.processors.reports.comma import safe

    assert safe(f"{start}1") == f"'{start}1"
    assert safe("a=1") == "a=1"
    assert safe(Decimal("-5.00")) == Decimal("-5.00"), "a negative number is no formula"


async def test_the_csv_tells_sizes_and_findings_when_asked(shop):
    await shop.quote()
    await shop.analyse("file-0")
    _, body = await shop.make("csv", include_technical_specs=True)
    first, second, *_ = rows(body)
    assert first["Medidas Z (mm)"] == "1234.568"
    assert first["Observaciones de manufactura"].startswith("Paredes de hasta")
    assert second["Medidas Z (mm)"] == ""


@pytest.mark.parametrize("format_name", ["excel", "csv"])
async def test_what_the_shop_earns_is_in_no_table(shop, format_name):
    await shop.quote()
    _, body = await shop.make(format_name, include_technical_specs=True)
    if format_name == "csv":
        assert b"7777" not in body
        return
    formulas, _ = books(body)
    everything = [
        str(cell.value) for sheet in formulas for row in sheet.iter_rows() for cell in row
    ]
    assert not any("7777" in text for text in everything)

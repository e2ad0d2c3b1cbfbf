"""The PDF that goes to the customer, read back as text."""

from __future__ import annotations

import io
import re
from decimal import Decimal

import pytest
from PIL import Image
from pypdf import PdfReader

from cotiza_queue.processors.reports import processor
from cotiza_queue.processors.reports.canvas import MISSING


def pages(body: bytes) -> list[str]:
    reader = PdfReader(io.BytesIO(body))
    return [page.extract_text().replace("\u00a0", " ") for page in reader.pages]


def flat(body: bytes) -> str:
    return re.sub(r"\s+", " ", " ".join(pages(body)))


REQUIRED = {
    "es": (
        *("Cotiza Studio", "Cotización", "Q-123", "Cliente", "Ingeniería Ñandú, S.A. de C.V."),
        *("compras@nandu.example", "Fecha", "23 de noviembre de 2026", "Válida hasta"),
        *("23 de diciembre de 2026", "Entrega", "7 días hábiles", "urgente", "Pieza", "Cantidad"),
        *("Precio unitario", "Importe (MXN)", "Soporte de sensor izquierdo.stl", "PLA, lijado"),
        *("Impresión 3D FFF (filamento)", "SHA-256 ab12cd34ab12", "7,931.37", "198,284.25"),
        *("3 días", "Subtotal", "Descuento por volumen", "Cargo por urgencia", "Base gravable"),
        *("IVA 16 %", "Total", "Importe con letra", "M.N.", "Condiciones", "Página 1 de 1"),
        *("Este documento no es un comprobante fiscal.", "se tomaron milímetros"),
    ),
    "en": (
        *("Cotiza Studio", "Quote", "Q-123", "Customer", "Ingeniería Ñandú, S.A. de C.V."),
        *("compras@nandu.example", "Date", "November 23, 2026", "Valid until"),
        *("December 23, 2026", "Lead time", "7 working days", "rush order", "Part", "Quantity"),
        *("Unit price", "Amount (MXN)", "Soporte de sensor izquierdo.stl", "PLA, sanded"),
        *("FFF 3D printing (filament)", "SHA-256 ab12cd34ab12", "7,931.37", "198,284.25"),
        *("3 days", "Subtotal", "Volume discount", "Rush fee", "Taxable amount"),
        *("VAT (IVA) 16 %", "Total", "Amount in words", "PESOS", "Terms", "Page 1 of 1"),
        *("This document is not a tax invoice.", "millimetres were taken"),
    ),
}


@pytest.mark.parametrize("language", REQUIRED)
async def test_every_required_field_is_there(shop, language):
    result = await shop.quote(rush=True, discount=True)
    await shop.analyse("file-0")
    _, body = await shop.make("pdf", language=language)
    text = flat(body)
    for field in REQUIRED[language]:
        assert field in text
    summary = result.summary
    for amount in (summary.subtotal, summary.rush_fee, summary.tax, summary.total):
        assert f"{amount:,.2f}" in text
    assert f"−{summary.volume_discount:,.2f}" in text
    assert f"MXN {summary.total:,.2f}" in text


async def test_what_the_shop_earns_is_in_no_pdf(shop):
    await shop.quote()
    _, body = await shop.make("pdf", include_technical_specs=True)
    assert "7777" not in flat(body).replace(",", "").replace(".", "")


@pytest.mark.parametrize("lines", [1, 50, 300])
async def test_every_line_stands_whole_under_a_header_on_its_page(shop, lines):
    names = tuple(f"pieza-{index:03d}.stl" for index in range(lines))
    result = await shop.quote(lines=lines, names=names)
    _, body = await shop.make("pdf")
    texts = pages(body)
    for number, text in enumerate(texts, 1):
        assert f"Página {number} de {len(texts)}" in text
        assert "no es un comprobante fiscal" in text
        assert ("Importe (MXN)" in text) == ("pieza-" in text), "a table has its header"
        assert "Q-123" in text
    for item in result.items:
        (home,) = [text for text in texts if item.name in text]
        assert f"{item.unit_price:,.2f}" in home
        assert f"{item.total_price:,.2f}" in home
    assert sum(f"MXN {result.summary.total:,.2f}" in text for text in texts) == 1


async def test_a_small_order_shows_its_supplement(shop):
    result = await shop.quote(lines=1, minimum=Decimal(500))
    _, body = await shop.make("pdf")
    text = flat(body)
    assert "Suma de partidas 12.00" in text
    assert "Complemento por pedido mínimo 488.00" in text
    assert "Subtotal 500.00" in text
    assert "IVA 16 % 80.00" in text
    assert "MXN 580.00" in text
    assert result.summary.total == Decimal("580.00")


async def test_the_technical_report_tells_sizes_and_findings(shop):
    await shop.quote()
    await shop.analyse("file-0")
    await shop.analyse("file-1", issues=0)
    await shop.analyse("file-2", issues=8)
    _, body = await shop.make("pdf", include_technical_specs=True)
    text = flat(body)
    assert "Medidas: 40 × 30.5 × 1,234.57 mm · Volumen: 12.35 cm³" in text
    assert "Superficie: 98.77 cm² · Pared mínima: 0.62 mm" in text
    assert text.count("Paredes de hasta 0.62 mm; el límite es 0.8 mm.") == 1 + 6
    assert "2 observaciones más" in text
    assert "Sin observaciones de manufactura." in text
    _, body = await shop.make("pdf", include_technical_specs=True, language="en")
    assert "Walls are as thin as 0.62 mm; FFF needs 0.8 mm." in flat(body)


async def test_details_and_terms_can_be_left_out(shop):
    await shop.quote()
    await shop.analyse("file-0")
    _, body = await shop.make("pdf", include_item_details=False, include_terms=False)
    text = flat(body)
    assert "Condiciones" not in text
    assert "PLA" not in text
    assert "SHA-256" not in text
    assert images(body) == 0
    assert "Soporte de sensor izquierdo.stl" in text


def images(body: bytes) -> int:
    return sum(len(page.images) for page in PdfReader(io.BytesIO(body)).pages)


async def test_pictures_of_the_parts_are_in_the_file(shop):
    await shop.quote()
    await shop.analyse("file-0")
    await shop.analyse("file-1")
    _, body = await shop.make("pdf")
    assert images(body) == 2


async def test_a_picture_that_can_not_be_had_is_left_out(shop, new_context):
    await shop.quote()
    await shop.blobs.put("rival/t/p.png", b"\x89PNG\r\n\x1a\n", name="p", content_type="image/png")
    await shop.analyse("file-0", thumbnail_url="file-store://rival/t/p.png")
    await shop.analyse("file-1", picture=b"\x89PNG\r\n\x1a\n" + b"broken")
    await shop.analyse("file-2", picture=b"GIF89a")
    for url in (None, "file-store://acme/t/none.png", "https://x.example/p.png"):
        await shop.analyse("file-0", thumbnail_url=url)
        _, body = await shop.make("pdf")
        assert images(body) == 0


@pytest.mark.parametrize(("width", "shown"), [(2000, 1), (2001, 0)])
async def test_a_picture_of_too_many_pixels_is_left_out(shop, width, shown):
    png = io.BytesIO()
    Image.new("1", (width, 2000)).save(png, "PNG")
    await shop.quote(lines=1)
    await shop.analyse("file-0", picture=png.getvalue())
    _, body = await shop.make("pdf")
    assert images(body) == shown


async def test_pictures_have_a_limit_each_and_together(shop, monkeypatch):
    await shop.quote()
    for index in range(3):
        await shop.analyse(f"file-{index}")
    keys = [f"acme/thumbnails/file-{index}.png" for index in range(3)]
    sizes = [(await shop.blobs.info(key)).size for key in keys]
    for name, limit, shown in (
        ("MAX_THUMBNAIL_BYTES", max(sizes), 3),
        ("MAX_THUMBNAIL_BYTES", min(sizes) - 1, 0),
        ("MAX_ALL_THUMBNAILS_BYTES", sum(sizes), 3),
        ("MAX_ALL_THUMBNAILS_BYTES", sum(sizes) - 1, 2),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(processor, name, limit)
            _, body = await shop.make("pdf")
        assert images(body) == shown


@pytest.mark.parametrize(
    ("customer", "shown"),
    [
        ("Ελλάδα Привет Nguyễn Łódź", "Ελλάδα Привет Nguyễn Łódź"),
        ("Pen\u0303a", "Peña"),
        ("张伟 🛠", f"{MISSING}{MISSING} {MISSING}"),
        ("{nb} {{7*7}} <b>x</b> **y**", "{nb} {{7*7}} <b>x</b> **y**"),
        ("a\u202eb\u200dc", "abc"),
        ("≤ ≥ – — “ … € Ø × ° ²", "≤ ≥ – — “ … € Ø × ° ²"),
    ],
)
async def test_any_name_can_be_printed(shop, customer, shown):
    await shop.quote(customer=customer)
    _, body = await shop.make("pdf")
    assert shown.replace(" ", "") in flat(body).replace(" ", "")


async def test_very_long_names_wrap_and_keep_every_character(shop):
    await shop.quote(names=("W" * 200, "palabra " * 24 + "fin", "x"), customer="C" * 200)
    _, body = await shop.make("pdf")
    text = flat(body).replace(" ", "")
    assert "W" * 200 in text
    assert "palabra" * 24 + "fin" in text
    assert "C" * 200 in text


async def test_a_quote_without_customer_or_currency_noun_is_printed(shop):
    await shop.quote(customer=None, currency="GBP")
    _, body = await shop.make("pdf")
    text = flat(body)
    assert "Sin nombre" in text
    assert "08/100 GBP" in text
    assert "GBP 261,811.08" in text


async def test_an_offer_that_has_run_out_says_so(shop, new_context):
    await shop.quote()
    context = new_context()
    _, before = await shop.make("pdf", context)
    context.created_ms += 31 * 24 * 3600 * 1000
    _, after = await shop.make("pdf", context)
    assert "Vencida" not in flat(before)
    assert "Vencida" in flat(after)


async def test_the_file_is_a_well_made_pdf(shop):
    await shop.quote(lines=20)
    _, body = await shop.make("pdf")
    reader = PdfReader(io.BytesIO(body), strict=True)
    assert reader.metadata is not None
    assert reader.metadata.title == "Cotización Q-123"
    assert reader.metadata.author == "Cotiza Studio"
    assert reader.metadata.creation_date is not None
    assert reader.metadata.creation_date.isoformat() == "2026-11-23T14:25:06+00:00"
    assert reader.trailer["/Root"]["/Lang"] == "es-MX"
    for page in reader.pages:
        assert [round(float(side), 1) for side in page.mediabox[2:]] == [612.0, 792.0]
        for font in page["/Resources"]["/Font"].values():
            descendant = font.get_object()["/DescendantFonts"][0].get_object()
            assert "/FontFile2" in descendant["/FontDescriptor"].get_object(), "fonts are embedded"

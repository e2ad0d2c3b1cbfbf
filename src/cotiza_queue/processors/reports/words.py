"""The words of the documents, and their terms, in Spanish and English."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from cotiza_queue.processors.formats import long_date


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Every fixed text of a quote in one language."""

    quote: str
    customer: str
    no_customer: str
    issued: str
    valid_until: str
    expired: str
    delivery: str
    rush_order: str
    currency: str
    position: str
    part: str
    file: str
    file_id: str
    process: str
    material: str
    finish: str
    quantity: str
    unit_price: str
    lead_time: str
    lead_time_days: str
    amount: str
    lines_total: str
    supplement: str
    subtotal: str
    discount: str
    rush: str
    net: str
    tax: str
    total: str
    in_words: str
    size: str
    volume: str
    area: str
    wall: str
    findings: str
    more_findings: str
    no_findings: str
    terms: str
    not_fiscal: str
    page: str
    of: str
    summary_sheet: str
    lines_sheet: str
    specs_sheet: str
    record: str
    item: str
    document: str


WORDS: Final[dict[str, Words]] = {
    "es": Words(
        quote="Cotización",
        customer="Cliente",
        no_customer="Sin nombre",
        issued="Fecha",
        valid_until="Válida hasta",
        expired="Vencida",
        delivery="Entrega",
        rush_order="urgente",
        currency="Moneda",
        position="Núm.",
        part="Pieza",
        file="Archivo",
        file_id="Id. de archivo",
        process="Proceso",
        material="Material",
        finish="Acabado",
        quantity="Cantidad",
        unit_price="Precio unitario",
        lead_time="Entrega",
        lead_time_days="Entrega (días hábiles)",
        amount="Importe",
        lines_total="Suma de partidas",
        supplement="Complemento por pedido mínimo",
        subtotal="Subtotal",
        discount="Descuento por volumen",
        rush="Cargo por urgencia",
        net="Base gravable",
        tax="IVA",
        total="Total",
        in_words="Importe con letra",
        size="Medidas",
        volume="Volumen",
        area="Superficie",
        wall="Pared mínima",
        findings="Observaciones de manufactura",
        more_findings="observaciones más",
        no_findings="Sin observaciones de manufactura.",
        terms="Condiciones",
        not_fiscal="Este documento no es un comprobante fiscal.",
        page="Página",
        of="de",
        summary_sheet="Resumen",
        lines_sheet="Partidas",
        specs_sheet="Especificaciones",
        record="Registro",
        item="partida",
        document="Cotizacion",
    ),
    "en": Words(
        quote="Quote",
        customer="Customer",
        no_customer="No name given",
        issued="Date",
        valid_until="Valid until",
        expired="Expired",
        delivery="Lead time",
        rush_order="rush order",
        currency="Currency",
        position="No.",
        part="Part",
        file="File",
        file_id="File id",
        process="Process",
        material="Material",
        finish="Finish",
        quantity="Quantity",
        unit_price="Unit price",
        lead_time="Lead time",
        lead_time_days="Lead time (working days)",
        amount="Amount",
        lines_total="Sum of lines",
        supplement="Supplement to the minimum order",
        subtotal="Subtotal",
        discount="Volume discount",
        rush="Rush fee",
        net="Taxable amount",
        tax="VAT (IVA)",
        total="Total",
        in_words="Amount in words",
        size="Size",
        volume="Volume",
        area="Surface",
        wall="Thinnest wall",
        findings="Manufacturability findings",
        more_findings="more findings",
        no_findings="No manufacturability findings.",
        terms="Terms",
        not_fiscal="This document is not a tax invoice.",
        page="Page",
        of="of",
        summary_sheet="Summary",
        lines_sheet="Lines",
        specs_sheet="Specifications",
        record="Record",
        item="line",
        document="Quote",
    ),
}


def tax_label(language: str, rate: Decimal) -> str:
    """``IVA 16 %``: the rate (a share of one) without trailing zeros."""
    percent = f"{(rate * 100).normalize():f}"
    return f"{WORDS[language].tax} {percent} %"


def terms_of(language: str, currency: str, valid_until: date) -> tuple[str, ...]:
    """The terms under which a quote is made. They promise nothing that the figures don't say; what
    is agreed in writing with a customer goes before them."""
    day = long_date(valid_until, language)
    if language == "es":
        return (
            f"Los precios están en {currency} y son válidos hasta el {day}.",
            "Los tiempos de entrega son días hábiles a partir de la confirmación del pedido y de "
            "los archivos definitivos.",
            "El precio corresponde a los archivos, cantidades, materiales y acabados aquí "
            "descritos; si cambian, se cotiza de nuevo.",
            "No incluye envío, embalaje especial, certificados ni informes de inspección, salvo "
            "que aparezcan como partida.",
            "Aplican las tolerancias generales de cada proceso; las medidas críticas deben "
            "acordarse por escrito antes de fabricar.",
            "El pago se hace en los términos acordados con el cliente; a falta de acuerdo, antes "
            "de iniciar la fabricación.",
        )
    return (
        f"Prices are in {currency} and valid until {day}.",
        "Lead times are working days from the confirmation of the order and of the final files.",
        "The price is for the files, quantities, materials and finishes described here; if they "
        "change, we quote again.",
        "Shipping, special packaging, certificates and inspection reports are not included unless "
        "they stand here as a line.",
        "The general tolerances of each process apply; critical dimensions must be agreed in "
        "writing before production.",
        "Payment follows the terms agreed with the customer; without any, it is due before "
        "production starts.",
    )

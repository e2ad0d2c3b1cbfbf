"""Amounts in words, as a customer's accountant reads them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cotiza_queue.processors.reports.amounts import LIMIT, in_words

SPANISH = {
    "0.00": "CERO PESOS 00/100 M.N.",
    "0.01": "CERO PESOS 01/100 M.N.",
    "1.00": "UN PESO 00/100 M.N.",
    "2": "DOS PESOS 00/100 M.N.",
    "16": "DIECISÉIS PESOS 00/100 M.N.",
    "21.50": "VEINTIÚN PESOS 50/100 M.N.",
    "22": "VEINTIDÓS PESOS 00/100 M.N.",
    "31": "TREINTA Y UN PESOS 00/100 M.N.",
    "40": "CUARENTA PESOS 00/100 M.N.",
    "99.99": "NOVENTA Y NUEVE PESOS 99/100 M.N.",
    "100": "CIEN PESOS 00/100 M.N.",
    "101": "CIENTO UN PESOS 00/100 M.N.",
    "500.05": "QUINIENTOS PESOS 05/100 M.N.",
    "700": "SETECIENTOS PESOS 00/100 M.N.",
    "900": "NOVECIENTOS PESOS 00/100 M.N.",
    "1000": "MIL PESOS 00/100 M.N.",
    "1001": "MIL UN PESOS 00/100 M.N.",
    "21021": "VEINTIÚN MIL VEINTIÚN PESOS 00/100 M.N.",
    "31000": "TREINTA Y UN MIL PESOS 00/100 M.N.",
    "100000": "CIEN MIL PESOS 00/100 M.N.",
    "123456.78": "CIENTO VEINTITRÉS MIL CUATROCIENTOS CINCUENTA Y SEIS PESOS 78/100 M.N.",
    "1000000": "UN MILLÓN DE PESOS 00/100 M.N.",
    "1000000.01": "UN MILLÓN DE PESOS 01/100 M.N.",
    "1000001": "UN MILLÓN UN PESOS 00/100 M.N.",
    "21000000": "VEINTIÚN MILLONES DE PESOS 00/100 M.N.",
    "1000000000": "MIL MILLONES DE PESOS 00/100 M.N.",
    "1000000000000": "UN BILLÓN DE PESOS 00/100 M.N.",
    "2000001000000": "DOS BILLONES UN MILLÓN DE PESOS 00/100 M.N.",
}

ENGLISH = {
    "0.00": "ZERO PESOS 00/100 MXN",
    "1.00": "ONE PESO 00/100 MXN",
    "13": "THIRTEEN PESOS 00/100 MXN",
    "20": "TWENTY PESOS 00/100 MXN",
    "21.50": "TWENTY-ONE PESOS 50/100 MXN",
    "100": "ONE HUNDRED PESOS 00/100 MXN",
    "115": "ONE HUNDRED FIFTEEN PESOS 00/100 MXN",
    "1000": "ONE THOUSAND PESOS 00/100 MXN",
    "123456.78": "ONE HUNDRED TWENTY-THREE THOUSAND FOUR HUNDRED FIFTY-SIX PESOS 78/100 MXN",
    "1000000.01": "ONE MILLION PESOS 01/100 MXN",
    "1002003004005": "ONE TRILLION TWO BILLION THREE MILLION FOUR THOUSAND FIVE PESOS 00/100 MXN",
}


@pytest.mark.parametrize("amount", SPANISH)
def test_an_amount_reads_right_in_spanish(amount):
    assert in_words(Decimal(amount), "MXN", "es") == SPANISH[amount]


@pytest.mark.parametrize("amount", ENGLISH)
def test_an_amount_reads_right_in_english(amount):
    assert in_words(Decimal(amount), "MXN", "en") == ENGLISH[amount]


@pytest.mark.parametrize(
    ("amount", "currency", "language", "said"),
    [
        ("1", "USD", "es", "UN DÓLAR 00/100 USD"),
        ("1000000", "USD", "es", "UN MILLÓN DE DÓLARES 00/100 USD"),
        ("2", "CAD", "es", "DOS DÓLARES CANADIENSES 00/100 CAD"),
        ("3.20", "EUR", "en", "THREE EUROS 20/100 EUR"),
        ("3.20", "GBP", "es", "TRES 20/100 GBP"),
        ("1000000", "GBP", "es", "UN MILLÓN 00/100 GBP"),
    ],
)
def test_each_currency_has_its_noun_or_only_its_code(amount, currency, language, said):
    assert in_words(Decimal(amount), currency, language) == said


def test_every_number_below_two_thousand_has_words_of_its_own():
    for language in ("es", "en"):
        said = {in_words(Decimal(number), "MXN", language) for number in range(2000)}
        assert len(said) == 2000
        assert not any("." in words.removesuffix("M.N.") for words in said)


def test_the_largest_amount_is_the_last_one_below_the_limit():
    last = LIMIT - Decimal("0.01")
    assert in_words(last, "MXN", "es").startswith("NOVECIENTOS NOVENTA Y NUEVE BILLONES")
    assert in_words(last, "MXN", "en").startswith("NINE HUNDRED NINETY-NINE TRILLION")


@pytest.mark.parametrize("amount", [LIMIT, Decimal("-0.01"), Decimal("1.005")])
def test_what_can_not_be_said_is_refused(amount):
    with pytest.raises(ValueError):
        in_words(amount, "MXN", "es")

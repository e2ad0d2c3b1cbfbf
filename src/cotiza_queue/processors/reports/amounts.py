"""An amount of money in words, as Mexican and US documents print it.

    es         21.50 MXN  VEINTIÚN PESOS 50/100 M.N.
    es  1,000,000.01 MXN  UN MILLÓN DE PESOS 01/100 M.N.
    en         21.50 USD  TWENTY-ONE DOLLARS 50/100 USD

Hundredths stand as a fraction; «M.N.» (moneda nacional) closes an amount in pesos, the ISO 4217
code any other. Spanish forms: «uno» loses its -o before a noun and before «mil» and «millones»
(veintiún, treinta y un), and «millón» takes «de» where the noun follows directly (RAE, Diccionario
panhispánico de dudas: cardinales). A currency
without a name here has only its code. Refused:
negative amounts, a thousand million million and more, and fractions of a hundredth.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

LIMIT: Final = Decimal(10) ** 15


class Noun(NamedTuple):
    one: str
    many: str


_NOUNS: Final[dict[str, dict[str, Noun]]] = {
    "es": {
        "MXN": Noun("peso", "pesos"),
        "USD": Noun("dólar", "dólares"),
        "CAD": Noun("dólar canadiense", "dólares canadienses"),
        "EUR": Noun("euro", "euros"),
    },
    "en": {
        "MXN": Noun("peso", "pesos"),
        "USD": Noun("dollar", "dollars"),
        "CAD": Noun("Canadian dollar", "Canadian dollars"),
        "EUR": Noun("euro", "euros"),
    },
}


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ES_SMALL: Final = _listed(
    "cero un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciséis diecisiete dieciocho diecinueve veinte veintiún veintidós veintitrés veinticuatro "
    "veinticinco veintiséis veintisiete veintiocho veintinueve"
)
_ES_TENS: Final = _listed(". . . treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_ES_HUNDREDS: Final = _listed(
    ". ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos "
    "ochocientos novecientos"
)
_EN_SMALL: Final = _listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_EN_TENS: Final = _listed(". . twenty thirty forty fifty sixty seventy eighty ninety")
_EN_GROUPS: Final = ("", " thousand", " million", " billion", " trillion")


def in_words(amount: Decimal, currency: str, language: str) -> str:
    """The amount in capitals. Raises ValueError for an amount that this form can't say."""
    hundredths = amount * 100
    if not 0 <= amount < LIMIT or hundredths != hundredths.to_integral_value():
        raise ValueError("in words only amounts from 0 to 10^15 in whole hundredths can be said")
    whole, rest = divmod(int(hundredths), 100)
    noun = _NOUNS[language].get(currency, Noun("", ""))
    name = noun.one if whole == 1 else noun.many
    if language == "es":
        link = " de " if name and whole and whole % 1_000_000 == 0 else " "
        words = f"{_spanish(whole)}{link}{name}".rstrip()
    else:
        words = f"{_english(whole)} {name}".rstrip()
    closing = "M.N." if language == "es" and currency == "MXN" else currency
    return f"{words.upper()} {rest:02d}/100 {closing}"


def _spanish(number: int) -> str:
    """The cardinal as it stands before a masculine noun: «un», «veintiún». 10^12 is «un billón»."""
    parts = []
    for power, one, many in ((12, "un billón", "billones"), (6, "un millón", "millones")):
        group = number // 10**power % 1_000_000
        if group:
            parts.append(one if group == 1 else f"{_spanish_thousands(group)} {many}")
    if number % 1_000_000 or not parts:
        parts.append(_spanish_thousands(number % 1_000_000))
    return " ".join(parts)


def _spanish_thousands(number: int) -> str:
    """Below a million: «mil» has no «un» before it."""
    thousands, below = divmod(number, 1000)
    parts = []
    if thousands:
        parts.append("mil" if thousands == 1 else f"{_spanish_hundreds(thousands)} mil")
    if below or not thousands:
        parts.append(_spanish_hundreds(below))
    return " ".join(parts)


def _spanish_hundreds(number: int) -> str:
    hundreds, below = divmod(number, 100)
    if number == 100:
        return "cien"
    parts = [_ES_HUNDREDS[hundreds]] if hundreds else []
    if below >= 30:
        tens, ones = divmod(below, 10)
        parts.append(f"{_ES_TENS[tens]} y {_ES_SMALL[ones]}" if ones else _ES_TENS[tens])
    elif below or not hundreds:
        parts.append(_ES_SMALL[below])
    return " ".join(parts)


def _english(number: int) -> str:
    if number == 0:
        return _EN_SMALL[0]
    parts = []
    for power in range(len(_EN_GROUPS) - 1, -1, -1):
        group = number // 1000**power % 1000
        if group:
            parts.append(f"{_english_hundreds(group)}{_EN_GROUPS[power]}")
    return " ".join(parts)


def _english_hundreds(number: int) -> str:
    hundreds, below = divmod(number, 100)
    parts = [f"{_EN_SMALL[hundreds]} hundred"] if hundreds else []
    if below >= 20:
        tens, ones = divmod(below, 10)
        parts.append(f"{_EN_TENS[tens]}-{_EN_SMALL[ones]}" if ones else _EN_TENS[tens])
    elif below:
        parts.append(_EN_SMALL[below])
    return " ".join(parts)

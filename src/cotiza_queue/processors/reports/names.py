"""Names for the codes of price lists and analyses, in Spanish and English.

A code without a name here is shown as it is, its hyphens as spaces: a new material needs no new
release, only a name when someone wants one.
"""

from __future__ import annotations

from typing import Final

from cotiza_queue.jobtypes.file_analysis import DfmIssue
from cotiza_queue.processors.formats import number, one_line

_PROCESSES: Final[dict[str, dict[str, str]]] = {
    "es": {
        "fff": "Impresión 3D FFF (filamento)",
        "sla": "Impresión 3D SLA (resina)",
        "sls": "Impresión 3D SLS (nailon sinterizado)",
        "mjf": "Impresión 3D MJF (nailon fundido)",
        "cnc": "Fresado CNC de 3 ejes",
        "laser": "Corte láser",
        "sheet": "Lámina doblada",
    },
    "en": {
        "fff": "FFF 3D printing (filament)",
        "sla": "SLA 3D printing (resin)",
        "sls": "SLS 3D printing (sintered nylon)",
        "mjf": "MJF 3D printing (fused nylon)",
        "cnc": "3-axis CNC milling",
        "laser": "Laser cutting",
        "sheet": "Sheet metal",
    },
}
_MATERIALS: Final[dict[str, dict[str, str]]] = {
    "es": {
        "tpu": "TPU 95A",
        "resin-standard": "Resina estándar",
        "pa12": "PA12 (nailon)",
        "aluminium-6061": "Aluminio 6061-T6",
        "steel-1018": "Acero AISI 1018",
        "stainless-304": "Acero inoxidable AISI 304",
        "pom": "POM (acetal)",
    },
    "en": {
        "tpu": "TPU 95A",
        "resin-standard": "Standard resin",
        "pa12": "PA12 (nylon)",
        "aluminium-6061": "Aluminium 6061-T6",
        "steel-1018": "Steel AISI 1018",
        "stainless-304": "Stainless steel AISI 304",
        "pom": "POM (acetal)",
    },
}
_FINISHES: Final[dict[str, dict[str, str]]] = {
    "es": {
        "sanded": "lijado",
        "painted": "imprimado y pintado",
        "vapor-smoothed": "alisado con vapor",
        "dyed-black": "teñido negro",
        "bead-blasted": "granallado",
        "anodized": "anodizado natural",
    },
    "en": {"painted": "primed and painted", "anodized": "anodized, clear"},
}
_WARNINGS: Final[dict[str, dict[str, str]]] = {
    "es": {
        "UNITS_ASSUMED": "El archivo no indica unidades; se tomaron milímetros.",
        "UNITS_AMBIGUOUS": "Las unidades del archivo son dudosas; confirme las medidas.",
        "NOT_WATERTIGHT": "La malla tiene aberturas; el volumen es aproximado.",
        "DFM_WARNINGS": "La revisión de manufactura tiene observaciones.",
        "DFM_NOT_CHECKED": "Sin revisión de manufactura para este proceso.",
        "SUPPORTS_NOT_ESTIMATED": "El precio no considera soportes.",
        "MACHINING_TIME_ASSUMED": "Tiempo de maquinado estimado a partir del volumen a retirar.",
    },
    "en": {
        "UNITS_ASSUMED": "The file names no units; millimetres were taken.",
        "UNITS_AMBIGUOUS": "The units of the file are doubtful; please confirm the sizes.",
        "NOT_WATERTIGHT": "The mesh has openings; its volume is approximate.",
        "DFM_WARNINGS": "The manufacturability check has remarks.",
        "DFM_NOT_CHECKED": "Not checked for manufacturability in this process.",
        "SUPPORTS_NOT_ESTIMATED": "The price includes no supports.",
        "MACHINING_TIME_ASSUMED": "Machining time estimated from the volume to remove.",
    },
}
_FINDINGS_ES: Final[dict[str, str]] = {
    "thin_wall": "Paredes de hasta {measured} mm; el límite es {limit} mm.",
    "small_gap": "Barrenos, ranuras o huecos de hasta {measured} mm; el límite es {limit} mm.",
    "overhang": "Voladizos de hasta {measured}°; sobre {limit}° se necesitan soportes.",
    "enclosed_void": "Cavidad cerrada de {measured} mm³; necesita un orificio de salida.",
    "unreachable_surface": "{measured} mm² de superficie que la herramienta no alcanza.",
    "sharp_inner_corner": "{measured} mm de aristas interiores vivas; la fresa deja un radio.",
    "deep_hole": "Barreno {measured} veces más hondo que ancho; el límite es {limit}.",
    "small_hole": "Barreno de {measured} mm de diámetro; el límite es {limit} mm.",
    "not_watertight": "{measured} aristas abiertas en la malla.",
    "exceeds_build_volume": "Mide {measured} mm donde la máquina admite {limit} mm.",
    "process_not_applicable": "El proceso parte de un contorno plano, no de un modelo 3D.",
}


def process(code: str, language: str) -> str:
    """The name of a process."""
    return _PROCESSES[language].get(code, _plain(code))


def material(code: str, language: str) -> str:
    """The name of a material; a short code such as ``petg`` is an abbreviation."""
    return _MATERIALS[language].get(code, code.upper() if len(code) <= 4 else _plain(code))


def finish(code: str, language: str) -> str:
    """The name of a finish, in lower case."""
    return _FINISHES[language].get(code, code.replace("-", " ").replace("_", " "))


def warning(code: str, language: str) -> str | None:
    """What a customer should know of a line's warning; None for one that is the shop's own matter
    (a part turned to fit the machine)."""
    return _WARNINGS[language].get(code)


def finding(issue: DfmIssue, language: str) -> str:
    """A finding as a sentence. The analysis words it in English; a type that is not known here, or
    one that was not measured, keeps that wording."""
    pattern = _FINDINGS_ES.get(issue.type) if language == "es" else None
    if pattern is None or issue.measured is None or issue.limit is None:
        return one_line(issue.description)
    return pattern.format(
        measured=number(issue.measured, 2, language), limit=number(issue.limit, 2, language)
    )


def _plain(code: str) -> str:
    text = code.replace("-", " ").replace("_", " ").strip()
    return text[:1].upper() + text[1:]

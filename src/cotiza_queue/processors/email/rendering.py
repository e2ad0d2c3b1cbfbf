"""Facts → subject, plain text and HTML. The templates lie in
``templates/<language>/<type>.txt|html``.

The HTML is one column of 600 px with its CSS inline, no pictures and nothing fetched from anywhere;
its colours hold in dark mode. The text part is a template of its own with the same facts. People's
text reaches a template only as a value, never as a template; a name that a template misspells
raises (StrictUndefined) instead of printing a hole.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ..formats import one_line
from .facts import Facts, as_shown


class Written(NamedTuple):
    """The words of one mail."""

    subject: str
    text: str
    html: str


def write(kind: str, facts: Facts, language: str, *, sender: str, greeted: str | None) -> Written:
    """The mail of a type in a language. ``sender``: the name in its head; ``greeted``: whom to
    greet by name if the facts don't say. Raises InvalidData for a fact that can't be shown.
    """
    shown = as_shown(facts, language)
    shown["customer_name"] = shown["customer_name"] or (one_line(greeted) if greeted else None)
    shown["sender"] = sender
    text = _templates().get_template(f"{language}/{kind}.txt")
    subject = one_line("".join(text.blocks["subject"](text.new_context(shown))))
    html = _templates().get_template(f"{language}/{kind}.html")
    return Written(subject, text.render(shown), html.render(shown | {"subject": subject}))


@cache
def _templates() -> Environment:
    """The templates ship with the package and are compiled once per process; they can't change
    while it runs.
    """
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )

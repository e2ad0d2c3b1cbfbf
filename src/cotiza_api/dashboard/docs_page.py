"""The page that shows the OpenAPI document to people: every route, its fields, its errors, and a
command to try it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ..errors import known_errors

Json = dict[str, Any]
DEEPEST = 3
"""Levels of nested fields that are shown; below them stands the type's name."""
_CODE = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    """A field: its path, its type and limits, what it is for."""

    path: str
    kind: str
    required: bool
    note: str


class Shown(NamedTuple):
    """An operation as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    role: str
    parameters: list[Row]
    fields: list[Row]
    examples: list[tuple[str, str]]
    answers: list[tuple[str, str, str]]
    command: str


def render(document: Json) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    groups: dict[str, list[Shown]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups[operation["tags"][0]].append(_shown(document, path, method, operation))
    return environment.get_template("docs.html").render(
        info=document["info"],
        groups=groups,
        payloads=_payloads(document),
        errors=[
            (kind.http_status, kind.code, (kind.__doc__ or "").strip().split("\n\n")[0])
            for kind in known_errors()
        ],
    )


def prose(text: str) -> Markup:
    """Plain Markdown as HTML: paragraphs, and words between backticks as code."""
    paragraphs = [
        _CODE.sub(r"<code>\1</code>", str(escape(" ".join(part.split()))))
        for part in text.split("\n\n")
    ]
    return Markup("".join(f"<p>{part}</p>" for part in paragraphs))  # noqa: S704 - escaped above


def _payloads(document: Json) -> list[tuple[str, str, list[Row]]]:
    """Each job type: its name, what its payload says of itself, the fields of ``data``."""
    found = []
    for variant in document["components"]["schemas"]["CreateJob"]["oneOf"]:
        fields = variant["properties"]
        schema = _resolved(document, fields["data"])
        rows = list(_rows(document, fields["data"]))
        found.append((fields["type"]["const"], schema.get("description", ""), rows))
    return found


def _shown(document: Json, path: str, method: str, operation: Json) -> Shown:
    body = operation.get("requestBody", {}).get("content", {})
    described = body.get("application/json", {})
    examples = [
        (name, json.dumps(one["value"], indent=2, ensure_ascii=False))
        for name, one in described.get("examples", {}).items()
    ]
    return Shown(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation["description"],
        role=operation["x-role"],
        parameters=[
            Row(one["name"], _kind(one["schema"]), one["required"], f"in the {one['in']}")
            for one in operation["parameters"]
        ],
        fields=list(_rows(document, described.get("schema", {}))),
        examples=examples,
        answers=[_answer(status, one) for status, one in operation["responses"].items()],
        command=_command(document, path, method, operation),
    )


def _answer(status: str, response: Json) -> tuple[str, str, str]:
    content = response.get("content", {})
    kinds = [f"{_kind(one['schema'])} ({media_type})" for media_type, one in content.items()]
    return status, response["description"], ", ".join(kinds).removesuffix(" (application/json)")


def _rows(document: Json, schema: Json, prefix: str = "", depth: int = 0) -> Iterator[Row]:
    schema = _resolved(document, schema)
    for name, field in schema.get("properties", {}).items():
        inner = _without_null(field)
        yield Row(
            f"{prefix}{name}",
            _kind(inner),
            name in schema.get("required", []),
            _default(field),
        )
        nested, mark = (inner["items"], "[]") if "$ref" in inner.get("items", {}) else (inner, "")
        if depth < DEEPEST and "$ref" in nested:
            yield from _rows(document, nested, f"{prefix}{name}{mark}.", depth + 1)


def _resolved(document: Json, schema: Json) -> Json:
    if "$ref" not in schema:
        return schema
    found: Json = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _without_null(schema: Json) -> Json:
    kept = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    return kept[0] if len(kept) == 1 else schema


def _kind(schema: Json) -> str:
    """A schema in a few words: ``integer 1 … 25``."""
    schema = _without_null(schema)
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return f"{schema.get('format', schema.get('type', 'anything'))} {_limits(schema)}".strip()


def _limits(schema: Json) -> str:
    low = schema.get("minimum", schema.get("minLength"))
    high = schema.get("maximum", schema.get("maxLength"))
    unit = " characters" if "minLength" in schema or "maxLength" in schema else ""
    match low, high:
        case None, None:
            return ""
        case None, _:
            return f"≤ {high:,}{unit}"
        case _, None:
            return f"≥ {low:,}{unit}"
    return f"{low:,} … {high:,}{unit}"


def _default(schema: Json) -> str:
    default = schema.get("default")
    if default is None or isinstance(default, dict | list):
        return ""
    return f"{json.dumps(default)} if left out"


def _command(document: Json, path: str, method: str, operation: Json) -> str:
    parts = ["curl"]
    if method != "get":
        parts.append(f"-X {method.upper()}")
    if operation["security"]:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        parts.append("-F file=@part.stl")
    elif "application/json" in content:
        shown = next(iter(content["application/json"]["examples"].values()))["value"]
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"-d {shlex.quote(json.dumps(shown, ensure_ascii=False))}")
    if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}):
        parts.insert(1, "-N")
    url = document["servers"][0]["url"] + path
    lines = [" ".join(parts[:2]), *parts[2:], shlex.quote(url)]
    return (" " if len(parts) == 1 else " \\\n  ").join(lines)

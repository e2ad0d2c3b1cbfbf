"""What is wrong with an input, in words that need no knowledge of msgspec, Python or regular
expressions.

A pattern is explained by the description that stands beside it in its ``Meta``, a closed set by its
members. Pure: the error and the type that was asked for in, a path and a sentence out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import inspect

MAX_SHOWN = 40
"""Characters of a wrong value that are quoted."""

_PATH = re.compile(r" - at `(key in )?\$(.*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_NAMED_FIELD = {
    re.compile(r"Object missing required field `(.+)`"): "is required",
    re.compile(r"Object contains unknown field `(.+)`"): "is not a known field",
}
_LENGTH = re.compile(r"Expected `(\w+)` of length (>=|<=|==) (\d+)")
_BOUND = re.compile(r"Expected `\w+` (>=|<=|>|<) (\S+)")
_KIND = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_SET = re.compile(r"Invalid (?:enum )?value (.+)", re.DOTALL)
_SIMPLE = re.compile(r"\^\[([^\]^]+)\][+*]\$")
"""A pattern that is one set of characters, as ``^[0-9a-z]+$``."""
_TEXT = r"^[^\x00-\x1f\x7f]+$"
_KINDS = {
    "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false",
    "array": "a list", "object": "an object", "null": "null", "decimal": "a decimal number",
}  # fmt: skip
_GOT = _KINDS | {"float": "one with a fraction"}
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than", "==": "exactly"}
_UNITS = {"str": "character", "array": "item", "object": "field"}


class Fault(NamedTuple):
    """One fault. ``path``: of the field (``items[0].quantity``), empty for the whole input;
    ``message``: what it must be, to be read after the path.
    """

    path: str
    message: str


def explain(error: Exception, kind: Any = Any) -> Fault:
    """A msgspec error, raised while something was converted to ``kind``, as a fault."""
    text = str(error)
    found = _PATH.search(text)
    path = found.group(2) if found else ""
    message = _PATH.sub("", text)
    for pattern, words in _NAMED_FIELD.items():
        if named := pattern.fullmatch(message):
            return Fault(_plain(f"{path}.{named.group(1)}"), words)
    nodes = [] if found and found.group(1) else list(_nodes(kind, path))  # a key has no node
    return Fault(_plain(path), _sentence(message, nodes))


def _plain(path: str) -> str:
    return path.replace("[...]", "").removeprefix(".")


def _sentence(message: str, nodes: list[inspect.Type]) -> str:
    if " matching regex " in message:
        return f"must be {_pattern(nodes)}"
    if match := _SET.fullmatch(message):
        choices = ", ".join(map(str, _choices(nodes)))
        return f"must be one of {choices}" if choices else f"can't be {match.group(1)[:MAX_SHOWN]}"
    if match := _LENGTH.fullmatch(message):
        return _length(*match.groups())
    if match := _BOUND.fullmatch(message):
        sign, number = match.groups()
        return f"must be {_BOUNDS[sign]} {_number(number)}"
    if match := _KIND.fullmatch(message):
        wanted = [_KINDS.get(word, word) for word in match.group(1).split(" | ") if word != "null"]
        return f"must be {' or '.join(wanted)}, not {_GOT.get(match.group(2), match.group(2))}"
    return message[:1].lower() + message[1:]


def _length(kind: str, sign: str, number: str) -> str:
    if (sign, number) == (">=", "1"):
        return "must not be empty"
    unit = _UNITS.get(kind, "item")
    return f"must have {_BOUNDS[sign]} {_number(number)} {unit}{'' if number == '1' else 's'}"


def _number(text: str) -> str:
    return f"{int(text):,}" if re.fullmatch(r"-?\d+", text) else text


def _pattern(nodes: list[inspect.Type]) -> str:
    """What a text must look like: as its description says, or as its set of characters does."""
    words = ""
    for node in nodes:
        if isinstance(node, inspect.Metadata):
            words = (node.extra_json_schema or {}).get("description") or words
        pattern = getattr(node, "pattern", None)
        if pattern is None:
            continue
        simple = _SIMPLE.match(pattern)
        if simple and not words:
            characters = re.sub(r"(\w-\w)", r"\1 ", simple.group(1))
            words = f"of the characters {characters}"
        if pattern.startswith(_TEXT) and not words:
            words = "text without control characters"
    return words or "text of another form"


def _choices(nodes: list[inspect.Type]) -> Iterator[Any]:
    for node in nodes:
        match node:
            case inspect.LiteralType():
                yield from node.values
            case inspect.EnumType():
                yield from (member.value for member in node.cls)


def _nodes(kind: Any, path: str) -> Iterator[inspect.Type]:
    """Every type that a value at the path may have, with what is annotated on the way to it."""
    found = list(_unwrapped(_type_info(kind)))
    for name, _ in _STEP.findall(path):
        inner = [child for node in found for child in _children(node, name)]
        found = [node for child in inner for node in _unwrapped(child)]
    yield from found


@lru_cache(64)
def _type_info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _unwrapped(node: inspect.Type) -> Iterator[inspect.Type]:
    yield node
    match node:
        case inspect.Metadata():
            yield from _unwrapped(node.type)
        case inspect.UnionType():
            for member in node.types:
                yield from _unwrapped(member)


def _children(node: inspect.Type, name: str) -> Iterator[inspect.Type]:
    match node:
        case inspect.StructType() if name:
            yield from (field.type for field in node.fields if field.encode_name == name)
        case inspect.ListType() | inspect.VarTupleType() if not name:
            yield node.item_type
        case inspect.DictType():
            yield node.value_type

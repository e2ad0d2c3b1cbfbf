"""The Lua files as one Redis Functions library whose name carries the hash of its content.

Two versions of it live side by side during a rolling deploy, and nothing has to be loaded twice.
"""

from __future__ import annotations

import functools
import hashlib
import re
from importlib import resources
from importlib.resources.abc import Traversable

_FLAGS = re.compile(r"^-- FLAGS +(.+)$", re.MULTILINE)


class Library:
    """``code``: what FUNCTION LOAD takes. ``functions``: verb → its name on the server."""

    def __init__(self, lib: dict[str, str], ops: dict[str, str]) -> None:
        body = "\n".join([*lib.values(), *ops.values()])
        digest = hashlib.sha256(body.encode()).hexdigest()[:12]
        self.name = f"cotiza_{digest}"
        self.functions = {verb: f"{self.name}_{verb}" for verb in ops}
        registrations = "\n".join(self._registration(verb, text) for verb, text in ops.items())
        self.code = f"#!lua name={self.name}\n{body}\n{registrations}\n"

    def _registration(self, verb: str, text: str) -> str:
        flags = _FLAGS.search(text)
        names = (
            ", ".join(f"'{flag.strip()}'" for flag in flags.group(1).split(",")) if flags else ""
        )
        return (
            f"redis.register_function{{ function_name = '{self.functions[verb]}', "
            f"callback = {verb}, flags = {{ {names} }} }}"
        )


@functools.cache
def library() -> Library:
    """The library of this installation."""
    root = resources.files("cotiza_queue") / "lua"
    return Library(_read(root / "lib"), _read(root / "ops"))


def _read(folder: Traversable) -> dict[str, str]:
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".lua")),
        key=lambda file: file.name,
    )
    return {file.name.removesuffix(".lua"): file.read_text(encoding="utf-8") for file in files}

"""The Lua files as one Redis Functions library whose name carries the hash of its content.

Two versions of it live side by side during a rolling deploy, and nothing has to be loaded twice.
What they must share is the form of the data (form.py).
"""

from __future__ import annotations

import functools
import hashlib
import re
from importlib import resources

CLOCK_KEY = "cq:test:clock"
"""Where a test keeps its time, milliseconds since the epoch."""
_FLAGS = re.compile(r"^-- FLAGS +(.+)$", re.MULTILINE)
_SHARED = re.compile(r"^local ([a-z_]+) =", re.MULTILINE)
"""What a file of ``lib`` shares with those after it: names like these, beside each other."""


class Library:
    """``code``: what FUNCTION LOAD takes. ``functions``: verb → its name on the server.

    Lua allows 200 local names beside each other, so each file is a block: what it calls LIKE_THIS,
    and its local functions, are its own.
    """

    def __init__(self, lib: dict[str, str], ops: dict[str, str]) -> None:
        content = "\n".join([*lib.values(), *ops.values()])
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        self.name = f"cotiza_{digest}"
        self.functions = {verb: f"{self.name}_{verb}" for verb in ops}
        shared = dict.fromkeys(name for text in lib.values() for name in _SHARED.findall(text))
        parts = [
            f"local {', '.join(shared)}",
            *(_SHARED.sub(r"\1 =", f"do\n{text}\nend") for text in lib.values()),
            *(self._registered(verb, text) for verb, text in ops.items()),
        ]
        self.code = "\n".join([f"#!lua name={self.name}", *parts, ""])

    def _registered(self, verb: str, text: str) -> str:
        """An operation in a block of its own."""
        flags = _FLAGS.search(text)
        names = (
            ", ".join(f"'{flag.strip()}'" for flag in flags.group(1).split(",")) if flags else ""
        )
        return (
            f"do\n{text}\n"
            f"redis.register_function{{ function_name = '{self.functions[verb]}', "
            f"callback = {verb}, flags = {{ {names} }} }}\nend"
        )


@functools.cache
def library() -> Library:
    """The library of this installation."""
    return Library(sources("lib"), sources("ops"))


@functools.cache
def virtual_library() -> Library:
    """The same, but its time is what a test has written to ``CLOCK_KEY``. Its content differs, and
    so does its name: both can live on one server. For ``cotiza_queue.testing`` alone.
    """
    return Library(sources("lib") | sources("virtual"), sources("ops"))


def sources(folder: str) -> dict[str, str]:
    """The Lua files of a folder (lib, ops, virtual), in the order of their names."""
    entries = (resources.files("cotiza_queue") / "lua" / folder).iterdir()
    files = sorted(
        (file for file in entries if file.name.endswith(".lua")), key=lambda file: file.name
    )
    return {file.name.removesuffix(".lua"): file.read_text(encoding="utf-8") for file in files}

"""Answers of the server in a line."""

from __future__ import annotations

from cotiza_queue.store.commands import Turn

_WIDTH = 160


def short(answer: object) -> str:
    if isinstance(answer, Turn):
        taken = [f"{d.id}#{d.token}" for d in answer.deliveries]
        return f"{answer.answers} took {taken}"
    text = answer if isinstance(answer, str) else repr(answer)
    return text if len(text) < _WIDTH else text[: _WIDTH - 4] + " ..."

"""What an attempt saves for later ones of its job: results of steps, and cursors.

Nothing is asked of Redis before the first use, and then only if an earlier attempt has saved
something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import PermanentError
from ..store import codec
from ..store.commands import Commands, Delivery

MAX_NAMES = 64
"""Of steps and cursors of one job together; the scripts hold it (lib/39_checkpoint.lua)."""
MAX_NAME = 100
"""Characters of a name."""
MAX_VALUE_BYTES = 64 * 1024
"""Of one value as JSON."""


class Checkpoints:
    """Of one attempt. ``lost`` is called when a save was refused: the job is another worker's."""

    def __init__(
        self, commands: Commands, job_type: str, delivery: Delivery, lost: Callable[[], None]
    ) -> None:
        self._commands = commands
        self._job_type = job_type
        self._delivery = delivery
        self._lost = lost
        self._values: dict[str, bytes] | None = None if delivery.saved else {}
        self._loading = asyncio.Lock()
        self._stepped: set[str] = set()
        self._calls: dict[str, int] = {}
        self._unsaved: dict[str, bytes] = {}

    async def step(
        self, name: str, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
    ) -> Any:
        """The saved result of a step, or that of calling it, which is saved first."""
        key = _key("step", name)
        if key in self._stepped:
            raise PermanentError(
                f"the step {name!r} is there twice in one attempt",
                code="step_used_twice",
                remedy="Give each step a name of its own; in a loop, with a number.",
            )
        self._stepped.add(key)
        values = await self._loaded()
        if key not in values:
            await self._save(key, _encoded(name, await function(*args)))
        return codec.decode_json(values[key])

    async def cursor(self, name: str, default: Any) -> Any:
        """What was last saved under a cursor's name."""
        key = _key("cursor", name)
        values = await self._loaded()
        found = self._unsaved.get(key) or values.get(key)
        return default if found is None else codec.decode_json(found)

    async def save_cursor(self, name: str, value: Any, every: int) -> None:
        """Save a cursor, at each ``every``-th call; what is left is saved when the attempt ends."""
        key = _key("cursor", name)
        self._unsaved[key] = _encoded(name, value)
        self._calls[key] = self._calls.get(key, 0) + 1
        if self._calls[key] % every == 0:
            await self._save(key, self._unsaved.pop(key))

    async def flush(self) -> None:
        """Save the cursors that have moved since they were last saved."""
        while self._unsaved:
            await self._save(*self._unsaved.popitem())

    async def _loaded(self) -> dict[str, bytes]:
        async with self._loading:
            if self._values is None:
                self._values = await self._commands.saved(self._job_type, self._delivery)
        return self._values

    async def _save(self, key: str, value: bytes) -> None:
        values = await self._loaded()
        answer = await self._commands.save(self._job_type, self._delivery, key, value)
        if answer == "lost":
            self._lost()
            await asyncio.sleep(0)  # here the cancellation arrives
            raise PermanentError("the job is another worker's now", code="lease_lost")
        if answer == "full":
            raise PermanentError(
                f"{key.partition(':')[2]!r} is one name too many; {MAX_NAMES} are the limit",
                code="too_many_checkpoints",
                remedy="Save fewer steps, or one cursor in place of many.",
            )
        values[key] = value


def _key(kind: str, name: str) -> str:
    if not 1 <= len(name) <= MAX_NAME:
        raise PermanentError(
            f"the name {name!r:.120} is not usable: 1 to {MAX_NAME} characters",
            code="invalid_checkpoint",
        )
    return f"{kind}:{name}"


def _encoded(name: str, value: Any) -> bytes:
    try:
        encoded = codec.encode_result(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise PermanentError(
            f"{name!r} can't be saved, it is not JSON: {error}", code="invalid_checkpoint"
        ) from None
    if len(encoded) > MAX_VALUE_BYTES:
        raise PermanentError(
            f"{name!r} has {len(encoded):,} bytes; {MAX_VALUE_BYTES:,} are the limit",
            code="checkpoint_too_large",
            remedy="Store large values as files and save their key.",
        )
    return encoded

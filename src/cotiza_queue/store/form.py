"""The form in which queues lie on a server, by a number there. Who works with another form sees no
job and spoils what it touches, so it is refused before its first call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import ConfigurationError, QueueUnavailable
from . import keys

FORM = 8
"""Goes up with each change of records, indexes, lines or events that another version of us would
misread. Versions with the same number may run side by side.
"""

Command = Callable[..., Awaitable[Any]]


async def check(command: Command) -> None:
    """Raises ConfigurationError if the queues there have another form, and what ``command``
    raises. An empty server gets ours.
    """
    found = await command("GET", keys.FORM)
    if found is None and await command("EXISTS", keys.TYPES):
        # The number is written before the list: somebody may have begun meanwhile.
        found = await command("GET", keys.FORM)
    elif found is None:
        # A server that takes no writes now has nothing to misread either.
        with contextlib.suppress(QueueUnavailable):
            found = await command("SET", keys.FORM, FORM, "NX", "GET")
        found = found or b"%d" % FORM
    if found != b"%d" % FORM:
        form = "of an earlier version" if found is None else found.decode(errors="replace")
        raise ConfigurationError(
            f"the queues on this Redis have another form: {form}, not {FORM}",
            remedy="Let the version that wrote them finish, and delete the keys cq:* and {cq:*; "
            "or give this version a Redis or a database of its own.",
        )


async def announce(command: Command, job_type: str) -> None:
    """Put a job type on the list of those that exist. A list never stands without its form."""
    await command("SET", keys.FORM, FORM, "NX")
    await command("SADD", keys.TYPES, job_type)

"""The pytest plugin of cotiza-queue. It stands beside the package, and imports it only for a test
that asks for the fixture: test runs that don't are not slowed, and coverage misses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cotiza_queue.testing import LocalQueue

    OpenQueue = Callable[..., AbstractAsyncContextManager[LocalQueue]]


@pytest.fixture
def job_queue() -> OpenQueue:
    """``async with job_queue({TYPE: processor}) as queue: …``, see ``cotiza_queue.testing.queue``.
    Works with every plugin for asyncio tests.
    """
    from cotiza_queue import testing

    return testing.queue

"""For the tests of programs that use this queue. Nothing here is an imitation: the server is the
embedded one, the worker is the worker.

    run_job(processor, payload)        inline: a processor alone, without a server
    queue({TYPE: processor})           manual: a queue of the test's own; jobs run when told to
      drain(queue)                       … now, in this process, in order
      assert_enqueued, refute_enqueued   … or not at all
    worker(queue)                      live: a worker beside the test
    VirtualTime(…)                     a time that the test moves, for queue, worker and server

pytest finds the fixture ``job_queue`` by itself (``cotiza_queue_pytest``).
"""

from __future__ import annotations

from .asserting import assert_enqueued, refute_enqueued
from .draining import MAX_DRAINED, drain
from .inline import FakeContext, run_job
from .queues import Around, LocalQueue, queue, worker
from .virtual import FakeChance, FakeClock, VirtualTime

__all__ = [
    "MAX_DRAINED",
    "Around",
    "FakeChance",
    "FakeClock",
    "FakeContext",
    "LocalQueue",
    "VirtualTime",
    "assert_enqueued",
    "drain",
    "queue",
    "refute_enqueued",
    "run_job",
    "worker",
]

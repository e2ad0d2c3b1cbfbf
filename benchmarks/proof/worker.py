"""``python -m benchmarks.proof.worker ORDER``: a worker process that notes each start and end.

A payload says what its job does: ``ms`` of waiting, ``fail`` "once" or "always". ``hang``: the
first run waits for ever, as a job does whose worker will die. The result is the delivery's token:
so what Redis keeps tells which delivery ended the job.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from cotiza_queue import JobContext, Worker, WorkerOptions

from .common import Journal, Order

FOREVER_S = 3600.0


async def main(order: Order) -> None:
    journal = Journal(Path(order.folder) / f"{os.getpid()}.jsonl")

    def note(op: str, **fields: Any) -> None:
        if not order.quiet:
            journal.note(op, **fields)

    async def work(payload: dict[str, Any], context: JobContext) -> int:
        seen = {"job": context.job_id, "token": context.token, "attempt": context.attempt}
        note("start", kind=context.job_type, tenant=context.tenant, **seen)
        how = "cancelled"
        try:
            hangs = payload.get("hang") and not await _ran_before(payload["hang"])
            await asyncio.sleep(FOREVER_S if hangs else payload.get("ms", 0) / 1000)
            fail = payload.get("fail")
            if fail == "always" or (fail == "once" and context.attempt == 1):
                how = "raised"
                raise RuntimeError(fail)
            how = "returned"
            return context.token
        finally:
            note("end", how=how, **seen)

    options = WorkerOptions(
        concurrency=order.slots, lease_ms=order.lease_ms, drain_ms=order.drain_ms
    )
    worker = Worker(dict.fromkeys(order.slots, work), order.url, options=options)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        await worker.ready.wait()
        journal.note("ready")


async def _ran_before(mark: str) -> bool:
    """True from the second call on, for a file that marks the first."""
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return True
    return False


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Order)))

"""How long one page of a listing takes with very many retained jobs, filter by filter.

    python benchmarks/listing.py [--jobs 1000000] [--pages 300] [--url redis://…]

The jobs are written straight into an embedded server of its own (or into the empty database of
``--url``), as the engine leaves them; then pages of 50 are read one after the other with their
cursors, as a caller does, and timed from call to answer.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

from cotiza_queue import Queue, Status
from cotiza_queue.model.ids import type_code
from cotiza_queue.model.policy import Defaults, JobOptions, rules_for
from cotiza_queue.store import codec, keys
from cotiza_queue.store.connection import Connection

TYPE, TENANT, CHUNK = "listed", "acme", 2000
_FILL = """
local p, tenant, body, first, n = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
for seq = first, first + n - 1 do
  local status, tags = 'completed', {}
  if seq % 50 == 0 then status = 'failed' elseif seq % 200 == 1 then status = 'cancelled'
  elseif seq % 500 == 2 then status = 'delayed' elseif seq % 500 == 3 then status = 'waiting' end
  if seq % 2 == 0 then tags[1] = 'even' end
  if seq % 2 == 1 then tags[1] = 'odd' end
  if seq % 1000 < 2 then tags[2] = 'rare' end
  local id = string.format('%030d%s', seq, ARGV[6])
  redis.call('HSET', p .. 'job:' .. id, 'tenant', tenant, 'status', status, 'seq', seq,
    'created', 1e12 + seq, 'attempts', 3, 'priority', 0, 'lane', 85, 'keep', '86400::604800:',
    'options', cmsgpack.pack({ tags = tags }))
  redis.call('SET', p .. 'body:' .. id, body)
  redis.call('ZADD', p .. 'index', seq, id)
  local class = status == 'waiting' and 'open' or status
  redis.call('ZADD', p .. 'index:' .. tenant .. ':' .. class, seq, id)
  for _, tag in ipairs(tags) do redis.call('ZADD', p .. 'tag:' .. tenant .. '/' .. tag, seq, id) end
  redis.call('HINCRBY', p .. 'counts', status, 1)
end
"""
FILTERS: tuple[tuple[str, str | None, Status | None, str | None], ...] = (
    ("any", TENANT, None, None),
    ("completed", TENANT, Status.COMPLETED, None),
    ("failed (1 in 50)", TENANT, Status.FAILED, None),
    ("waiting (1 in 500)", TENANT, Status.WAITING, None),
    ("active (none)", TENANT, Status.ACTIVE, None),
    ("tag on every second", TENANT, None, "even"),
    ("tag on 1 in 500", TENANT, None, "rare"),
    ("failed, tag on every second", TENANT, Status.FAILED, "even"),
    ("completed, tag on 1 in 500", TENANT, Status.COMPLETED, "rare"),
    ("failed, a tag none of them has", TENANT, Status.FAILED, "odd"),
    ("all tenants", None, None, None),
    ("all tenants, failed (1 in 50)", None, Status.FAILED, None),
)


async def fill(url: str, jobs: int) -> None:
    """Write that many retained jobs."""
    connection = Connection(url)
    rules = rules_for(JobOptions(), Defaults())
    body = codec.encode_body(codec.Body(codec.encode_payload({"n": 1}), rules))
    began = perf_counter()
    for first in range(1, jobs + 1, CHUNK):
        n = min(CHUNK, jobs + 1 - first)
        await connection.command(
            "EVAL", _FILL, 0, keys.prefix(TYPE), TENANT, body, first, n, type_code(TYPE)
        )
    await connection.command("SADD", keys.TYPES, TYPE)
    await connection.close()
    print(f"{jobs:,} jobs written in {perf_counter() - began:.0f} s")


async def measure(url: str, pages: int) -> None:
    """Time pages of 50, one after the other."""
    print(f"{'filter':34} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}  jobs a page")
    async with Queue(url) as queue:
        for name, tenant, status, tag in FILTERS:
            cursor, spans, shown = None, list[float](), 0
            for _ in range(pages):
                began = perf_counter()
                page = await queue.list(
                    tenant, job_type=TYPE, status=status, tag=tag, cursor=cursor, limit=50
                )
                spans.append((perf_counter() - began) * 1000)
                shown, cursor = shown + len(page.items), page.next_cursor
            cuts = statistics.quantiles(spans, n=100)
            print(
                f"{name:34} {statistics.median(spans):>8.2f} {cuts[98]:>8.2f} {max(spans):>8.2f}"
                f"  {shown / pages:.0f}"
            )


async def run(asked: argparse.Namespace) -> None:
    if asked.url:
        await fill(asked.url, asked.jobs)
        await measure(asked.url, asked.pages)
        return
    with tempfile.TemporaryDirectory(prefix="cq-listing-") as folder:
        async with Queue(data_dir=Path(folder)) as queue:
            await fill(queue.url, asked.jobs)
            await measure(queue.url, asked.pages)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=300, help="pages read per filter")
    parser.add_argument("--url", help="an empty Redis; without it, an embedded server")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()

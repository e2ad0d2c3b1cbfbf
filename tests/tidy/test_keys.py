"""Every key that the Lua scripts write is in the doctor's catalogue: nobody can forget it."""

from __future__ import annotations

import re
from pathlib import Path

from cotiza_queue.model.ids import type_code
from cotiza_queue.store.catalogue import CATALOGUE, CHANNELS, FIXED, IDLE, RECORDS, kind_of
from cotiza_queue.store.ids import stored

LUA = Path(__file__).parents[2] / "src/cotiza_queue/lua"
WRITTEN = re.compile(r"(?:\bprefix|\bp) \.\. '([^']+)'")


def _heads(text: str) -> set[str]:
    return set(WRITTEN.findall(text))


def test_every_key_written_in_lua_is_in_the_catalogue() -> None:
    text = "\n".join(path.read_text() for path in sorted(LUA.rglob("*.lua")))
    known = {kind.head for kind in CATALOGUE} - {RECORDS.head} | CHANNELS
    assert _heads(text) - known == set()
    assert known - _heads(text) == set()


def test_what_belongs_to_a_job_goes_with_it() -> None:
    text = (LUA / "lib/42_end.lua").read_text()
    body = text.partition("function job.erase")[2].partition("\nend")[0]
    owned = {kind.head for kind in CATALOGUE if kind.owner == "job"} - {"unique:", RECORDS.head}
    assert owned <= _heads(body)
    assert "job.drop(q, j.id)" in body
    assert "unique.moved(q, j, '')" in body


def test_a_name_is_of_one_kind() -> None:
    for kind in FIXED:
        assert kind_of(kind.head.encode()) is kind
    for name, head in {
        "index:acme": "index:", "class:open": "class:", "events:marks": "events:marks",
        "dead:index": "dead:index",
        "schedules:all": "schedules:all", "lane:33": "lane:", "newest:failed:a": "newest:",
        "tag:a/b/c": "tag:", "backlog:33:a": "backlog:", "#mine-1": "", "body:#mine-1": "body:",
    }.items():  # fmt: skip
        kind = kind_of(name.encode())
        assert kind is not None
        assert kind.head == head
    whole = stored("0" * 30 + type_code("x"), "x")
    ours = whole[:10]
    assert kind_of(ours) is RECORDS
    strangers = (
        b"lane:x",
        b"class:waiting",
        b"jobs",
        b"ended:active",
        ours[:-1],
        ours + b"x",
        whole,
        b"#",
    )
    assert [kind_of(name) for name in strangers] == [None] * len(strangers)
    assert {kind.head for kind in CATALOGUE} >= IDLE

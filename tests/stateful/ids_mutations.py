"""Planted bugs of how job ids lie. (name, file, old, new)"""

from __future__ import annotations

IDS_MUTATIONS = (
    ("an id that ends at a blank", "lib/36_blocks_words",
     "local ours = string.byte(member, at) >= blocks.first", "local ours = false"),
    ("an id that is a byte too short", "lib/36_blocks_words", "at + blocks.bytes or",
     "at + blocks.bytes - 1 or"),
    ("a record under another name", "lib/62_accept", "q.prefix .. name, field, j.came",
     "q.prefix .. 'x' .. name, field, j.came"),
    ("records of one run alone are written", "lib/14_job_change", "for i = 1, #keys do run.write",
     "for i = 1, math.min(#keys, 1) do run.write"),
    ("a run that is met again begins anew", "lib/14_job_change", "row, #row, nil", "row, 0, nil"),
    ("a worker whose name is not written", "lib/14_job_change",
     "worker ~= told and workers[worker]", "worker == told and workers[worker]"),
    ("names of workers that stay alone", "lib/11_run", "if run.of_job(field) then return end",
     "if field then return end"),
    ("records of one run alone are read", "lib/13_job", "for n = 1, #rows do",
     "for n = 1, math.min(#rows, 1) do"),
    ("ids of a run that are mixed up", "lib/13_job", "name, row[1], row[2], #row[1]",
     "name, row[1], row[2], 0"),
    ("a record that stays", "lib/42_end", "  job.drop(q, j.id)\n", ""),
)  # fmt: skip

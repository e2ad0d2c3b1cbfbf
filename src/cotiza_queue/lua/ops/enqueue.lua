-- enqueue: takes jobs in, each at most once by id and by unique key; all of the call, or none.
-- KEYS     meta
-- ARGS     per job: a packed list [id, tenant, priority or nil, lane, attempts, keep, delay_ms, options, call], then its body
--          options: nil or a map, kept with the job: tags (a list), unique (a key), blob (name of its stored payload),
--          hold (the statuses that keep the key, words in a text), span (ms for which the key is held instead)
--          call: nil or a map, of this call: deadline (ms from now), once (hash of an idempotency key),
--          fingerprint (hash of what that was used for), duplicate (replace | next: what becomes of a call whose
--          key is held)
-- RETURNS  now_ms, if all are new and waiting since now; else [now_ms, then per job: 1 (as above)
--          or [id, 1 new | 0 known | 2 the key was used for something else, status, created_ms, due_ms]
--          or [id, 3, "queue" | "tenant" that is full, 0, ms after which to try again]]
-- EDGE     (none) -> waiting, (none) -> delayed, (none) -> blocked, waiting -> delayed, delayed -> waiting
-- EMITS    waiting, delayed, blocked
-- ERRORS   none
-- COST     O(jobs)
local function enqueue(keys, args)
  local q = queue.open(keys[1])
  local answers, plain = intake.page(q, args, intake.fields)
  queue.close(q)
  return plain and q.now or answers
end

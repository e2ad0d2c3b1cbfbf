-- enqueue: takes jobs in, each at most once by id and by unique key; all of the call, or none.
-- KEYS     meta
-- ARGS     per job: id tenant priority lane attempts keep unique deadline_ms delay_ms body once fingerprint
--          (once: hash of an idempotency key, "" for none; fingerprint: hash of what it was used for)
-- RETURNS  per job: [id, 1 new | 0 known | 2 the key was used for something else, status, created_ms, due_ms]
-- EDGE     (none) -> waiting, (none) -> delayed
-- EMITS    waiting, delayed
-- ERRORS   none
-- COST     O(jobs)
local function enqueue(keys, args)
  local q = queue.open(keys[1])
  local replies = {}
  for at = 1, #args, intake.fields do
    replies[#replies + 1] = intake.accept(q, args, at)
  end
  queue.close(q)
  return replies
end

-- progress: how far a running job is, told by the holder of its token only.
-- KEYS     meta
-- ARGS     id token progress
-- RETURNS  1, or 0 if the job is no longer this token's
-- EDGE     none
-- EMITS    progress
-- ERRORS   none
-- COST     O(1)
-- FLAGS    allow-oom
local function progress(keys, args)
  local q = queue.open(keys[1])
  local j = job.held(q, args[1], args[2])
  if not j then return 0 end
  redis.call('SET', q.prefix .. 'progress:' .. j.id, args[3])
  event.emit(q, j.id, j.tenant, 'progress', args[3])
  queue.close(q)
  return 1
end

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
  local found = redis.call('HMGET', q.prefix .. 'job:' .. args[1], 'status', 'token', 'tenant')
  if found[1] ~= 'active' or found[2] ~= args[2] then return 0 end
  redis.call('SET', q.prefix .. 'progress:' .. args[1], args[3])
  event.emit(q, args[1], found[3], 'progress', args[3])
  queue.close(q)
  return 1
end

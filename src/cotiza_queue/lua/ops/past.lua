-- past: what has happened to one job.
-- KEYS     meta
-- ARGS     id tenant ("" for any)
-- RETURNS  [status created started worker token attempt finished untold, tenant], [packed entries, the oldest first];
--          or nothing
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(entries), at most 200
-- FLAGS    no-writes
local function past(keys, args)
  local p = string.match(keys[1], '^{[^}]+}:')
  local found = redis.call('HMGET', p .. 'job:' .. args[1], 'status', 'created', 'started', 'worker', 'token',
    'attempt', 'finished', 'untold', 'tenant')
  if not found[1] or args[2] ~= '' and found[9] ~= args[2] then return nil end
  return { found, redis.call('LRANGE', p .. 'history:' .. args[1], 0, -1) }
end

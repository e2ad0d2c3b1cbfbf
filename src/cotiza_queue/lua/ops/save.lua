-- save: a running job's attempt saves a value for later attempts, told by the holder of its token only.
-- KEYS     meta
-- ARGS     id token name value
-- RETURNS  ok | lost (the job is no longer this token's) | full (no room for another name)
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(1)
-- FLAGS    allow-oom
local function save(keys, args)
  local q = queue.open(keys[1])
  local found = redis.call('HMGET', q.prefix .. 'job:' .. args[1], 'status', 'token')
  if found[1] ~= 'active' or found[2] ~= args[2] then return 'lost' end
  return checkpoint.save(q, args[1], args[3], args[4]) and 'ok' or 'full'
end

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
  local j = job.held(q, args[1], args[2])
  if not j then return 'lost' end
  local saved = checkpoint.save(q, j, args[3], args[4])
  queue.close(q)
  return saved and 'ok' or 'full'
end

-- bury: removes a dead letter, and the failed job that it is of.
-- KEYS     meta
-- ARGS     job id, tenant ("" for any)
-- RETURNS  1, or 0 if there is none
-- EDGE     failed -> (none)
-- EMITS    nothing
-- ERRORS   none
-- COST     O(log jobs)
-- FLAGS    allow-oom
local function bury(keys, args)
  local q = queue.open(keys[1])
  local entry = redis.call('HGET', q.prefix .. 'dead:index', args[1])
  local found = entry and redis.call('XRANGE', q.prefix .. 'dead', entry, entry)[1]
  if not found or (args[2] ~= '' and found[2][4] ~= args[2]) then return 0 end
  dead.lift(q, args[1])
  local j = job.read(q, args[1])
  if j and j.status == 'failed' then job.remove(q, j) end
  litter.letter(q, args[1], found[2])
  queue.close(q)
  return 1
end

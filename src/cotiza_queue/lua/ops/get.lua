-- get: everything about one job.
-- KEYS     meta
-- ARGS     id tenant ("" for any)
-- RETURNS  [record, body, result if it lies apart, [failures], progress], or nothing
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(failures)
-- FLAGS    no-writes
local function get(keys, args)
  local q = queue.look(keys[1])
  local j, p = inbox.look(q, args[1]), q.prefix
  if not j or args[2] ~= '' and j.tenant ~= args[2] then return nil end
  return { by_whom.shown(q, j), bodies.of(q, j),
    j.result == true and redis.call('GET', p .. 'result:' .. j.id) or '',
    redis.call('LRANGE', p .. 'failures:' .. j.id, 0, -1), redis.call('GET', p .. 'progress:' .. j.id) or '' }
end

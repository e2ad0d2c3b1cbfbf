-- past: what has happened to one job.
-- KEYS     meta
-- ARGS     id tenant ("" for any)
-- RETURNS  [record, [packed entries, the oldest first]], or nothing
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(entries), at most 200
-- FLAGS    no-writes
local function past(keys, args)
  local q = queue.look(keys[1])
  local j = inbox.look(q, args[1])
  if not j or args[2] ~= '' and j.tenant ~= args[2] then return nil end
  return { by_whom.shown(q, j), redis.call('LRANGE', q.prefix .. 'history:' .. j.id, 0, -1) }
end

-- schedules: reads schedules: all of them, one, or those that are due.
-- KEYS     meta
-- ARGS     id ("" for all, "due" for the due ones) limit
-- RETURNS  [now_ms, next due_ms or "", [[id, next_ms or "", hash as list] per schedule]]
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(limit)
-- FLAGS    no-writes
local function schedules(keys, args)
  local p = string.match(keys[1], '^{[^}]+}:')
  local now, ids = clock.now(), { args[1] }
  if args[1] == '' then
    ids = redis.call('ZRANGE', p .. 'schedules:all', 0, args[2] - 1)
  elseif args[1] == 'due' then
    ids = redis.call('ZRANGEBYSCORE', p .. 'schedules', '-inf', now, 'LIMIT', 0, args[2])
  end
  local found = {}
  for _, id in ipairs(ids) do
    local hash = redis.call('HGETALL', p .. 'schedule:' .. id)
    if #hash > 0 then found[#found + 1] = { id, redis.call('ZSCORE', p .. 'schedules', id) or '', hash } end
  end
  return { now, redis.call('ZRANGE', p .. 'schedules', 0, 0, 'WITHSCORES')[2] or '', found }
end

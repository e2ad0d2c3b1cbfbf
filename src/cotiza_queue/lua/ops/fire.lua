-- fire: one occurrence of a schedule becomes a job, and the next occurrence is set. Whoever comes second does nothing.
-- KEYS     meta
-- ARGS     schedule id, occurrence_ms, next_ms, then one job as in enqueue
-- RETURNS  1 if this call fired it, else 0
-- EDGE     (none) -> waiting, (none) -> delayed, (none) -> blocked, waiting -> delayed, delayed -> waiting
-- EMITS    waiting, delayed, blocked
-- ERRORS   none
-- COST     O(log schedules)
local function fire(keys, args)
  local q = queue.open(keys[1])
  local due = redis.call('ZSCORE', q.prefix .. 'schedules', args[1])
  if not due or tonumber(due) ~= tonumber(args[2]) then return 0 end
  redis.call('ZADD', q.prefix .. 'schedules', args[3], args[1])
  -- A clock that stepped back, or an edit, may bring an occurrence up again that was fired before.
  local last = redis.call('HGET', q.prefix .. 'schedule:' .. args[1], 'last')
  if last and tonumber(args[2]) <= tonumber(last) then return 0 end
  intake.accept(q, intake.parse(args, 4))
  redis.call('HSET', q.prefix .. 'schedule:' .. args[1], 'last', args[2])
  redis.call('HINCRBY', q.prefix .. 'schedule:' .. args[1], 'fired', 1)
  queue.close(q)
  return 1
end

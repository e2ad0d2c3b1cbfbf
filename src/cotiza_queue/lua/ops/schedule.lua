-- schedule: writes, pauses, resumes or removes a schedule.
-- KEYS     meta
-- ARGS     id tenant spec next_ms ("" while paused); an empty spec removes
-- RETURNS  1, or 0 if there was nothing to remove
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(log schedules)
local function schedule(keys, args)
  local q = queue.open(keys[1])
  local id, key = args[1], q.prefix .. 'schedule:' .. args[1]
  if args[3] == '' then
    redis.call('ZREM', q.prefix .. 'schedules', id)
    redis.call('ZREM', q.prefix .. 'schedules:all', id)
    return redis.call('DEL', key)
  end
  redis.call('HSET', key, 'tenant', args[2], 'spec', args[3])
  redis.call('ZADD', q.prefix .. 'schedules:all', 'NX', q.now, id)
  if args[4] == '' then
    redis.call('ZREM', q.prefix .. 'schedules', id)
  else
    redis.call('ZADD', q.prefix .. 'schedules', args[4], id)
  end
  return 1
end

-- metrics: the state of the queue in numbers, from counters that every script keeps.
-- KEYS     meta
-- ARGS     none
-- RETURNS  [now_ms, [counts], [since, until, reason] of a pause of the queue, [this minute completed, last minute completed], oldest_ms, dead letters, workers]
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(ready lanes)
-- FLAGS    no-writes
local function oldest_waiting(p)
  local oldest
  for _, number in ipairs(redis.call('ZRANGE', p .. 'ready', 0, -1)) do
    local key = p .. 'lane:' .. number
    if tonumber(redis.call('HGET', p .. 'lanes', number) or 0) > 0 then
      local last = lane.delivered({ prefix = p }, number)
      local first = redis.call('XRANGE', key, '(' .. last, '+', 'COUNT', 1)[1]
      local at = first and tonumber(string.match(first[1], '^%d+'))
      if at and (not oldest or at < oldest) then oldest = at end
    end
  end
  return oldest or ''
end

local function metrics(keys, args)
  local now = clock.now()
  local p, minute = string.match(keys[1], '^{[^}]+}:'), math.floor(now / 60000)
  return { now, redis.call('HGETALL', p .. 'counts'),
    redis.call('HMGET', p .. 'meta', 'paused', 'paused_until', 'paused_reason'),
    { redis.call('HGET', p .. 'metrics:' .. minute, 'completed') or 0,
      redis.call('HGET', p .. 'metrics:' .. (minute - 1), 'completed') or 0 },
    oldest_waiting(p), redis.call('XLEN', p .. 'dead'),
    redis.call('ZCOUNT', p .. 'workers', now, '+inf') }
end

-- metrics: the state of the queue in numbers, from counters that every script keeps.
-- KEYS     meta
-- ARGS     none
-- RETURNS  [now_ms, [counts], [since, until, reason] of a pause of the queue, [this minute completed, last minute completed], oldest_ms, dead letters, workers]
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(ready lanes)
-- FLAGS    no-writes
-- Since when an entry's job waits: what was returned, since then.
local function since(q, number, entry)
  local j = number % 2 == 1 and job.read(q, entry[2][2])
  local stands = job.stands(j, number, entry[1]) or backlog.unread(j, number, entry)
  return stands and job.waits_since(j) or tonumber(string.match(entry[1], '^%d+'))
end

local function oldest_waiting(q)
  local oldest
  for _, name in ipairs(redis.call('ZRANGE', q.prefix .. 'ready', 0, -1)) do
    local number = tonumber(name)
    if tonumber(redis.call('HGET', q.prefix .. 'lanes', name) or 0) > 0 then
      local last = lane.delivered(q, number)
      local first = redis.call('XRANGE', lane.key(q, number), '(' .. last, '+', 'COUNT', 1)[1]
      local at = first and since(q, number, first)
      if at and (not oldest or at < oldest) then oldest = at end
    end
  end
  return oldest or ''
end

local function metrics(keys, args)
  local q = queue.look(keys[1])
  local now, p, minute = q.now, q.prefix, math.floor(q.now / 60000)
  return { now, redis.call('HGETALL', p .. 'counts'),
    redis.call('HMGET', p .. 'meta', 'paused', 'paused_until', 'paused_reason'),
    { redis.call('HGET', p .. 'metrics:' .. minute, 'completed') or 0,
      redis.call('HGET', p .. 'metrics:' .. (minute - 1), 'completed') or 0 },
    oldest_waiting(q), redis.call('XLEN', p .. 'dead'),
    redis.call('ZCOUNT', p .. 'workers', now, '+inf') }
end

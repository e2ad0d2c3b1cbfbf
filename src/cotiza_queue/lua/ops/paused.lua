-- paused: who is paused in a queue, since when, until when, and why.
-- KEYS     meta
-- ARGS     none
-- RETURNS  [now_ms, [since or nil, until or nil, reason] of the queue, [tenant, "since until reason", ...]]
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(paused tenants)
-- FLAGS    no-writes
local function paused(keys, args)
  local p = string.match(keys[1], '^{[^}]+}:')
  return { clock.now(),
    redis.call('HMGET', keys[1], 'paused', 'paused_until', 'paused_reason'),
    redis.call('HGETALL', p .. 'pauses') }
end

-- pause: stops or resumes the handing out of jobs; what runs goes on.
-- KEYS     meta
-- ARGS     1 to pause, 0 to resume
-- RETURNS  1 if that changed anything, else 0
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(1)
-- FLAGS    allow-oom
local function pause(keys, args)
  local q = queue.open(keys[1])
  if args[1] == '1' then return redis.call('HSET', q.prefix .. 'meta', 'paused', q.now) end
  local changed = redis.call('HDEL', q.prefix .. 'meta', 'paused')
  q.wake = true
  queue.close(q)
  return changed
end

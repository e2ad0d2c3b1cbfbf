-- pause: stops or resumes the handing out of jobs, of a queue or of a tenant in it; what runs goes on.
-- KEYS     meta
-- ARGS     tenant ("" for the queue), 1 to pause or 0 to resume, for_ms ("" for without end), reason
-- RETURNS  1 if that changed anything, else 0
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(1), and what a resumed tenant is admitted of, at most a page a lane
-- FLAGS    allow-oom
local function pause_queue(q, moment, reason)
  local key = q.prefix .. 'meta'
  local ended = tonumber(redis.call('HGET', key, 'paused_until'))
  if ended and ended <= q.now then ceiling.resume(q) end
  local changed = redis.call('HSETNX', key, 'paused', q.now)
  redis.call('HSET', key, 'paused_reason', reason)
  if moment then redis.call('HSET', key, 'paused_until', moment) else redis.call('HDEL', key, 'paused_until') end
  return changed
end

local function pause_tenant(q, name, moment, reason)
  local t = tenant.open(q, name)
  absence.finish(q, t)
  local known = redis.call('HGET', q.prefix .. 'pauses', name)
  local since = known and string.match(known, '^%d+') or q.now
  absence.begin(q, t, 'until', moment or absence.forever)
  redis.call('HSET', q.prefix .. 'pauses', name, since .. ' ' .. (moment or '') .. ' ' .. reason)
  return known and 0 or 1
end

local function resume_tenant(q, name)
  local t = tenant.open(q, name)
  absence.finish(q, t)
  local known = redis.call('HDEL', q.prefix .. 'pauses', name)
  tenant.set(t, 'until', nil)
  if absence.finish(q, t) then admission.refill(q, t) end
  return known
end

local function pause(keys, args)
  local q = queue.open(keys[1])
  local name, moment, changed = args[1], args[3] ~= '' and q.now + args[3] or nil, 0
  if args[2] == '1' then
    changed = name == '' and pause_queue(q, moment, args[4]) or name ~= '' and pause_tenant(q, name, moment, args[4])
  else
    changed = name == '' and ceiling.resume(q) or name ~= '' and resume_tenant(q, name)
  end
  q.wake = true
  queue.close(q)
  return math.min(changed, 1)
end

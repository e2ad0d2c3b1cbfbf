-- What the whole queue may do at once and per time.
local ceiling = {}

-- How many may start in the whole queue, and when to look again if that is what holds it back.
function ceiling.room(q)
  local found = redis.call('HMGET', q.prefix .. 'meta', 'paused', 'concurrency', 'period', 'burst', 'tat')
  if found[1] then return 0 end
  q.limit = { period = tonumber(found[3]), burst = tonumber(found[4]), tat = tonumber(found[5]) }
  local room, moment = rate.room(q.limit, q.now)
  if not found[2] then return room, moment end
  local active = (tonumber(redis.call('HGET', q.prefix .. 'counts', 'active')) or 0) + (q.counts.active or 0)
  return math.min(room, math.max(0, tonumber(found[2]) - active)), moment
end

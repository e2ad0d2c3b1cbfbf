-- What the whole queue may do: not while it is paused or rests, so much at once, and so much per time.
local ceiling = {}
local FIELDS = { 'paused', 'paused_until', 'rested', 'concurrency', 'period', 'burst', 'tat', 'max_wait', 'spare',
  'newer', 'announced', 'token', 'shares' }

function ceiling.resume(q)
  return redis.call('HDEL', q.prefix .. 'meta', 'paused', 'paused_until', 'paused_reason')
end

-- The moment at which what holds the whole queue ends, 0 for one without end, nil if nothing does. What is over is
-- forgotten here: nobody has to come back for it.
local function held(q, c)
  if c.paused and not (c.paused_until and c.paused_until <= q.now) then return c.paused_until or 0 end
  if c.paused then ceiling.resume(q) end
  if c.rested and c.rested > q.now then return c.rested end
  if c.rested then redis.call('HDEL', q.prefix .. 'meta', 'rested') end
  return nil
end

-- How many may start in the whole queue, and when to look again if that is what holds it back.
function ceiling.room(q)
  local values, c = redis.call('HMGET', q.prefix .. 'meta', unpack(FIELDS)), {}
  for i, field in ipairs(FIELDS) do c[field] = tonumber(values[i]) end
  q.limit, c.shares = c, values[#FIELDS]
  q.meta.announced, q.meta.token = c.announced or 0, q.meta.token or c.token or 0
  local moment = held(q, c)
  if moment then return 0, moment > 0 and moment or nil end
  local room, next_at = rate.room(c, q.now)
  if not c.concurrency then return room, next_at end
  local active = (tonumber(redis.call('HGET', q.prefix .. 'counts', 'active')) or 0) + (q.counts.active or 0)
  return math.min(room, math.max(0, c.concurrency - active)), next_at
end

-- Nothing of the queue starts before a moment.
function ceiling.rest(q, moment)
  if moment > (tonumber(redis.call('HGET', q.prefix .. 'meta', 'rested')) or 0) then
    redis.call('HSET', q.prefix .. 'meta', 'rested', moment)
  end
end

-- True if the rate of the queue has so much left. If not, the queue rests until it has: what is dear would never
-- start if cheap jobs went on spending before it.
function ceiling.may_start(q, cost)
  if not q.limit.period then return true end
  local moment = rate.moment(q.limit, cost)
  if moment <= q.now then return true end
  q.limit.shut = moment
  ceiling.rest(q, moment)
  return false
end

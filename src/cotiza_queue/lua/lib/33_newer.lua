-- Jobs whose payload is of a newer version than the worker that met them knows. They wait apart from the lanes, by
-- version; `newer` of meta is the least of these versions, so that a take sees for nothing whether any is for it.
local newer = { page = 100 }

local function note(q)
  local least = redis.call('ZRANGE', q.prefix .. 'newer', 0, 0, 'WITHSCORES')[2]
  if least then return redis.call('HSET', q.prefix .. 'meta', 'newer', least) end
  redis.call('HDEL', q.prefix .. 'meta', 'newer')
end

-- The job has left its lane; a place that it may still have in its tenant's line is none of that lane's any more.
-- Whoever knows its version is woken.
function newer.park(q, j)
  redis.call('ZADD', q.prefix .. 'newer', j.options.version, j.id)
  j.lane, j.entry = lane.before(j.lane), ''
  job.touch(q, j)
  note(q)
  q.wake = true
end

-- The job does not wait apart any more; true if it did.
function newer.forget(q, j)
  if not j.options.version then return false end
  if redis.call('ZREM', q.prefix .. 'newer', j.id) == 0 then return false end
  note(q)
  return true
end

-- What this worker knows goes before its lane, to be taken at once.
function newer.admit(q)
  if not q.limit.newer or q.limit.newer > q.version then return end
  local ids = redis.call('ZRANGEBYSCORE', q.prefix .. 'newer', '-inf', q.version, 'LIMIT', 0, newer.page)
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    redis.call('ZREM', q.prefix .. 'newer', id)
    local j = job.read(q, id)
    if j and j.status == 'waiting' and j.entry == '' then
      j.lane = lane.before(j.lane)
      j.entry = lane.push(q, id, j.lane)
      job.touch(q, j)
    end
  end
  note(q)
end

-- A job as it comes in, and the place that it is given: in a lane, in a line for one, or among the delayed.
local intake = { fields = 10 }

-- Where the job stands from now on: among the delayed, in a lane, or in its tenant's line for one.
function intake.place(q, j, number, delay)
  local id = j.id
  index.move(q, j, delay > 0 and 'delayed' or 'waiting')
  unique.moved(q, j, j.status)
  if delay > 0 then
    local due = q.now + math.floor(delay)
    redis.call('ZADD', q.prefix .. 'delayed', due, id)
    if redis.call('ZRANGE', q.prefix .. 'delayed', 0, 0)[1] == id then q.wake = true end
    redis.call('HSET', q.prefix .. 'job:' .. id, 'status', 'delayed', 'due', due)
    queue.count(q, 'delayed', 1)
    return 'delayed', due
  end
  redis.call('HSET', q.prefix .. 'job:' .. id, 'status', 'waiting', 'lane', number, 'entry',
    backlog.stand(q, id, tenant.open(q, j.tenant), tonumber(number)))
  queue.count(q, 'waiting', 1)
  return 'waiting', ''
end

-- One job of the arguments. `options` are kept with it, `call` is of this call only: packed maps, mostly empty.
function intake.parse(args, at)
  local n = {}
  n.id, n.tenant, n.priority, n.lane, n.attempts, n.keep, n.delay, n.body, n.packed, n.call =
    unpack(args, at, at + intake.fields - 1)
  n.options, n.call = job.options(n.packed), job.options(n.call)
  return n
end

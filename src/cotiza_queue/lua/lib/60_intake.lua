-- A job as it comes in, and the place that it is given: in a lane, in a line for one, or among the delayed.
local intake = { fields = 2 }

-- Where the job stands from now on: among the delayed, in a lane, or in its tenant's line for one.
function intake.place(q, j, number, delay)
  job.move(q, j, delay > 0 and 'delayed' or 'waiting')
  if j.options.unique then unique.moved(q, j, j.status) end
  if delay > 0 then
    local due = q.now + math.floor(delay)
    job.set(q, j, 'due', due)
    redis.call('ZADD', q.prefix .. 'delayed', due, j.id)
    if redis.call('ZRANGE', q.prefix .. 'delayed', 0, 0)[1] == j.id then q.wake = true end
    queue.count(q, 'delayed', 1)
    return 'delayed', due
  end
  j.lane = number
  j.entry = backlog.stand(q, j.id, tenant.open(q, j.tenant), number)
  queue.count(q, 'waiting', 1)
  return 'waiting', ''
end

-- One job of the arguments: what it is, packed, and its body. `options` are kept with it, `call` is of this call only;
-- most jobs have none of either.
function intake.parse(args, at)
  local id, tenant_id, priority, number, attempts, keep, delay, options, call = cmsgpack.unpack(args[at])
  return { id = id, tenant = tenant_id, priority = priority, lane = number, attempts = attempts, keep = keep,
    delay = delay, options = options or record.none, call = call or record.none, body = args[at + 1] }
end

-- A job as it comes in, and the place that it is given: in a lane, in a line for one, or among the delayed.
local intake = { fields = 2 }

-- Where the job stands from now on: among the delayed, in a lane, or in its tenant's line for one.
function intake.place(q, j, number, delay)
  job.move(q, j, delay > 0 and 'delayed' or 'waiting')
  if j.options.unique then unique.moved(q, j, j.status) end
  if delay > 0 then
    local due = q.now + math.floor(delay)
    job.set(q, j, 'due', due)
    delayed.put(q, j.id, due)
    queue.count(q, 'delayed', 1)
    return 'delayed', due
  end
  j.lane = number
  j.entry = backlog.stand(q, j.id, tenant.open(q, j.tenant), number)
  queue.count(q, 'waiting', 1)
  return 'waiting', ''
end

-- A job that is asked for, as it will be once it is taken in (62_accept.lua). `options` are kept with it; `priority`,
-- `delay`, `call` and, later, its body are of this call only. Most jobs have no options, and their calls nothing.
function intake.asked(id, tenant_id, priority, number, attempts, keep, delay, options, call)
  return { id = id, status = false, was = false, tenant = tenant_id, lane = number, entry = '', token = 0, attempt = 0,
    attempts = attempts, created = 0, started = 0, finished = 0, worker = 0, seq = 0, size = 0, keep = keep,
    result = false, spot = false, options = options or record.none, rare = record.none, priority = priority, delay = delay,
    call = call or record.none, key = '', field = '', body = '' }
end

-- One job of the arguments: what it is, packed, and its body.
function intake.parse(args, at)
  local n = intake.asked(cmsgpack.unpack(args[at]))
  n.body = args[at + 1]
  return n
end

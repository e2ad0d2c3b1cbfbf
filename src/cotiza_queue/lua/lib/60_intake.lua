-- Taking a job in: at most once by id and by unique key, into a lane or among the delayed.
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

local function found_before(q, n)
  local found = n.call.once and memory.answer(q, n.call.once, n.call.fingerprint) or memory.known(q, n.id)
  if found or not n.options.unique then return found end
  local holder = unique.holder(q, n.options)
  return holder and holder ~= n.id and memory.known(q, holder)
end

function intake.accept(q, n)
  local found = found_before(q, n)
  if found then return found end
  local id, key = n.id, q.prefix .. 'job:' .. n.id
  n.seq = redis.call('HINCRBY', q.prefix .. 'meta', 'seq', 1)
  redis.call('HSET', key, 'tenant', n.tenant, 'priority', n.priority, 'lane', n.lane,
    'attempts', n.attempts, 'keep', n.keep, 'created', q.now, 'seq', n.seq)
  if n.packed ~= '' then redis.call('HSET', key, 'options', n.packed) end
  if n.call.deadline then redis.call('HSET', key, 'deadline', q.now + n.call.deadline) end
  redis.call('SET', q.prefix .. 'body:' .. id, n.body)
  index.enter(q, n)
  local status, due = intake.place(q, n, n.lane, tonumber(n.delay))
  event.emit(q, id, n.tenant, status)
  if n.call.once then memory.keep(q, n.call.once, { n.call.fingerprint, id, status, q.now, due }) end
  return { id, 1, status, q.now, due }
end

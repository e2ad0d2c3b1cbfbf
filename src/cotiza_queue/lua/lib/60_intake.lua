-- Taking a job in: at most once by id and by unique key, into a lane or among the delayed.
local intake = { fields = 10 }

local function known(q, id)
  local found = redis.call('HMGET', q.prefix .. 'job:' .. id, 'status', 'created', 'due')
  if not found[1] then return nil end
  return { id, 0, found[1], found[2], found[3] or '' }
end

function intake.place(q, id, number, delay)
  if delay > 0 then
    local due = q.now + delay
    redis.call('ZADD', q.prefix .. 'delayed', due, id)
    if redis.call('ZRANGE', q.prefix .. 'delayed', 0, 0)[1] == id then q.wake = true end
    redis.call('HSET', q.prefix .. 'job:' .. id, 'status', 'delayed', 'due', due)
    queue.count(q, 'delayed', 1)
    return 'delayed', due
  end
  local entry = lane.push(q, id, number)
  redis.call('HSET', q.prefix .. 'job:' .. id, 'status', 'waiting', 'lane', number, 'entry', entry)
  return 'waiting', ''
end

function intake.accept(q, args, at)
  local id, tenant, priority, number, attempts, keep, unique, deadline, delay, body =
    unpack(args, at, at + intake.fields - 1)
  local found = known(q, id)
  if not found and unique ~= '' then
    local owner = redis.call('GET', q.prefix .. 'unique:' .. unique)
    found = owner and known(q, owner)
  end
  if found then return found end
  local seq = redis.call('HINCRBY', q.prefix .. 'meta', 'seq', 1)
  redis.call('HSET', q.prefix .. 'job:' .. id, 'tenant', tenant, 'priority', priority, 'lane', number,
    'attempts', attempts, 'keep', keep, 'created', q.now, 'seq', seq)
  if unique ~= '' then
    redis.call('SET', q.prefix .. 'unique:' .. unique, id)
    redis.call('HSET', q.prefix .. 'job:' .. id, 'unique', unique)
  end
  if deadline ~= '0' then redis.call('HSET', q.prefix .. 'job:' .. id, 'deadline', q.now + deadline) end
  redis.call('SET', q.prefix .. 'body:' .. id, body)
  redis.call('ZADD', q.prefix .. 'index:' .. tenant, seq, id)
  redis.call('ZADD', q.prefix .. 'index', seq, id)
  local status, due = intake.place(q, id, number, tonumber(delay))
  event.emit(q, id, tenant, status)
  return { id, 1, status, q.now, due }
end

-- Taking a job in: at most once by id and by unique key, into a lane or among the delayed.
local intake = { fields = 12 }

local function stand(q, id, t, number)
  if number % 2 == 0 then return lane.push(q, id, number) end
  if tenant.number(t, 'back:' .. number) == 0 and tenant.room(q, t, number) > 0 then
    return backlog.enter(q, t, id, number)
  end
  return backlog.append(q, t, id, number)
end

function intake.place(q, id, owner, number, delay)
  if delay > 0 then
    local due = q.now + math.floor(delay)
    redis.call('ZADD', q.prefix .. 'delayed', due, id)
    if redis.call('ZRANGE', q.prefix .. 'delayed', 0, 0)[1] == id then q.wake = true end
    redis.call('HSET', q.prefix .. 'job:' .. id, 'status', 'delayed', 'due', due)
    queue.count(q, 'delayed', 1)
    return 'delayed', due
  end
  redis.call('HSET', q.prefix .. 'job:' .. id, 'status', 'waiting', 'lane', number, 'entry',
    stand(q, id, tenant.open(q, owner), tonumber(number)))
  queue.count(q, 'waiting', 1)
  return 'waiting', ''
end

function intake.accept(q, args, at)
  local id, owner, priority, number, attempts, keep, unique, deadline, delay, body, once, fingerprint =
    unpack(args, at, at + intake.fields - 1)
  local found = once ~= '' and memory.answer(q, once, fingerprint) or memory.known(q, id)
  if not found and unique ~= '' then
    local holder = redis.call('GET', q.prefix .. 'unique:' .. unique)
    found = holder and holder ~= id and memory.known(q, holder)
  end
  if found then return found end
  local seq = redis.call('HINCRBY', q.prefix .. 'meta', 'seq', 1)
  redis.call('HSET', q.prefix .. 'job:' .. id, 'tenant', owner, 'priority', priority, 'lane', number,
    'attempts', attempts, 'keep', keep, 'created', q.now, 'seq', seq)
  if unique ~= '' then
    redis.call('SET', q.prefix .. 'unique:' .. unique, id)
    redis.call('HSET', q.prefix .. 'job:' .. id, 'unique', unique)
  end
  if deadline ~= '0' then redis.call('HSET', q.prefix .. 'job:' .. id, 'deadline', q.now + deadline) end
  redis.call('SET', q.prefix .. 'body:' .. id, body)
  redis.call('ZADD', q.prefix .. 'index:' .. owner, seq, id)
  redis.call('ZADD', q.prefix .. 'index', seq, id)
  local status, due = intake.place(q, id, owner, number, tonumber(delay))
  event.emit(q, id, owner, status)
  if once ~= '' then memory.keep(q, once, { fingerprint, id, status, q.now, due }) end
  return { id, 1, status, q.now, due }
end

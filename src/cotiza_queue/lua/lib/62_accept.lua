-- Taking a job in: at most once by id, by unique key and by idempotency key, and only where there is room.
local function found_before(q, n)
  local found = n.call.once and memory.answer(q, n.call.once, n.call.fingerprint) or memory.known(q, n.id)
  if found or not n.options.unique then return found end
  local holder = unique.holder(q, n.options)
  return holder and holder ~= n.id and memory.known(q, holder)
end

-- What a call knows of the queue before it takes jobs in: how many came before, and how many may stand.
local function open(q)
  if q.seq then return end
  local found = redis.call('HMGET', q.prefix .. 'meta', 'seq', 'depth')
  q.seq, q.depth = tonumber(found[1]) or 0, tonumber(found[2])
end

-- Takes a job in, or answers with the one that it stands for. `bounded`: it is refused (3) if the queue is full.
function intake.accept(q, n, bounded)
  local found = found_before(q, n)
  if found then return found end
  open(q)
  if bounded then
    local t = tenant.open(q, n.tenant)
    local full = depth.reached(q, t)
    if full then return { n.id, 3, full, 0, depth.retry_after(q) } end
    depth.taken(q, t)
  end
  local id, key = n.id, q.prefix .. 'job:' .. n.id
  q.seq, n.seq, q.numbered = q.seq + 1, q.seq + 1, true
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

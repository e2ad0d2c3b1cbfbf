-- Taking a job in: at most once by id, by unique key and by idempotency key, and only where there is room.
local function remember(q, n, answer)
  if not n.call.once then return end
  memory.keep(q, n.call.once, { n.call.fingerprint, answer[1], answer[3], answer[4], answer[5] })
end

local function found_before(q, n)
  local found = n.call.once and memory.answer(q, n.call.once, n.call.fingerprint) or memory.known(q, n.id)
  if found or not n.options.unique then return found end
  found = rival.answer(q, n)
  if found then remember(q, n, found) end
  return found
end

-- What a call knows of the queue before it takes jobs in: how many came before, and how many may stand.
local function open(q)
  if q.seq then return end
  local found = redis.call('HMGET', q.prefix .. 'meta', 'seq', 'depth')
  q.seq, q.depth = tonumber(found[1]) or 0, tonumber(found[2])
end

-- Returns the status, the moment of coming, and the moment at which it is due.
local function place(q, n)
  local status, due
  if n.behind then
    status, due = follower.block(q, n, n.behind)
  else
    status, due = intake.place(q, n, n.lane, tonumber(n.delay))
  end
  return status, q.now, due
end

-- Takes a job in, or answers with the one that it stands for. `bounded`: it is refused (3) if the queue is full.
function intake.accept(q, n, bounded)
  local found = found_before(q, n)
  if found then return litter.unused(q, n, found) end
  open(q)
  if bounded then
    local t = tenant.open(q, n.tenant)
    local full = depth.reached(q, t)
    if full then return litter.unused(q, n, { n.id, 3, full, 0, depth.retry_after(q) }) end
    depth.taken(q, t)
  end
  local id, key = n.id, q.prefix .. 'job:' .. n.id
  q.seq, n.seq, q.numbered = q.seq + 1, q.seq + 1, true
  redis.call('HSET', key, 'tenant', n.tenant, 'priority', n.priority, 'lane', n.lane,
    'attempts', n.attempts, 'keep', n.keep, 'created', q.now, 'seq', n.seq, 'size', #n.body)
  if n.packed ~= '' then redis.call('HSET', key, 'options', n.packed) end
  if n.call.deadline then redis.call('HSET', key, 'deadline', q.now + n.call.deadline) end
  redis.call('SET', q.prefix .. 'body:' .. id, n.body)
  index.enter(q, n)
  if n.options.span then unique.claim(q, n) end
  local answer = { id, 1, place(q, n) }
  event.emit(q, id, n.tenant, answer[3])
  remember(q, n, answer)
  return answer
end

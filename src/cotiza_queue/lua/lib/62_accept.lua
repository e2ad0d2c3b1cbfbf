-- Taking a job in: at most once, and only where there is room.
-- What a call knows of the queue before it takes jobs in: how many came before, and how many may stand.
local function open(q)
  if q.meta.seq then return end
  local found = redis.call('HMGET', q.prefix .. 'meta', 'seq', 'announced', 'depth')
  q.meta.seq = index.last_before(tonumber(found[1]) or 0)
  q.meta.announced, q.depth = tonumber(found[2]) or 0, tonumber(found[3])
end

-- The job that a call asks for.
local function create(q, n)
  local seq = q.meta.seq + 1
  q.meta.seq, q.ahead = seq, true
  local j = { id = n.id, key = q.prefix .. 'job:' .. n.id, status = false, was = false, tenant = n.tenant, lane = n.lane, entry = '',
    token = 0, attempt = 0, attempts = n.attempts, created = q.now, started = 0, finished = 0, worker = '', seq = seq,
    size = 0, keep = n.keep, result = false, options = n.options, rare = record.none }
  job.create(q, j)
  if n.priority then job.set(q, j, 'priority', n.priority) end
  if n.call.deadline then job.set(q, j, 'deadline', q.now + n.call.deadline) end
  job.carry(q, j, n.body)
  index.enter(q, j)
  if j.options.span then unique.claim(q, j) end
  return j
end

-- Returns the status, and the moment at which it is due.
local function place(q, n, j)
  if n.behind then return follower.block(q, j, n.behind, n.delay) end
  return intake.place(q, j, n.lane, n.delay)
end

-- Takes a job in, or answers with the one that it stands for; 1 says that it is new and waits. `bounded`: it is refused
-- (3) if the queue is full.
function intake.accept(q, n, bounded)
  -- Of a job that was looked for and is not there, and that names no key, nothing can be known.
  local found = (q.jobs[n.id] ~= false or n.call.once or n.options.unique) and rival.known(q, n)
  if found then return litter.unused(q, n, found) end
  open(q)
  local t = bounded and tenant.open(q, n.tenant)
  if t and (q.depth or t.depth) then
    local full = depth.reached(q, t)
    if full then return litter.unused(q, n, { n.id, 3, full, 0, depth.retry_after(q) }) end
    depth.taken(q, t)
  end
  local status, due = place(q, n, create(q, n))
  event.emit(q, n.id, n.tenant, status)
  if status == 'waiting' and not n.call.once then return 1 end
  local answer = { n.id, 1, status, q.now, due }
  rival.remember(q, n, answer)
  return answer
end

-- Taking a job in: at most once, and only where there is room.
-- What a call knows of the queue before it takes jobs in: how many came before (if that was lost with its key, the
-- index knows), and how many may stand.
local function open(q)
  if q.meta.seq then return end
  local found = redis.call('HMGET', q.prefix .. 'meta', 'seq', 'announced', 'depth')
  q.meta.seq = index.last_before(tonumber(found[1] or blocks.newest(q)) or 0)
  q.meta.announced, q.depth = tonumber(found[2]) or 0, tonumber(found[3])
end

-- The job that a call asks for comes to be: one that waits, until it is placed otherwise.
local function create(q, j, t)
  local seq, call = q.meta.seq + 1, j.call
  q.meta.seq, q.ahead = seq, true
  local name, field = run.of(j.id)
  j.key, j.field, j.created, j.seq = q.prefix .. name, field, j.came or q.now, seq
  j.status, t.there, t.changed = 'waiting', t.there + 1, true
  job.create(q, j)
  if j.priority then job.set(q, j, 'priority', j.priority) end
  if call.deadline then job.set(q, j, 'deadline', q.now + call.deadline) end
  job.carry(q, j, j.body)
  index.enter(q, j)
  index.come(q, t, seq)
  if j.options.span then unique.claim(q, j) end
end

-- Returns the status, and the moment at which it is due.
local function place(q, j)
  if j.behind then return follower.block(q, j, j.behind, j.delay) end
  return intake.place(q, j, j.lane, j.delay)
end

-- Takes a job in, or answers with the one that it stands for; 1 says that it is new and waits. `bounded`: it is refused
-- (3) if the queue is full.
function intake.accept(q, n, bounded)
  -- Of a job that was looked for and is not there, and that names no key, nothing can be known.
  local found = (q.jobs[n.id] ~= false or n.call.once or n.options.unique) and rival.known(q, n)
  if found then return litter.unused(q, n, found) end
  open(q)
  local t = tenant.open(q, n.tenant)
  if bounded and (q.depth or t.limits.depth) then
    local full = depth.reached(q, t)
    if full then return litter.unused(q, n, { n.id, 3, full, 0, depth.retry_after(q) }) end
    depth.taken(q, t)
  end
  create(q, n, t)
  local status, due = place(q, n)
  event.emit(q, n.id, n.tenant, status)
  if status == 'waiting' and not n.call.once then return 1 end
  local answer = { n.id, 1, status, q.now, due }
  rival.remember(q, n, answer)
  return answer
end

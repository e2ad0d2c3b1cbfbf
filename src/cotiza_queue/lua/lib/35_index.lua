-- Finding jobs again: a tenant's jobs in the order of their coming, one sorted set for each class of statuses and one
-- for each tag. `open` holds the waiting and the active, so that a start moves nothing. `index` is everybody's, by
-- blocks: those that come with one call are of one, and one member of it (16_bundle.lua).
local index = { block = 16 }
index.classes = { 'open', 'delayed', 'blocked', 'completed', 'failed', 'cancelled' }
local CLASS = { waiting = 'open', active = 'open' }

function index.name(tenant_id, status) return 'index:' .. tenant_id .. ':' .. (CLASS[status] or status) end

function index.key(q, tenant_id, status)
  local t, class = q.tenants[tenant_id], CLASS[status] or status
  if t and t[class] then return t[class] end
  local key = q.prefix .. 'index:' .. tenant_id .. ':' .. class
  if t then t[class] = key end
  return key
end

-- A slash can't be in a tenant's id, so no tenant's tag looks like another's.
function index.tag_name(tenant_id, tag) return 'tag:' .. tenant_id .. '/' .. tag end
function index.tag(q, tenant_id, tag) return q.prefix .. 'tag:' .. tenant_id .. '/' .. tag end

-- Where a job's block begins in the order of coming, and the last place before the next call's block.
function index.block_of(seq) return seq - seq % index.block end
function index.last_before(seq) return index.block_of(seq) + index.block - 1 end

function index.enter(q, j)
  bundle.enter(q, q.prefix .. 'index', index.block_of(j.seq), j.id)
  for _, tag in ipairs(j.options.tags or {}) do
    late.zadd(q, index.tag(q, j.tenant, tag), j.seq, j.id)
  end
end

-- Called wherever a status changes: the job has the new one from here on.
function index.move(q, j, status)
  local from, to = CLASS[j.status] or j.status, CLASS[status] or status
  j.status = status
  job.touch(q, j)
  if from == to then return end
  if from then late.zrem(q, index.key(q, j.tenant, from), j.id) end
  late.zadd(q, index.key(q, j.tenant, to), j.seq, j.id)
end

-- The job carries other tags from now on.
function index.retag(q, j, tags)
  for _, tag in ipairs(j.options.tags or {}) do late.zrem(q, index.tag(q, j.tenant, tag), j.id) end
  for _, tag in ipairs(tags or {}) do late.zadd(q, index.tag(q, j.tenant, tag), j.seq, j.id) end
end

function index.leave(q, j)
  if j.seq then bundle.leave(q, q.prefix .. 'index', index.block_of(j.seq), j.id) end
  late.zrem(q, index.key(q, j.tenant, j.status), j.id)
  for _, tag in ipairs(j.options and j.options.tags or {}) do
    late.zrem(q, index.tag(q, j.tenant, tag), j.id)
  end
end

-- The audit of what names something else: members of sorted sets, and keys that belong to a job.
local function field(q, id, name) return redis.call('HGET', q.prefix .. 'job:' .. id, name) or '' end

local has_job = {}
function has_job.index(q, id) return field(q, id, 'status') ~= '' end
has_job.newer = has_job.index
function has_job.delayed(q, id) return field(q, id, 'status') == 'delayed' end
function has_job.ended(q, id, rest) return field(q, id, 'status') == rest end
function has_job.newest(q, id, rest)
  return field(q, id, 'status') .. ':' .. field(q, id, 'tenant') == rest
end

function has_job.indexed(q, id, rest)
  local status = field(q, id, 'status')
  return status ~= '' and index.key({ prefix = '' }, field(q, id, 'tenant'), status) == 'index:' .. rest
end

function has_job.tag(q, id, rest)
  local tenant_id, tag = string.match(rest, '^([^/]+)/(.*)$')
  if field(q, id, 'tenant') ~= tenant_id then return false end
  for _, one in ipairs(job.options(field(q, id, 'options')).tags or {}) do
    if one == tag then return true end
  end
  return false
end

function has_job.schedules(q, id) return audit.exists(q, 'schedule:' .. id) end

-- Members of one sorted set: its name, then ids.
function audit.members(q, args)
  local name = table.remove(args, 1)
  local head, rest = string.match(name, '^(%l+):?(.*)$')
  if head == 'index' and rest ~= '' then head = 'indexed' end
  for _, id in ipairs(args) do
    local there = has_job[head] and redis.call('ZSCORE', q.prefix .. name, id)
    if there and not has_job[head](q, id, rest) then
      audit.say(q, 'dangling', id, 'named by ' .. name)
      if q.fix then redis.call('ZREM', q.prefix .. name, id) end
    end
  end
end

-- Fields of the index of dead letters: job ids.
function audit.named(q, ids)
  for _, id in ipairs(ids) do
    local entry = redis.call('HGET', q.prefix .. 'dead:index', id)
    if entry and #redis.call('XRANGE', q.prefix .. 'dead', entry, entry) == 0 then
      audit.say(q, 'dead_letter', id, 'the index names a letter that is gone')
      if q.fix then redis.call('HDEL', q.prefix .. 'dead:index', id) end
    end
  end
end

-- The audit of what names something else: members of sorted sets, and keys that belong to a job.
local has_job = {}
function has_job.newer() return true end
function has_job.delayed(j) return j.status == 'delayed' end
function has_job.newest(j, rest) return j.status .. ':' .. j.tenant == rest end

function has_job.tag(j, rest)
  local tenant_id, tag = string.match(rest, '^([^/]+)/(.*)$')
  if j.tenant ~= tenant_id then return false end
  for _, one in ipairs(j.options.tags or {}) do
    if one == tag then return true end
  end
  return false
end

-- Is there what a member of a sorted set names, in the state that the set is for?
local function named(q, head, id, rest)
  if head == 'schedules' then return audit.exists(q, 'schedule:' .. id) end
  local j = job.read(q, id)
  return j and has_job[head](j, rest)
end

-- Members of one sorted set: its name, then ids.
function audit.members(q, args)
  local name = table.remove(args, 1)
  local head, rest = string.match(name, '^(%l+):?(.*)$')
  if name == 'index' then return audit.blocks(q, args) end
  if head == 'index' or head == 'class' then return audit.said_of_blocks(q, name, args) end
  if head == 'ended' then return audit.named_together(q, name, rest, args) end
  job.fetch(q, args)
  for _, id in ipairs(args) do
    local there = (has_job[head] or head == 'schedules') and redis.call('ZSCORE', q.prefix .. name, id)
    if there and not named(q, head, id, rest) then
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

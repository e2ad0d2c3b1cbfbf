-- A job's hash, as scripts read it.
local job = {}
local FIELDS = { 'status', 'tenant', 'lane', 'entry', 'token', 'worker', 'attempt', 'stalls', 'created',
  'started', 'deadline', 'options', 'keep', 'priority', 'attempts', 'seq', 'snoozed', 'next', 'saved', 'size',
  'blob' }

local NONE = {}

-- What a job was asked for beside the usual, from its packed form; most jobs have none of it.
function job.options(packed)
  return packed ~= '' and cmsgpack.unpack(packed) or NONE
end

function job.read(q, id)
  local values = redis.call('HMGET', q.prefix .. 'job:' .. id, unpack(FIELDS))
  if not values[1] then return nil end
  local found = { id = id }
  for i, name in ipairs(FIELDS) do found[name] = values[i] or '' end
  found.packed, found.options = found.options, job.options(found.options)
  return found
end

-- Bytes of its payload, and of its result once it has one.
function job.size(j) return tonumber(j.size) or 0 end

-- True if the entry is the one that stands for the job now: entry ids of two lanes may be alike.
function job.stands(j, number, entry)
  return j and j.entry == entry and tonumber(j.lane) == tonumber(number)
end

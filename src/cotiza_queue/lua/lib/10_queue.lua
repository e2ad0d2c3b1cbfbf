-- The queue a call works on: its key prefix, the server's time, what the call has read of jobs and tenants, and what
-- it has changed, which is written once, at its end.
local queue = {}

function queue.prefix(meta_key) return string.sub(meta_key, 1, -5) end

-- A call that changes nothing; one that may goes by queue.open (66_inbox.lua).
function queue.look(meta_key)
  return {
    prefix = queue.prefix(meta_key),
    now = clock.now(),
    meta = {}, jobs = {}, touched = {}, tenants = {}, opened = {}, unread = {}, came = {}, came_before = {}, went = {},
    blocks = {}, writes = {}, lines = {}, bundles = {}, keeps = {}, ends = {}, dropped = {}, workers = {},
    counts = { active = 0, kept_bytes = 0, total_run_ms = 0 }, finished = {}, lanes = {}, acks = {},
    events = {}, told = 0, late = {}, carried = {}, vacant = {}, pushed = 0, wake = false, spare = 100,
  }
end

-- One command with many arguments, as many at once as Lua can pass.
function queue.in_pages(command, list)
  for first = 1, #list, 1000 do redis.call(command, unpack(list, first, math.min(first + 999, #list))) end
end

local function values_of(keys, first, last, hash)
  if hash then return redis.call('HMGET', hash, unpack(keys, first, last)) end
  return redis.call('MGET', unpack(keys, first, last))
end

-- What some keys hold, or some fields of a hash.
function queue.values(keys, hash)
  local n, values = #keys, {}
  if n == 0 then return keys end
  if n <= 1000 then return values_of(keys, 1, n, hash) end
  for first = 1, n, 1000 do
    local page = values_of(keys, first, math.min(first + 999, n), hash)
    for i = 1, #page do values[first + i - 1] = page[i] end
  end
  return values
end

function queue.count(q, name, n)
  local counts = q.counts
  counts[name] = (counts[name] or 0) + n
end

-- Numbers of the queue itself. Those in `meta` were read by this call and are written at its end; others at once.
function queue.advance(q, field, n)
  if not q.meta[field] then return redis.call('HINCRBY', q.prefix .. 'meta', field, n) end
  q.meta[field], q.ahead = q.meta[field] + n, true
  return q.meta[field]
end

function queue.tokens(q, n) return queue.advance(q, 'token', n) end

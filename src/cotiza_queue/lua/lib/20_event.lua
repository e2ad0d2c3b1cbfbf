-- What is announced of jobs: one capped stream a queue, read by waits, SSE and the dashboard. All that a call
-- announces is one entry, a packed list, so that a turn of a hundred jobs pays for one.
local event = { fields = 4, kept = 10, page = 1000, mark = 1000 }

function event.emit(q, id, tenant, name, data)
  local events = q.events
  local n = #events
  events[n + 1], events[n + 2], events[n + 3], events[n + 4] = id, tenant, name, data or ''
end

-- Every so many events the entry is marked; what lies before the oldest mark that is kept goes.
local function trim(q, before, total, entry)
  if math.floor(before / event.mark) == math.floor(total / event.mark) then return end
  local marks = q.prefix .. 'events:marks'
  if redis.call('RPUSH', marks, entry) > event.kept then
    redis.call('XTRIM', q.prefix .. 'events', 'MINID', redis.call('LPOP', marks))
  end
end

local function write(q, list)
  local entry = redis.call('XADD', q.prefix .. 'events', '*', 'e', cmsgpack.pack(list))
  local n = #list / event.fields
  local total = queue.advance(q, 'announced', n)
  trim(q, total - n, total, entry)
end

function event.flush(q)
  local size = event.page * event.fields
  for first = 1, #q.events, size do
    write(q, #q.events <= size and q.events or { unpack(q.events, first, math.min(first + size - 1, #q.events)) })
  end
  q.events = {}
end

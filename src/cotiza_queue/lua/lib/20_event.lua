-- What is announced of jobs: one capped stream a queue, read by waits, SSE and the dashboard. All that a call
-- announces is one entry, a packed list of groups: name, data, and whom it is about, so that a page of jobs that start
-- or end alike pays for one. Whom: ids, and before those of another tenant than the last one's a slash and the tenant,
-- joined by blanks (store/ids.py says how to part them).
local event = { kept = 10, page = 1000, mark = 1000 }

local function begin(q, name, data)
  local events = q.events
  if q.told % event.page == 0 then events[#events + 1] = {} end
  local groups = events[#events]
  q.group = { name = name, data = data }
  groups[#groups + 1] = q.group
  return q.group
end

function event.emit(q, id, tenant, name, data)
  local group, told = q.group, q.told
  data = data or ''
  if told % event.page == 0 or group.name ~= name or group.data ~= data then group = begin(q, name, data) end
  local n = #group
  if group.tenant ~= tenant then
    n = n + 1
    group.tenant, group[n] = tenant, '/' .. tenant
  end
  group[n + 1], q.told = id, told + 1
end

-- Every so many events the entry is marked; what lies before the oldest mark that is kept goes.
local function trim(q, n, total, entry)
  if total % event.mark >= n then return end
  local marks = q.prefix .. 'events:marks'
  if redis.call('RPUSH', marks, entry) > event.kept then
    redis.call('XTRIM', q.prefix .. 'events', 'MINID', redis.call('LPOP', marks))
  end
end

local function write(q, groups, n, total)
  local list = {}
  for i, group in ipairs(groups) do
    list[3 * i - 2], list[3 * i - 1], list[3 * i] = group.name, group.data, table.concat(group, ' ')
  end
  local entry = redis.call('XADD', q.prefix .. 'events', '*', 'e', cmsgpack.pack(list))
  trim(q, n, total, entry)
end

-- How many the queue has announced, with those of this call.
function event.count(q)
  if q.told > 0 then q.announced = queue.advance(q, 'announced', q.told) end
end

function event.flush(q)
  for i, groups in ipairs(q.events) do
    local last = math.min(i * event.page, q.told)
    write(q, groups, last - (i - 1) * event.page, q.announced - q.told + last)
  end
end

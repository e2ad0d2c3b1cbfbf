-- The end of a call that has written: what was collected on the way goes out at once.
local function write_meta(q)
  if not q.ahead then return end
  local flat = {}
  for field, n in pairs(q.meta) do flat[#flat + 1], flat[#flat + 2] = field, n end
  redis.call('HSET', q.prefix .. 'meta', unpack(flat))
end

local function write_tenants(q)
  local writes, gone = q.writes, {}
  for _, t in pairs(q.tenants) do
    if t.lines then
      for number in pairs(t.lines) do backlog.flush(q, t, number) end
    end
    local numbers = (t.changed or t.moved) and tenant.numbers(t)
    if numbers and next(numbers) then
      writes[#writes + 1], writes[#writes + 2] = t.key, cmsgpack.pack(numbers)
    elseif numbers then
      gone[#gone + 1] = t.key
    end
  end
  queue.in_pages('DEL', gone)
end

function queue.close(q)
  index.flush(q)
  lane.flush(q)
  write_tenants(q)
  job.flush(q)
  queue.in_pages('MSET', q.writes)
  numbers.flush(q)
  bundle.flush(q)
  late.flush(q)
  event.flush(q)
  write_meta(q)
  -- While the queue rests, nobody could start anything.
  if q.wake and not (q.limit and q.limit.shut) then redis.call('PUBLISH', q.prefix .. 'wake', 'wake') end
end

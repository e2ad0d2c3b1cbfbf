-- The end of a call that has written: what was collected on the way goes out at once.
local function write_meta(q)
  if not q.ahead then return end
  local flat = {}
  for field, n in pairs(q.meta) do flat[#flat + 1], flat[#flat + 2] = field, n end
  redis.call('HSET', q.prefix .. 'meta', unpack(flat))
end

-- Numbers that were given out are written before the records that have them: should the call be broken off by a key of
-- another type, none is given twice.
function queue.close(q)
  tenant.follow_unread(q)
  index.flush(q)
  lane.flush(q)
  delayed.flush(q)
  backlog.flush_all(q)
  tenant.write_all(q)
  event.count(q)
  write_meta(q)
  bodies.flush(q)
  queue.in_pages('MSET', q.writes)
  job.flush(q)
  numbers.flush(q)
  bundle.flush(q)
  late.flush(q)
  event.flush(q)
  if q.emptied then redis.call('DEL', q.emptied) end
  -- While the queue rests, nobody could start anything.
  if q.wake and not q.hinted and not (q.limit and q.limit.shut) then redis.call('PUBLISH', q.prefix .. 'wake', 'wake') end
end

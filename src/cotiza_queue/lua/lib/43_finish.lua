-- A job's end, and what is kept of it. `inline`: bytes of a result that the record itself holds.
local follower = {}
job.inline = 256

-- A tenant's jobs that ended so and asked to be kept by number, by the moment of their end. Each end lets one go;
-- where fewer are kept than before, a call lets so many more go as `q.spare` says.
local function keep_newest(q, j, kept)
  local key = q.prefix .. 'newest:' .. j.status .. ':' .. j.tenant
  redis.call('ZADD', key, q.now, j.id)
  local excess = math.min(redis.call('ZCARD', key) - kept, 1 + q.spare)
  if excess <= 0 then return end
  q.spare = q.spare - excess + 1
  local ids = redis.call('ZRANGE', key, 0, excess - 1)
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local old = job.read(q, id)
    if old then job.remove(q, old) else redis.call('ZREM', key, id) end
  end
end

function job.store(q, j, result)
  local blob = litter.name(result)
  j.size = j.size + #result
  if blob or j.rare.blob then job.set(q, j, 'blob', blob) end
  j.result = not blob and #result <= job.inline and result or true
  if j.result == true then redis.call('SET', q.prefix .. 'result:' .. j.id, result) end
end

function job.finish(q, j, status, data)
  local age, kept = ended.keep_of(q, j, status)
  local counts = q.counts
  j.finished, j.entry = q.now, ''
  unique.moved(q, j, status)
  if status ~= 'failed' then checkpoint.forget(q, j) end
  q.finished[status] = (q.finished[status] or 0) + 1
  counts.kept_bytes = counts.kept_bytes + j.size
  event.emit(q, j.id, j.tenant, status, data)
  job.move(q, j, status)
  if j.rare.next then follower.release(q, j) end
  if age == 0 then return job.erase(q, j) end
  j.goes = q.now + age -- entered at the end of the call, with those beside it (56_index_move.lua)
  if kept then keep_newest(q, j, kept) end
end

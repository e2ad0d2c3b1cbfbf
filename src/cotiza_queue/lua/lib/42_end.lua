-- A job's end, what is kept of it, and its removal with everything that belongs to it.
local follower = {}

function job.remove(q, j)
  local p = q.prefix
  redis.call('DEL', p .. 'job:' .. j.id, p .. 'body:' .. j.id, p .. 'result:' .. j.id,
    p .. 'failures:' .. j.id, p .. 'progress:' .. j.id, p .. 'history:' .. j.id,
    p .. 'checkpoints:' .. j.id)
  index.leave(q, j)
  litter.job(q, j)
  unique.moved(q, j, '')
  late.zrem(q, p .. 'ended:' .. j.status, j.id)
  redis.call('ZREM', p .. 'newest:' .. j.status .. ':' .. j.tenant, j.id)
  queue.count(q, j.status, -1)
  queue.count(q, 'kept_bytes', -job.size(j))
end

-- A tenant's jobs that ended so and asked to be kept by number, by the moment of their end.
local function keep_newest(q, j, kept)
  local key = q.prefix .. 'newest:' .. j.status .. ':' .. j.tenant
  redis.call('ZADD', key, q.now, j.id)
  local excess = math.min(redis.call('ZCARD', key) - kept, 100)
  if excess <= 0 then return end
  for _, id in ipairs(redis.call('ZRANGE', key, 0, excess - 1)) do
    job.remove(q, job.read(q, id) or { id = id, tenant = j.tenant, status = j.status })
  end
end

function job.store(q, j, result)
  redis.call('SET', q.prefix .. 'result:' .. j.id, result)
  j.size, j.blob = job.size(j) + #result, litter.name(result)
  if j.blob then redis.call('HSET', q.prefix .. 'job:' .. j.id, 'blob', j.blob) end
end

function job.finish(q, j, status, data)
  local good_age, good_count, bad_age, bad_count = string.match(j.keep, '^(%d*):(%d*):(%d*):(%d*)$')
  local age, kept = bad_age, bad_count
  if status == 'completed' then age, kept = good_age, good_count end
  redis.call('HSET', q.prefix .. 'job:' .. j.id, 'status', status, 'finished', q.now, 'size', job.size(j))
  unique.moved(q, j, status)
  if status ~= 'failed' then checkpoint.forget(q, j) end
  newer.forget(q, j)
  queue.count(q, status, 1)
  queue.count(q, 'kept_bytes', job.size(j))
  queue.count(q, 'total_' .. status, 1)
  event.emit(q, j.id, j.tenant, status, data)
  index.move(q, j, status)
  if j.next ~= '' then follower.release(q, j) end
  late.zadd(q, q.prefix .. 'ended:' .. status, q.now + age * 1000, j.id)
  if age == '0' then return job.remove(q, j) end
  if kept ~= '' then keep_newest(q, j, tonumber(kept)) end
end

-- A job's removal, with everything that belongs to it.

-- Of a job that has left the ended ones, or was never among them.
function job.erase(q, j)
  local p = q.prefix
  job.forget(q, j)
  job.drop(q, j.id)
  redis.call('DEL', p .. 'body:' .. j.id, p .. 'result:' .. j.id,
    p .. 'failures:' .. j.id, p .. 'progress:' .. j.id, p .. 'history:' .. j.id,
    p .. 'checkpoints:' .. j.id)
  bodies.leave(q, j)
  index.leave(q, j)
  litter.job(q, j)
  unique.moved(q, j, '')
  redis.call('ZREM', p .. 'newest:' .. j.status .. ':' .. j.tenant, j.id)
  queue.count(q, j.status, -1)
  queue.count(q, 'kept_bytes', -(j.size or 0))
end

local FINAL = { completed = true, failed = true, cancelled = true }

function job.remove(q, j)
  if FINAL[j.status] and not j.goes then ended.leave(q, j.status, ended.moment(q, j), j.seq) end
  j.goes = nil
  job.erase(q, j)
end

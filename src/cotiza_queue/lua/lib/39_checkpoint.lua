-- What the attempts of a job have saved for later ones: a hash of names and values. The job's record says if there is
-- one, so that only an attempt that may find something asks.
local checkpoint = { names = 64 }

-- True, or false if a new name would be one too many.
function checkpoint.save(q, j, name, value)
  local key = q.prefix .. 'checkpoints:' .. j.id
  if redis.call('HEXISTS', key, name) == 0 and redis.call('HLEN', key) >= checkpoint.names then return false end
  redis.call('HSET', key, name, value)
  job.set(q, j, 'saved', 1)
  return true
end

-- They are worth nothing any more: the job will not go on, or its payload is another.
function checkpoint.forget(q, j)
  if not j.rare.saved then return end
  redis.call('DEL', q.prefix .. 'checkpoints:' .. j.id)
  job.set(q, j, 'saved', nil)
end

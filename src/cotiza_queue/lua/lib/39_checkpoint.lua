-- What the attempts of a job have saved for later ones: a hash of names and values. The job's own hash says if there is
-- one, so that only an attempt that may find something asks.
local checkpoint = { names = 64 }

-- True, or false if a new name would be one too many.
function checkpoint.save(q, id, name, value)
  local key = q.prefix .. 'checkpoints:' .. id
  if redis.call('HEXISTS', key, name) == 0 and redis.call('HLEN', key) >= checkpoint.names then return false end
  redis.call('HSET', key, name, value)
  redis.call('HSET', q.prefix .. 'job:' .. id, 'saved', 1)
  return true
end

-- They are worth nothing any more: the job will not go on, or its payload is another.
function checkpoint.forget(q, j)
  if (j.saved or '') == '' then return end
  redis.call('DEL', q.prefix .. 'checkpoints:' .. j.id)
  redis.call('HDEL', q.prefix .. 'job:' .. j.id, 'saved')
  j.saved = ''
end

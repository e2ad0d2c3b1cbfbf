-- Dead letters: what is left of a job that failed for good, complete enough to run it again.
local dead = {}

function dead.lift(q, id)
  local entry = redis.call('HGET', q.prefix .. 'dead:index', id)
  if not entry then return nil end
  local found = redis.call('XRANGE', q.prefix .. 'dead', entry, entry)[1]
  redis.call('XDEL', q.prefix .. 'dead', entry)
  redis.call('HDEL', q.prefix .. 'dead:index', id)
  return found and found[2]
end

function dead.note(q, id, failure)
  redis.call('RPUSH', q.prefix .. 'failures:' .. id, failure)
  redis.call('LTRIM', q.prefix .. 'failures:' .. id, -100, -1)
end

function dead.bury(q, j, failure)
  local p = q.prefix
  dead.note(q, j.id, failure)
  dead.lift(q, j.id)
  local failures = table.concat(redis.call('LRANGE', p .. 'failures:' .. j.id, 0, -1), ',')
  local body = redis.call('GET', p .. 'body:' .. j.id) or ''
  local entry = redis.call('XADD', p .. 'dead', '*', 'job', j.id, 'tenant', j.tenant, 'created', j.created,
    'priority', j.priority, 'lane', j.lane, 'attempts', j.attempts, 'keep', j.keep, 'options', j.packed,
    'failures', '[' .. failures .. ']', 'body', body)
  redis.call('HSET', p .. 'dead:index', j.id, entry)
  job.finish(q, j, 'failed', failure)
end

function dead.failure(q, j, code, message)
  return string.format('{"code":"%s","message":"%s","at":%d,"attempt":%d,"worker":"%s"}',
    code, message, q.now, tonumber(j.attempt) or 0, j.worker)
end

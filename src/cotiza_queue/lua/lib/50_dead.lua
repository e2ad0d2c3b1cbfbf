-- Dead letters: what is left of a job that failed for good, complete enough to run it again.
local dead = {}

-- The letter of a job, as fields and values, and its id.
function dead.read(q, id)
  local entry = redis.call('HGET', q.prefix .. 'dead:index', id)
  local found = entry and redis.call('XRANGE', q.prefix .. 'dead', entry, entry)[1]
  return found and found[2], entry
end

function dead.lift(q, id)
  local found, entry = dead.read(q, id)
  if not entry then return nil end
  redis.call('XDEL', q.prefix .. 'dead', entry)
  redis.call('HDEL', q.prefix .. 'dead:index', id)
  return found
end

-- What a letter's job was asked for beside the usual.
function dead.options(fields)
  for i = 1, #fields, 2 do
    if fields[i] == 'options' and fields[i + 1] ~= '' then return cmsgpack.unpack(fields[i + 1]) end
  end
  return {}
end

function dead.note(q, id, failure)
  redis.call('RPUSH', q.prefix .. 'failures:' .. id, failure)
  redis.call('LTRIM', q.prefix .. 'failures:' .. id, -100, -1)
end

function dead.bury(q, j, failure)
  local p = q.prefix
  dead.note(q, j.id, failure)
  litter.letter(q, j.id, dead.lift(q, j.id))
  local failures = table.concat(redis.call('LRANGE', p .. 'failures:' .. j.id, 0, -1), ',')
  local body = bodies.of(q, j)
  local entry = redis.call('XADD', p .. 'dead', '*', 'job', j.id, 'tenant', j.tenant, 'created', j.created,
    'priority', j.rare.priority or 0, 'lane', j.lane, 'attempts', j.attempts, 'keep', j.keep,
    'options', next(j.options) and cmsgpack.pack(j.options) or '',
    'failures', '[' .. failures .. ']', 'body', body)
  redis.call('HSET', p .. 'dead:index', j.id, entry)
  job.finish(q, j, 'failed', failure)
end

function dead.failure(q, j, code, message)
  return string.format('{"code":"%s","message":"%s","at":%d,"attempt":%d,"worker":"%s"}',
    code, message, q.now, j.attempt, by_whom.name(q, j))
end

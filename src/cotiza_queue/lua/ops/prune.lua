-- prune: removes what retention no longer keeps: ended jobs by age and by bytes, old dead letters, workers long gone.
-- KEYS     meta
-- ARGS     limit dead_age_ms consumer_age_ms
-- RETURNS  the number of jobs and dead letters removed
-- EDGE     completed -> (none), failed -> (none), cancelled -> (none)
-- EMITS    nothing
-- ERRORS   none
-- COST     O(limit + lanes x consumers)
-- FLAGS    allow-oom
local function forget_consumers(q, age_ms)
  for _, number in ipairs(lane.numbers(q)) do
    for _, info in ipairs(lane.ask(q, number, 'XINFO', 'CONSUMERS', lane.key(q, number), lane.group)) do
      local c = {}
      for i = 1, #info, 2 do c[info[i]] = info[i + 1] end
      if c.pending == 0 and c.idle > age_ms and not redis.call('ZSCORE', q.prefix .. 'workers', c.name) then
        redis.call('XGROUP', 'DELCONSUMER', lane.key(q, number), lane.group, c.name)
      end
    end
  end
end

local function prune(keys, args)
  local q = queue.open(keys[1])
  local limit, removed = tonumber(args[1]), 0
  for _, status in ipairs({ 'completed', 'failed', 'cancelled' }) do
    local ended = redis.call('ZRANGEBYSCORE', q.prefix .. 'ended:' .. status, '-inf', q.now,
      'LIMIT', 0, limit - removed)
    job.fetch(q, ended)
    for _, id in ipairs(ended) do
      job.remove(q, job.read(q, id) or { id = id, tenant = '', status = status })
      removed = removed + 1
    end
  end
  removed = removed + keeping.shed(q, limit, limit - removed)
  local letters = redis.call('XRANGE', q.prefix .. 'dead', '-', q.now - args[2], 'COUNT', limit - removed + 1)
  for _, letter in ipairs(letters) do
    redis.call('XDEL', q.prefix .. 'dead', letter[1])
    if redis.call('HGET', q.prefix .. 'dead:index', letter[2][2]) == letter[1] then
      redis.call('HDEL', q.prefix .. 'dead:index', letter[2][2])
    end
    litter.letter(q, letter[2][2], letter[2])
    removed = removed + 1
  end
  forget_consumers(q, tonumber(args[3]))
  queue.close(q)
  return removed
end

-- prune: removes what retention no longer keeps: ended jobs by age and by bytes, old dead letters, workers long gone.
-- KEYS     meta
-- ARGS     limit (passed by what goes together with the last one) dead_age_ms consumer_age_ms
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

-- Only a name goes of a job that has not ended so, or that goes later: it is named wrongly.
local function expired(q, j, status) return j.status == status and ended.moment(q, j) <= q.now end

local function prune(keys, args)
  local q = queue.open(keys[1])
  local limit, removed = tonumber(args[1]), 0
  for _, status in ipairs({ 'completed', 'failed', 'cancelled' }) do
    local due = ended.expire(q, status, limit - removed)
    job.fetch(q, due)
    for _, id in ipairs(due) do
      local j = job.read(q, id)
      if not j or expired(q, j, status) then job.erase(q, j or { id = id, tenant = '', status = status }) end
    end
    removed = removed + #due
  end
  removed = removed + keeping.shed(q, limit, limit - removed)
  local letters = redis.call('XRANGE', q.prefix .. 'dead', '-', q.now - args[2], 'COUNT',
    math.max(limit - removed, 0) + 1)
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

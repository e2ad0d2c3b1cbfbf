-- clean: removes ended jobs of one status, older than a grace span, before retention does.
-- KEYS     meta
-- ARGS     status grace_ms limit
-- RETURNS  the number removed
-- EDGE     completed -> (none), failed -> (none), cancelled -> (none)
-- EMITS    nothing
-- ERRORS   none
-- COST     O(limit)
-- FLAGS    allow-oom
local function clean(keys, args)
  local q = queue.open(keys[1])
  local removed = 0
  for _, id in ipairs(redis.call('ZRANGE', q.prefix .. 'ended:' .. args[1], 0, args[3] - 1)) do
    local finished = redis.call('HGET', q.prefix .. 'job:' .. id, 'finished')
    if not finished or tonumber(finished) <= q.now - args[2] then
      job.remove(q, job.read(q, id) or { id = id, tenant = '', status = args[1] })
      removed = removed + 1
    end
  end
  queue.close(q)
  return removed
end

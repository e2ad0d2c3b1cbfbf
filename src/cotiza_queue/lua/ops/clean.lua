-- clean: removes ended jobs of one status, older than a grace span, before retention does.
-- KEYS     meta
-- ARGS     status grace_ms limit tenant ("" for all) skip (how many of the oldest to pass over)
-- RETURNS  [the number removed, the number looked at]
-- EDGE     completed -> (none), failed -> (none), cancelled -> (none)
-- EMITS    nothing
-- ERRORS   none
-- COST     O(limit)
-- FLAGS    allow-oom
local function clean(keys, args)
  local q = queue.open(keys[1])
  local status, tenant_id, removed = args[1], args[4], 0
  local ids = redis.call('ZRANGE', q.prefix .. 'ended:' .. status, args[5], args[5] + args[3] - 1)
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id) or { id = id, tenant = tenant_id, status = status, finished = 0 }
    local old = j.finished <= q.now - args[2]
    if old and (tenant_id == '' or j.tenant == tenant_id) then
      job.remove(q, j)
      removed = removed + 1
    end
  end
  queue.close(q)
  return { removed, #ids }
end

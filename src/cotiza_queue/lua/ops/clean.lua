-- clean: removes ended jobs of one status, older than a grace span, before retention does.
-- KEYS     meta
-- ARGS     status grace_ms limit tenant ("" for all) skip (how many of the oldest to pass over)
-- RETURNS  [the number removed, the number looked at]
-- EDGE     completed -> (none), failed -> (none), cancelled -> (none)
-- EMITS    nothing
-- ERRORS   none
-- COST     O(skip + limit): what is passed over is read; the engine passes over 10,000 at the most
-- FLAGS    allow-oom
local function clean(keys, args)
  local q = queue.open(keys[1])
  local status, tenant_id, removed = args[1], args[4], 0
  local rows, ids = ended.oldest(q, status, tonumber(args[5]), tonumber(args[3])), {}
  for i, row in ipairs(rows) do ids[i] = row[1] end
  job.fetch(q, ids)
  for _, row in ipairs(rows) do
    local j = job.read(q, row[1]) or { id = row[1], tenant = tenant_id, status = status, finished = 0 }
    local old = j.status == status and j.finished <= q.now - args[2]
    if old and (tenant_id == '' or j.tenant == tenant_id) then
      ended.leave(q, status, row[2], row[3])
      job.erase(q, j)
      removed = removed + 1
    end
  end
  queue.close(q)
  return { removed, #rows }
end

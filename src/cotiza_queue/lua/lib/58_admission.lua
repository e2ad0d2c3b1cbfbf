-- When there is room again: a job ended or was withdrawn, a limit was raised, a tenant's time has come.
local admission = {}

-- A tenant may run more than before: its lanes are filled up, the best first.
function admission.refill(q, t)
  local lanes = tenant.lanes(t)
  table.sort(lanes)
  for _, number in ipairs(lanes) do backlog.admit(q, t, number) end
end

-- Room in a lane goes to the tenant's next one there. Where starts are capped, lanes share it: the best comes first.
function admission.next(q, t, number)
  if t.limits.concurrency then return admission.refill(q, t) end
  if tenant.room(q, t, number) > 0 then backlog.admit(q, t, number) end
end

-- A job leaves its lane without having started: its place goes to the tenant's next one.
function admission.withdrawn(q, j)
  local t = tenant.open(q, j.tenant)
  lane.left(q, j.lane, 1)
  if j.lane % 2 == 1 then
    tenant.count(t, j.lane, -1)
    admission.next(q, t, j.lane)
  end
end

-- A job runs no more. Where its tenant's starts are capped, that makes room for another.
function admission.ended(q, j)
  q.counts.active = q.counts.active - 1
  if not j.rare.counted then return end
  local t = tenant.open(q, j.tenant)
  job.set(q, j, 'counted', nil)
  tenant.run(t, -1)
  if t.limits.concurrency then admission.refill(q, t) end
end

-- Tenants whose time has come again.
local function next_back(q) return tonumber(redis.call('ZRANGE', q.prefix .. 'put_off', 0, 0, 'WITHSCORES')[2]) end

-- Returns when the next one's comes, nil if there is none.
function admission.resume(q)
  local moment = next_back(q)
  if not moment or moment > q.now then return moment end
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', q.prefix .. 'put_off', '-inf', q.now, 'LIMIT', 0, 20)) do
    redis.call('ZREM', q.prefix .. 'put_off', name)
    local t = tenant.open(q, name)
    if absence.finish(q, t) then admission.refill(q, t) end
  end
  return next_back(q)
end

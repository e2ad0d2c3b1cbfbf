-- A job starts. `take`: of a lane (`number`), `by` a worker, the last `token` that was given, the jobs `out` so far; the
-- tenants that were `touched`, those whose next job is to come (`followed`), and who was `refused`.
local entry = {}

-- What is told of it, by the attempt.
local TOLD = {}
local function told_of(attempt)
  TOLD[attempt] = TOLD[attempt] or '{"attempt":' .. attempt .. '}'
  return TOLD[attempt]
end

function entry.start(q, j, t, take, cost)
  take.token = take.token + 1
  t.there, t.changed = t.there - 1, true
  j.status, j.worker, j.token, j.attempt, j.started = 'active', take.by, take.token, j.attempt + 1, q.now
  job.touch(q, j)
  unique.moved(q, j, 'active')
  event.emit(q, j.id, j.tenant, 'active', told_of(j.attempt))
  local limits = t.limits
  if limits.period then tenant.set(t, 'tat', rate.spent(limits, q.now, cost)) end
  if q.limit.period then q.limit.tat, q.limit.moved = rate.spent(q.limit, q.now, cost), true end
  if limits.concurrency then admission.count(q, t, j) end
  take.out[#take.out + 1] = j
end

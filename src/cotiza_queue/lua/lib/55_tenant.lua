-- A tenant in this queue: how many of its jobs may stand in a lane (its window), run at once, and start when.
-- Jobs beyond the window wait in a backlog of the tenant's own, so lanes interleave tenants by weight.

-- Before a tenant is given what few have: from now on `limited` of meta says that there are, or were, such tenants.
function tenant.limit(q, t)
  if t.limits == tenant.none then redis.call('HSET', q.prefix .. 'meta', 'limited', 1) end
end

-- What few tenants have; nil takes it away.
function tenant.set(t, field, value)
  if t.limits == tenant.none then t.limits = {} end
  t.limits[field], t.changed = value, true
end

-- So many run more, of those that count: where starts are capped.
function tenant.run(t, n)
  local active = (t.limits.active or 0) + n
  tenant.set(t, 'active', active ~= 0 and active or nil)
end

function tenant.free(q, t)
  if absence.is(q, t) then return 0 end
  local most = t.limits.concurrency
  return most and most - (t.limits.active or 0) - tenant.admitted(t) or absence.forever
end

function tenant.room(q, t, number, extra)
  local limits = t.limits
  local space = tenant.window * (limits.weight or 1) + (extra or 0) - (t[number] or 0)
  return space > 0 and limits ~= tenant.none and math.min(space, tenant.free(q, t)) or space
end

-- True if a job of the tenant may start now; a rate that says no puts the tenant off until it says yes.
function tenant.may_start(q, t, cost)
  local limits = t.limits
  if limits == tenant.none then return true end
  if absence.is(q, t) then return false end
  if limits.concurrency and (limits.active or 0) >= limits.concurrency then return false end
  local moment = rate.moment(limits, cost)
  if moment > q.now then absence.begin(q, t, 'rested', moment) end
  return moment <= q.now
end

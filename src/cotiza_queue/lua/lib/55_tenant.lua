-- A tenant in this queue: how many of its jobs may stand in a lane (its window), run at once, and start when.
-- Jobs beyond the window wait in a backlog of the tenant's own, so lanes interleave tenants by weight.

-- The names of two of its counters by lane: how many stand in it, and how many are behind these.
local INSIDE, BEHIND = {}, {}
local function name_of(names, prefix, number)
  names[number] = prefix .. number
  return names[number]
end
function tenant.inside(number) return INSIDE[number] or name_of(INSIDE, 'in:', number) end
function tenant.behind(number) return BEHIND[number] or name_of(BEHIND, 'back:', number) end

function tenant.set(t, field, value)
  t[field], t.changed = value, true
end

function tenant.add(t, field, n)
  t[field], t.changed = (t[field] or 0) + n, true
end

function tenant.free(q, t)
  if absence.is(q, t) then return 0 end
  return t.concurrency and t.concurrency - (t.active or 0) - (t.admitted or 0) or absence.forever
end

function tenant.room(q, t, number, extra)
  local space = tenant.window * (t.weight or 1) + (extra or 0) - (t[tenant.inside(number)] or 0)
  return space > 0 and math.min(space, tenant.free(q, t)) or space
end

-- True if a job of the tenant may start now; a rate that says no puts the tenant off until it says yes.
function tenant.may_start(q, t, cost)
  if not (t.concurrency or t.period or t.rested or t['until']) then return true end
  if absence.is(q, t) then return false end
  if t.concurrency and (t.active or 0) >= t.concurrency then return false end
  local moment = rate.moment(t, cost)
  if moment > q.now then absence.begin(q, t, 'rested', moment) end
  return moment <= q.now
end

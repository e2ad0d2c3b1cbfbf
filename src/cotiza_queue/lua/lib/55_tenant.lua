-- A tenant in this queue: how many of its jobs may stand in a lane (its window), run at once, and start when.
-- Jobs beyond the window wait in a backlog of the tenant's own, so lanes interleave tenants by weight.
local tenant = { window = 2 }
local FIELDS = { 'active', 'admitted', 'weight', 'concurrency', 'until', 'rested', 'period', 'burst', 'tat', 'depth' }

function tenant.open(q, name)
  local t = q.tenants[name]
  if t then return t end
  local values = redis.call('HMGET', q.prefix .. 'tenant:' .. name, unpack(FIELDS))
  t = { name = name, key = q.prefix .. 'tenant:' .. name, delta = {} }
  for i, field in ipairs(FIELDS) do t[field] = tonumber(values[i]) end
  t.active, t.admitted = t.active or 0, t.admitted or 0
  q.tenants[name] = t
  return t
end

function tenant.number(t, field)
  if not t[field] then t[field] = tonumber(redis.call('HGET', t.key, field)) or 0 end
  return t[field]
end

function tenant.add(t, field, n)
  t[field] = tenant.number(t, field) + n
  t.delta[field] = (t.delta[field] or 0) + n
end

function tenant.free(q, t)
  if absence.is(q, t) then return 0 end
  return t.concurrency and t.concurrency - t.active - t.admitted or absence.forever
end

function tenant.room(q, t, number, extra)
  local window = tenant.window * (t.weight or 1) + (extra or 0)
  return math.min(window - tenant.number(t, 'in:' .. number), tenant.free(q, t))
end

-- True if a job of the tenant may start now; a rate that says no puts the tenant off until it says yes.
function tenant.may_start(q, t, cost)
  if absence.is(q, t) then return false end
  if t.concurrency and t.active >= t.concurrency then return false end
  local moment = rate.moment(t, cost)
  if moment > q.now then absence.begin(q, t, 'rested', moment) end
  return moment <= q.now
end

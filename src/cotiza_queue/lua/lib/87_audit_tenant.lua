-- The audit of a tenant's counters.

-- One of them: of a lane, of the line behind it (its negative number), `there` and `active`.
local function counted(t, field)
  if field == 'active' then return t.limits.active or 0 end
  return t[field] or 0
end

local function name_of(field)
  if type(field) == 'string' then return field end
  return field > 0 and 'in:' .. field or 'back:' .. -field
end

local function put_right(t, field, n)
  if field == 'active' then return tenant.run(t, n) end
  if field ~= 'there' then return tenant.count(t, field, n) end
  t.there, t.changed = t.there + n, true
end

function audit.tenant(q, t, wanted)
  for field, n in pairs(wanted) do
    local there = counted(t, field)
    if there ~= n then
      audit.say(q, 'counter', 'tenant:' .. t.name, name_of(field) .. ' says ' .. there .. ', there are ' .. n)
      if q.fix then put_right(t, field, n - there) end
    end
  end
end

-- Where starts are capped, all that runs counts.
function audit.uncounted(q, t)
  for _, j in ipairs(t.limits.concurrency and q.uncounted[t.name] or {}) do
    audit.say(q, 'counter', 'tenant:' .. t.name, j.id .. ' runs, and does not count')
    if q.fix then admission.count(q, t, j) end
  end
end

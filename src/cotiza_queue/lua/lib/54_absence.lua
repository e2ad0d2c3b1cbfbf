-- A tenant that is put off: nothing of it is admitted or started before a moment. `until` is an operator's word,
-- `rested` its rate's, or what a processor was told. `pauses` says of each `until` since when it is, and why.
local absence = { forever = 9007199254740991 }

function absence.is(q, t)
  local limits = t.limits
  return limits['until'] and q.now < limits['until'] or limits.rested and q.now < limits.rested
end

-- When the tenant is to be looked at again: the later of its two reasons, and never if one of them has no end.
local function mark(q, t)
  local moment = math.max(t.limits['until'] or 0, t.limits.rested or 0)
  if moment > q.now and moment < absence.forever then
    redis.call('ZADD', q.prefix .. 'put_off', moment, t.name)
  else
    redis.call('ZREM', q.prefix .. 'put_off', t.name)
  end
end

function absence.begin(q, t, field, moment)
  tenant.limit(q, t)
  tenant.set(t, field, moment)
  mark(q, t)
end

function absence.rest(q, t, moment)
  if moment > (t.limits.rested or 0) then absence.begin(q, t, 'rested', moment) end
end

-- Forgets what is over; true if the tenant is back.
function absence.finish(q, t)
  for _, field in ipairs({ 'until', 'rested' }) do
    if t.limits[field] and t.limits[field] <= q.now then
      tenant.set(t, field, nil)
      if field == 'until' then redis.call('HDEL', q.prefix .. 'pauses', t.name) end
    end
  end
  mark(q, t)
  return not absence.is(q, t)
end

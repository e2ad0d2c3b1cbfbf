-- The audit of counters: what was counted as it happened, against what is there.
local function hash(key)
  local flat, fields = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end

function audit.compare(q, name, wanted)
  local key = q.prefix .. name
  local fields = hash(key)
  for field, n in pairs(wanted) do
    local there = tonumber(fields[tostring(field)]) or 0
    if there ~= n then
      audit.say(q, 'counter', name, field .. ' says ' .. there .. ', there are ' .. n)
      if q.fix then redis.call('HSET', key, field, n) end
    end
  end
end

-- A line that nobody moves on, though there is room: its tenant is looked at by the next turn.
local function stuck(q, name, number, wanted)
  if (wanted[number] or 0) > 0 or tenant.room(q, tenant.open(q, name), number) <= 0 then return end
  if redis.call('ZSCORE', q.prefix .. 'put_off', name) then return end
  audit.say(q, 'stuck_line', 'backlog:' .. number .. ':' .. name, 'there is room, and nobody is admitted')
  if q.fix then redis.call('ZADD', q.prefix .. 'put_off', 0, name) end
end

function audit.tenants(q, name)
  local t, wanted, before = tenant.open(q, name), q.tally[name] or {}, #q.found
  wanted.active = wanted.active or 0
  wanted.there = q.indexed and (wanted.there or 0) or nil
  local lanes = tenant.lanes(t)
  for _, number in ipairs(lanes) do wanted[number] = wanted[number] or 0 end
  for number in pairs(q.standing) do lanes[#lanes + 1] = number end
  for _, number in ipairs(lanes) do wanted[-number] = backlog.length(q, t, number) end
  audit.limited(q, t)
  audit.tenant(q, t, wanted)
  audit.uncounted(q, t)
  if #q.found > before then return q.fix and redis.call('ZADD', q.prefix .. 'put_off', 0, name) end
  for number in pairs(q.standing) do
    if wanted[-number] > 0 then stuck(q, name, number, wanted) end
  end
end

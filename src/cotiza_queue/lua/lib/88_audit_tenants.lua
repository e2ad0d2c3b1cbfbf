-- The audit of counters: what was counted as it happened, against what is there.
local function compare(q, name, counted, wanted)
  local key = q.prefix .. name
  for field, n in pairs(wanted) do
    local there = tonumber(redis.call('HGET', key, field)) or 0
    if there ~= n then
      audit.say(q, 'counter', name, field .. ' says ' .. there .. ', there are ' .. n)
      if q.fix and n == 0 and counted then
        redis.call('HDEL', key, field)
      elseif q.fix then
        redis.call('HSET', key, field, n)
      end
    end
  end
end

-- A line that nobody moves on, though there is room: its tenant is looked at by the next turn.
local function stuck(q, name, wanted)
  local t = tenant.open(q, name)
  for number in pairs(q.standing) do
    local waiting = (wanted['back:' .. number] or 0) > 0 and (wanted['in:' .. number] or 0) == 0
    if waiting and tenant.room(q, t, number) > 0 and not redis.call('ZSCORE', q.prefix .. 'put_off', name) then
      audit.say(q, 'stuck_line', 'backlog:' .. number .. ':' .. name, 'there is room, and nobody is admitted')
      if q.fix then redis.call('ZADD', q.prefix .. 'put_off', 0, name) end
    end
  end
end

local function tenants(q, name)
  local wanted, before = q.tally[name] or {}, #q.found
  for number in pairs(q.standing) do
    wanted['back:' .. number] = redis.call('LLEN', q.prefix .. 'backlog:' .. number .. ':' .. name)
  end
  for _, field in ipairs(redis.call('HKEYS', q.prefix .. 'tenant:' .. name)) do
    local count = string.find(field, '^in:%d') or string.find(field, '^back:%d') or string.find(field, '^a[cd]%a+$')
    if count and not wanted[field] then wanted[field] = 0 end
  end
  compare(q, 'tenant:' .. name, true, wanted)
  if #q.found == before then return stuck(q, name, wanted) end
  if q.fix then redis.call('ZADD', q.prefix .. 'put_off', 0, name) end
end

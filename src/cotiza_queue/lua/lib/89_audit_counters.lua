-- The audit of counters: lanes, statuses, and all tenants that are known.
local function unread(q, number, n)
  local known = redis.call('HEXISTS', q.prefix .. 'lanes', number) == 1
  local read = n == 0 or redis.call('ZSCORE', q.prefix .. 'ready', number)
  if known and read or not audit.exists(q, 'lane:' .. number) then return end
  local why = known and 'jobs stand in it, and no turn reads it' or 'no list names it'
  audit.say(q, 'unread_lane', 'lane:' .. number, why)
  if not q.fix then return end
  redis.call('ZADD', q.prefix .. 'ready', number, number)
  redis.call('HSET', q.prefix .. 'lanes', number, n)
end

-- Counters: most, lane numbers, then names of tenants. Those that stand in lanes, or that the index names, are counted in
-- any case.
function audit.counters(q, args)
  local most, numbers = tonumber(table.remove(args, 1)), table.remove(args, 1)
  q.standing = tally.lanes(q, most, numbers)
  if not q.standing then return audit.say(q, '?counters', 'lanes', 'too many entries to count them in one look') end
  local seen = {}
  for number, n in pairs(q.standing) do unread(q, number, n) end
  audit.compare(q, 'lanes', q.standing)
  audit.compare(q, 'counts', tally.statuses(q, most))
  for _, name in ipairs(args) do seen[name] = true end
  for name in pairs(q.tally) do seen[name] = true end
  for name in pairs(seen) do audit.tenants(q, name) end
end

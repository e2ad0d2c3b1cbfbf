-- limit: sets what a tenant, or the whole queue, may do. Takes effect with the next take.
-- KEYS     meta
-- ARGS     tenant ("" for the queue), then per field: name value ("" removes it)
--          weight | concurrency | period (ms between two units) | burst | max_wait (ms) | retain_bytes
--          | depth (how many jobs may be there that have not started) | shares (a msgpack map, lane to weight)
-- RETURNS  1
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(fields + what is admitted, at most a page a lane)
local function limit(keys, args)
  local q = queue.open(keys[1])
  local key = args[1] == '' and keys[1] or q.prefix .. 'tenant:' .. args[1]
  for at = 2, #args, 2 do
    -- What is new begins afresh.
    if args[at] == 'period' then redis.call('HDEL', key, 'tat', 'rested') end
    if args[at] == 'shares' then redis.call('DEL', q.prefix .. 'passes') end
    if args[at] == 'max_wait' then redis.call('HDEL', key, 'spare') end
    if args[at + 1] == '' then
      redis.call('HDEL', key, args[at])
    else
      redis.call('HSET', key, args[at], args[at + 1])
    end
  end
  if args[1] ~= '' then
    local t = tenant.open(q, args[1])
    if absence.finish(q, t) then admission.refill(q, t) end
  end
  q.wake = true
  queue.close(q)
  return 1
end

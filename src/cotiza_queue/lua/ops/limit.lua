-- limit: sets what a tenant, or the whole queue, may do. Takes effect with the next take.
-- KEYS     meta
-- ARGS     tenant ("" for the queue), then per field: name value ("" removes it)
--          weight | concurrency | period (ms between two units) | burst | max_wait (ms) | retain_bytes
--          | depth (how many jobs may be there that have not started) | shares (a msgpack map, lane to weight)
-- RETURNS  1
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(fields + what is admitted, at most a page a lane + what runs, 7 us each, where starts of a
--          tenant are capped for the first time)
local function limit_queue(q, key, field, value)
  -- What is new begins afresh.
  if field == 'period' then redis.call('HDEL', key, 'tat', 'rested') end
  if field == 'shares' then redis.call('DEL', q.prefix .. 'passes') end
  if field == 'max_wait' then redis.call('HDEL', key, 'spare') end
  if value == '' then redis.call('HDEL', key, field) else redis.call('HSET', key, field, value) end
end

local function limit_tenant(q, t, field, value)
  tenant.limit(q, t)
  if field == 'period' then
    tenant.set(t, 'tat', nil)
    tenant.set(t, 'rested', nil)
  end
  local capped = t.limits.concurrency
  tenant.set(t, field, tonumber(value))
  if field == 'concurrency' and value ~= '' and not capped then admission.cap(q, t) end
  -- From now on jobs have to be counted before they come in, whosever they are.
  if field == 'depth' and value ~= '' then redis.call('HSET', q.prefix .. 'meta', 'bounded', 1) end
end

local function limit(keys, args)
  local q = queue.open(keys[1])
  local t = args[1] ~= '' and tenant.open(q, args[1])
  for at = 2, #args, 2 do
    if t then
      limit_tenant(q, t, args[at], args[at + 1])
    else
      limit_queue(q, keys[1], args[at], args[at + 1])
    end
  end
  if t and absence.finish(q, t) then admission.refill(q, t) end
  q.wake = true
  queue.close(q)
  return 1
end

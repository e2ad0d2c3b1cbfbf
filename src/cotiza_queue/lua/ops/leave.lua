-- leave: a worker is gone in good order. Its name stays in a group only as long as jobs are pending on it.
-- KEYS     meta
-- ARGS     worker
-- RETURNS  the number of jobs still pending on it (reclaimed when their lease ends)
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(lanes)
-- FLAGS    allow-oom
local function leave(keys, args)
  local q = queue.open(keys[1])
  local worker, held = args[1], 0
  for _, number in ipairs(lane.numbers(q)) do
    local pending = #lane.pending(q, number, '-', '+', 100, worker)
    if pending == 0 then
      lane.ask(q, number, 'XGROUP', 'DELCONSUMER', lane.key(q, number), lane.group, worker)
    end
    held = held + pending
  end
  redis.call('DEL', q.prefix .. 'worker:' .. worker)
  redis.call('ZREM', q.prefix .. 'workers', worker)
  return held
end

-- renew: a worker says that it lives; its jobs' leases start anew, but only where the token is still its own.
-- KEYS     meta
-- ARGS     worker info ttl_ms, then per running job: id token
-- RETURNS  the ids of jobs that are no longer this worker's
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(running jobs)
-- FLAGS    allow-oom
local function renew(keys, args)
  local q = queue.open(keys[1])
  local worker = args[1]
  redis.call('SET', q.prefix .. 'worker:' .. worker, args[2], 'PX', args[3])
  redis.call('ZADD', q.prefix .. 'workers', q.now + args[3], worker)
  redis.call('ZREMRANGEBYSCORE', q.prefix .. 'workers', '-inf', q.now)
  local ids, lost = {}, {}
  for at = 4, #args, 2 do ids[#ids + 1] = args[at] end
  job.fetch(q, ids)
  for at = 4, #args, 2 do
    local j = job.held(q, args[at], args[at + 1])
    if j then
      lane.ask(q, j.lane, 'XCLAIM', lane.key(q, j.lane), lane.group, worker, 0, j.entry, 'JUSTID')
    else
      lost[#lost + 1] = args[at]
    end
  end
  return lost
end

-- reclaim: jobs whose lease ran out go back before their lane, or die after too many stalls.
-- KEYS     meta
-- ARGS     worker lease_ms max_stalls
-- RETURNS  [job id, "waiting" or "failed"] per recovered job
-- EDGE     active -> waiting, active -> failed
-- EMITS    stalled, waiting, failed
-- ERRORS   none
-- COST     O(lanes + a page of pending entries per lane); a cursor per lane is kept between calls
-- FLAGS    allow-oom
local function recover(q, number, entry, id, max_stalls)
  lane.drop(q, number, entry)
  local j = job.read(q, id)
  if not j or j.status ~= 'active' or j.entry ~= entry then return nil end
  local stalls = redis.call('HINCRBY', q.prefix .. 'job:' .. id, 'stalls', 1)
  redis.call('HSET', q.prefix .. 'job:' .. id, 'token', queue.tokens(q, 1))
  queue.count(q, 'active', -1)
  queue.count(q, 'total_stalled', 1)
  local failure = dead.failure(q, j, 'worker_lost', 'the worker that ran this job stopped answering')
  event.emit(q, id, j.tenant, 'stalled', failure)
  if stalls > max_stalls then
    dead.bury(q, j, failure)
    return { id, 'failed' }
  end
  redis.call('RPUSH', q.prefix .. 'failures:' .. id, failure)
  redis.call('HINCRBY', q.prefix .. 'job:' .. id, 'attempt', -1)
  intake.place(q, id, lane.before(j.lane), 0)
  event.emit(q, id, j.tenant, 'waiting')
  return { id, 'waiting' }
end

local function reclaim(keys, args)
  local q = queue.open(keys[1])
  local worker, lease_ms, max_stalls = args[1], args[2], tonumber(args[3])
  local recovered = {}
  for _, number in ipairs(redis.call('HKEYS', q.prefix .. 'lanes')) do
    if redis.call('XPENDING', lane.key(q, number), lane.group)[1] > 0 then
      local field = 'cursor:' .. number
      local cursor = redis.call('HGET', q.prefix .. 'meta', field) or '0-0'
      local reply = redis.call('XAUTOCLAIM', lane.key(q, number), lane.group, worker, lease_ms, cursor,
        'COUNT', delayed.page)
      redis.call('HSET', q.prefix .. 'meta', field, reply[1])
      for _, entry in ipairs(reply[2]) do
        recovered[#recovered + 1] = recover(q, number, entry[1], entry[2][2], max_stalls)
      end
    end
  end
  lane.flush(q)
  queue.close(q)
  return recovered
end

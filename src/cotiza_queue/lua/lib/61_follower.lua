-- Keep the last: a call that meets a running holder of its key leaves one job blocked behind it, and that job takes
-- what later calls bring.
-- EDGE     (none) -> blocked, blocked -> waiting, blocked -> delayed
function follower.block(q, n, holder)
  index.move(q, n, 'blocked')
  redis.call('HSET', q.prefix .. 'job:' .. n.id, 'status', 'blocked', 'delay', n.delay, 'after', holder)
  redis.call('HSET', q.prefix .. 'job:' .. holder, 'next', n.id)
  queue.count(q, 'blocked', 1)
  return 'blocked', ''
end

-- A blocked job waits for nobody any more. Returns the delay that it was to have.
function follower.part(q, j)
  local key = q.prefix .. 'job:' .. j.id
  local found = redis.call('HMGET', key, 'after', 'delay')
  redis.call('HDEL', q.prefix .. 'job:' .. found[1], 'next')
  redis.call('HDEL', key, 'after', 'delay')
  queue.count(q, 'blocked', -1)
  return tonumber(found[2])
end

-- The job has ended: the one behind it takes the key, whatever the ended one wanted, and goes to wait.
function follower.release(q, j)
  local n = job.read(q, j.next)
  if not n then return end
  local delay = follower.part(q, n)
  unique.claim(q, n)
  redis.call('HSET', q.prefix .. 'job:' .. n.id, 'due', q.now)
  history.note(q, n, delay > 0 and 'delayed' or 'waiting', 'unblock')
  event.emit(q, n.id, n.tenant, (intake.place(q, n, lane.home(n.lane), delay)))
end

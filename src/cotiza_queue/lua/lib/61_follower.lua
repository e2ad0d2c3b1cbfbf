-- Keep the last: a call that meets a running holder of its key leaves one job blocked behind it, and that job takes
-- what later calls bring.
-- EDGE     (none) -> blocked, blocked -> waiting, blocked -> delayed
function follower.block(q, j, holder, delay)
  job.move(q, j, 'blocked')
  job.set(q, j, 'delay', delay)
  job.set(q, j, 'after', holder.id)
  job.set(q, holder, 'next', j.id)
  queue.count(q, 'blocked', 1)
  return 'blocked', ''
end

-- A blocked job waits for nobody any more. Returns the delay that it was to have.
function follower.part(q, j)
  local holder, delay = job.read(q, j.rare.after), j.rare.delay
  if holder then job.set(q, holder, 'next', nil) end
  job.set(q, j, 'after', nil)
  job.set(q, j, 'delay', nil)
  queue.count(q, 'blocked', -1)
  return delay
end

-- The job has ended: the one behind it takes the key, whatever the ended one wanted, and goes to wait.
function follower.release(q, j)
  local n = job.read(q, j.rare.next)
  if not n then return end
  local delay = follower.part(q, n)
  unique.claim(q, n)
  job.set(q, n, 'due', q.now)
  history.note(q, n, delay > 0 and 'delayed' or 'waiting', 'unblock')
  event.emit(q, n.id, n.tenant, (intake.place(q, n, lane.home(n.lane), delay)))
end

-- What has not started yet is changed: it leaves its place and gets another, or becomes what a newer call asks for.
-- EDGE     waiting -> delayed, delayed -> waiting
local moving = {}

-- Takes a job out of the place in which it waits. An entry in a lane stays as a tombstone: deleting it would blind the
-- group's lag.
function moving.withdraw(q, j)
  if j.status == 'blocked' then return follower.part(q, j) end
  queue.count(q, j.status, -1)
  if j.status == 'delayed' then
    delayed.take_out(q, j.id)
  elseif j.entry ~= '' then
    admission.withdrawn(q, j)
  else
    newer.forget(q, j)
  end
end

-- To another lane, or to the same lane at another moment.
function moving.place(q, j, number, delay, by)
  local status = delay > 0 and 'delayed' or 'waiting'
  if status ~= j.status then history.note(q, j, status, 'change', '', by) end
  moving.withdraw(q, j)
  j.lane = number
  -- What comes to wait before its moment waits from now on.
  if j.status ~= 'waiting' then job.set(q, j, 'due', q.now) end
  event.emit(q, j.id, j.tenant, (intake.place(q, j, number, delay)))
end

-- Keeps its place unless the lane is another: a job that is due later, or that waits for another, changes it then.
function moving.to_lane(q, j, number)
  if lane.home(j.lane) == number then return end
  if j.status == 'waiting' then return moving.place(q, j, number, 0) end
  j.lane = number
  job.touch(q, j)
end

-- The job keeps its id, its age and its place among those that came; all else is the newer call's, attempts afresh.
function moving.become(q, j, n)
  index.retag(q, j, n.options.tags)
  if j.options.blob ~= n.options.blob then litter.add(q, j.options.blob) end
  n.used = true
  j.attempts, j.keep, j.options = n.attempts, n.keep, n.options
  job.set(q, j, 'priority', n.priority)
  if j.token ~= 0 then
    j.attempt = 0
    job.set(q, j, 'stalls', nil)
    job.set(q, j, 'snoozed', nil)
    redis.call('DEL', q.prefix .. 'progress:' .. j.id)
    checkpoint.forget(q, j)
  end
  job.set(q, j, 'deadline', n.call.deadline and q.now + n.call.deadline)
  job.carry(q, j, n.body)
end

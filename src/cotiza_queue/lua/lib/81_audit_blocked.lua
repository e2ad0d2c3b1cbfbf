-- The audit of blocked jobs: each is behind a job that has not ended and knows of it.
function audit.blocked(q, j)
  local holder = j.rare.after
  local before = holder and job.read(q, holder)
  if before and not audit.final[before.status] and before.rare.next == j.id then return end
  audit.say(q, 'lost_job', j.id, 'blocked behind ' .. (holder or 'nobody') .. ', which will not release it')
  if not q.fix then return end
  job.set(q, j, 'after', nil)
  job.set(q, j, 'delay', nil)
  queue.count(q, 'blocked', -1)
  event.emit(q, j.id, j.tenant, (intake.place(q, j, lane.home(j.lane), 0)))
end

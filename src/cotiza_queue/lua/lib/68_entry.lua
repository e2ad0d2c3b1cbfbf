-- One entry of a lane in the hands of a worker: it starts, is dead, or goes back to its tenant's line.

-- What the queue's rate can't pay for yet waits before its lane, and the take ends with it: it is the next to start.
local function hold_back(q, j, number)
  lane.drop(q, number, j.entry)
  j.lane = lane.before(number)
  j.entry = lane.push(q, j.id, j.lane)
  job.touch(q, j)
  return 0
end

-- One entry: started, dead, put apart, held back, or back to its tenant's line. Returns 1 if it was started.
local function decide(q, j, t, take)
  local number, cost = take.number, j.options.cost or 1
  if j.rare.deadline and q.now > j.rare.deadline then
    lane.drop(q, number, j.entry)
    queue.count(q, 'waiting', -1)
    history.note(q, j, 'failed', 'deadline', 'deadline_exceeded')
    dead.bury(q, j, dead.failure(q, j, 'deadline_exceeded', 'the job was not started before its deadline'))
  elseif (j.options.version or 1) > q.version then
    lane.drop(q, number, j.entry)
    newer.park(q, j)
  elseif tenant.may_start(q, t, cost) then
    if not ceiling.may_start(q, cost) then return hold_back(q, j, number) end
    entry.start(q, j, t, take, cost)
    return 1
  else
    lane.drop(q, number, j.entry)
    take.refused[#take.refused + 1] = { t, j }
  end
  return 0
end

-- A job that leaves its lane makes room for its tenant's next one, at the lane's tail: so lanes rotate. Where nothing is
-- left in the lane, what follows is shared out when the page is through (69_page.lua).
function entry.hand_out(q, j, take)
  local t, number, refused, touched = tenant.open(q, j.tenant), take.number, take.refused, take.touched
  if number % 2 == 0 then return decide(q, j, t, take) end
  if not touched[t] then touched[t], touched[#touched + 1] = true, t end
  tenant.count(t, number, -1)
  local kept = #refused
  local started = decide(q, j, t, take)
  if #refused == kept then
    if t.limits.concurrency then
      admission.next(q, t, number)
    elseif not take.emptied then
      take.followed[#take.followed + 1] = t
    end
  end
  return started
end

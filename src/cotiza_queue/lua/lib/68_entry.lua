-- One entry of a lane in the hands of a worker: it starts, is dead, or goes back to its tenant's line.
local entry = {}

local function start(q, j, t, worker, token, out)
  local attempt = (tonumber(j.attempt) or 0) + 1
  redis.call('HSET', q.prefix .. 'job:' .. j.id, 'status', 'active', 'worker', worker, 'token', token,
    'attempt', attempt, 'started', q.now)
  unique.moved(q, j, 'active')
  event.emit(q, j.id, j.tenant, 'active', '{"attempt":' .. attempt .. '}')
  rate.spend(t, q.now, j.options.cost or 1)
  rate.spend(q.limit, q.now, j.options.cost or 1)
  tenant.add(t, 'active', 1)
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4] = j.id, token, attempt, tonumber(j.stalls) or 0
  out[n + 5], out[n + 6], out[n + 7] = j.created, j.tenant, redis.call('GET', q.prefix .. 'body:' .. j.id) or ''
  out[n + 8], out[n + 9], out[n + 10] = j.deadline, tonumber(j.snoozed) or 0, j.saved
end

-- What the queue's rate can't pay for yet waits before its lane, and the take ends with it: it is the next to start.
local function hold_back(q, j, number)
  local before = lane.before(number)
  lane.drop(q, number, j.entry)
  redis.call('HSET', q.prefix .. 'job:' .. j.id, 'lane', before, 'entry', lane.push(q, j.id, before))
  return 0
end

-- One entry: started, dead, put apart, held back, or back to its tenant's line. Returns 1 if it was started.
local function decide(q, j, t, number, worker, token, out, refused)
  if j.deadline ~= '' and q.now > tonumber(j.deadline) then
    lane.drop(q, number, j.entry)
    queue.count(q, 'waiting', -1)
    history.note(q, j, 'failed', 'deadline', 'deadline_exceeded')
    dead.bury(q, j, dead.failure(q, j, 'deadline_exceeded', 'the job was not started before its deadline'))
  elseif (j.options.version or 1) > q.version then
    lane.drop(q, number, j.entry)
    newer.park(q, j)
  elseif tenant.may_start(q, t, j.options.cost or 1) then
    if not ceiling.may_start(q, j.options.cost or 1) then return hold_back(q, j, number) end
    start(q, j, t, worker, token, out)
    return 1
  else
    lane.drop(q, number, j.entry)
    refused[#refused + 1] = { t, j.id }
  end
  return 0
end

-- A job that leaves its lane makes room for its tenant's next one, at the lane's tail: so lanes rotate.
function entry.hand_out(q, j, number, worker, token, out, touched, refused)
  local t = tenant.open(q, j.tenant)
  if number % 2 == 0 then return decide(q, j, t, number, worker, token, out, refused) end
  touched[t] = true
  backlog.left(q, t, number)
  local kept = #refused
  local started = decide(q, j, t, number, worker, token, out, refused)
  if #refused == kept then admission.next(q, t, number) end
  return started
end

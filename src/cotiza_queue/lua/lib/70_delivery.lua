-- Handing jobs to a worker: the lanes are read in order, tombstones on the way are dropped.
local delivery = { tombstones = 100 }

local function start(q, j, worker, token, out)
  local attempt = (tonumber(j.attempt) or 0) + 1
  redis.call('HSET', q.prefix .. 'job:' .. j.id, 'status', 'active', 'worker', worker, 'token', token,
    'attempt', attempt, 'started', q.now)
  event.emit(q, j.id, j.tenant, 'active', '{"attempt":' .. attempt .. '}')
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4] = j.id, token, attempt, tonumber(j.stalls) or 0
  out[n + 5], out[n + 6], out[n + 7] = j.created, j.tenant, redis.call('GET', q.prefix .. 'body:' .. j.id) or ''
end

-- Reads up to `want` jobs of one lane. An entry whose job is no longer there for it (a tombstone) is dropped.
local function read_lane(q, number, worker, want, budget, out)
  local started, expired = 0, 0
  while started < want and budget.entries > 0 do
    local asked = math.min(want - started, budget.entries)
    local entries = lane.read(q, number, worker, asked)
    local token = #entries > 0 and queue.tokens(q, #entries) - #entries
    for i, entry in ipairs(entries) do
      local j = job.read(q, entry[2][2])
      if not j or j.status ~= 'waiting' or j.entry ~= entry[1] then
        lane.drop(q, number, entry[1])
      elseif j.deadline ~= '' and q.now > tonumber(j.deadline) then
        expired = expired + 1
        lane.drop(q, number, entry[1])
        dead.bury(q, j, dead.failure(q, j, 'deadline_exceeded', 'the job was not started before its deadline'))
      else
        started = started + 1
        start(q, j, worker, token + i, out)
      end
    end
    budget.entries = budget.entries - #entries
    if #entries < asked then
      redis.call('ZREM', q.prefix .. 'ready', number)
      break
    end
  end
  if started + expired > 0 then lane.left(q, number, started + expired) end
  return started
end

function delivery.take(q, worker, want)
  local out = {}
  if want <= 0 or redis.call('HGET', q.prefix .. 'meta', 'paused') then return out end
  local budget, left = { entries = want + delivery.tombstones }, want
  for _, number in ipairs(redis.call('ZRANGE', q.prefix .. 'ready', 0, -1)) do
    left = left - read_lane(q, number, worker, left, budget, out)
    if left == 0 or budget.entries <= 0 then break end
  end
  queue.count(q, 'active', want - left)
  return out
end

-- Nobody waits for ever: jobs that have waited longer than the queue's `max_wait` are read before better lanes, the
-- longest wait first, and for at most every other start.
local patience = {}

local function first_of(q, number)
  return redis.call('XRANGE', lane.key(q, number), '(' .. lane.delivered(q, number), '+', 'COUNT', 1)[1]
end

-- Since when the first job of a lane waits; nil if there is none. Tombstones before it are dropped.
local function since(q, number, worker, budget)
  local first = first_of(q, number)
  while first and budget.entries > 0 do
    local j = job.read(q, first[2][2])
    local stands = job.stands(j, number, first[1]) or backlog.unread(j, number, first)
    if stands and j.status == 'waiting' then return job.waits_since(j) end
    local read = lane.read(q, number, worker, 1)[1]
    if not (stands and j.status == 'active') then admission.passed(q, number, read) end
    budget.entries = budget.entries - 1
    first = first_of(q, number)
  end
  return nil
end

local function longest(q, heads)
  local late, moment
  for number, at in pairs(heads) do
    local earlier = not moment or at < moment or at == moment and number < late
    if q.now - at > q.limit.max_wait and earlier then late, moment = number, at end
  end
  return late
end

-- Starts those that have waited too long: at most half of `want`, what is left of a half counts for the next take.
-- Returns how many.
function patience.serve(q, lanes, want, budget, read)
  local heads, started = {}, 0
  budget.single = true
  for _, number in ipairs(lanes) do heads[number] = since(q, number, budget.worker, budget) end
  while started < math.floor((want + (q.limit.spare or 1)) / 2) and budget.entries > 0 and not q.limit.shut do
    local number = longest(q, heads)
    if not number then break end
    local n = read(number, 1)
    started = started + n
    heads[number] = since(q, number, budget.worker, budget)
  end
  budget.single = false
  return started
end

-- Notes what is left of a half: `started` jobs in all, `late` of them for their long wait.
function patience.keep(q, started, late)
  local spare = math.max(0, math.min(1, started + (q.limit.spare or 1) - 2 * late))
  if spare ~= (q.limit.spare or 1) then redis.call('HSET', q.prefix .. 'meta', 'spare', spare) end
end

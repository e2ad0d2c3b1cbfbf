-- A lane: a stream with one consumer group. `ready` names the lanes that may hold undelivered entries,
-- `lanes` counts the waiting jobs of each, so that the first one to come wakes the idle workers.
local lane = { group = 'workers' }

function lane.key(q, number) return q.prefix .. 'lane:' .. number end

-- A job returned by a crash or a hand-back goes to the even number below its lane, and so before the lane.
function lane.before(number) return number - number % 2 end
function lane.home(number) return number - number % 2 + 1 end

-- What this call has done to a lane: its count is written once, at the end of the call.
local function open(q, number)
  local l = q.lanes[number]
  if not l then
    l = { key = lane.key(q, number), waiting = 0, ready = false, emptied = false }
    q.lanes[number] = l
  end
  return l
end

local function make_ready(q, l, number)
  if redis.call('HEXISTS', q.prefix .. 'lanes', number) == 0 then
    redis.pcall('XGROUP', 'CREATE', l.key, lane.group, '0', 'MKSTREAM')
    -- Known from now on, also if this call takes out again what it puts in.
    redis.call('HSET', q.prefix .. 'lanes', number, 0)
  end
  redis.call('ZADD', q.prefix .. 'ready', number, number)
  l.ready = true
end

-- An entry names its job behind a slash; behind its tenant (`of`) if nobody has read that job (57_backlog_follow.lua).
function lane.push(q, id, number, of)
  local l = q.lanes[number] or open(q, number)
  if not l.ready then make_ready(q, l, number) end
  l.emptied = false
  l.waiting = l.waiting + 1
  q.pushed = q.pushed + 1
  return redis.call('XADD', l.key, '*', of or '/', id)
end

function lane.left(q, number, n)
  local l = open(q, number)
  l.waiting = l.waiting - n
end

-- Nothing undelivered is left in it; what comes to it in the same call keeps it among the ready.
function lane.emptied(q, number) open(q, number).emptied = true end

-- The lanes that may hold undelivered entries, the best first.
function lane.all_ready(q)
  local numbers = redis.call('ZRANGE', q.prefix .. 'ready', 0, -1)
  for i, number in ipairs(numbers) do
    numbers[i] = tonumber(number)
    open(q, numbers[i]).ready = true
  end
  return numbers
end

-- A lane: a stream with one consumer group. `ready` names the lanes that may hold undelivered entries,
-- `lanes` counts the waiting jobs of each, so that the first one to come wakes the idle workers.
local lane = { group = 'workers' }

function lane.key(q, number)
  return q.prefix .. 'lane:' .. number
end

-- A job returned by a crash or a hand-back goes to the even number below its lane, and so before the lane.
function lane.before(number) return number - number % 2 end
function lane.home(number) return number - number % 2 + 1 end

function lane.push(q, id, number)
  local key = lane.key(q, number)
  if redis.call('HEXISTS', q.prefix .. 'lanes', number) == 0 then
    redis.pcall('XGROUP', 'CREATE', key, lane.group, '0', 'MKSTREAM')
  end
  local entry = redis.call('XADD', key, '*', 'job', id)
  redis.call('ZADD', q.prefix .. 'ready', number, number)
  q.pushed = q.pushed + 1
  if redis.call('HINCRBY', q.prefix .. 'lanes', number, 1) == 1 then q.wake = true end
  return entry
end

function lane.left(q, number, n)
  redis.call('HINCRBY', q.prefix .. 'lanes', number, -n)
end

function lane.read(q, number, worker, want)
  local reply = redis.call('XREADGROUP', 'GROUP', lane.group, worker, 'COUNT', want,
    'STREAMS', lane.key(q, number), '>')
  return reply and reply[1][2] or {}
end

function lane.drop(q, number, entry)
  local entries = q.acks[number] or {}
  entries[#entries + 1] = entry
  q.acks[number] = entries
end

function lane.flush(q)
  for number, entries in pairs(q.acks) do
    for first = 1, #entries, 1000 do
      local last = math.min(first + 999, #entries)
      redis.call('XACK', lane.key(q, number), lane.group, unpack(entries, first, last))
      redis.call('XDEL', lane.key(q, number), unpack(entries, first, last))
    end
  end
  q.acks = {}
end

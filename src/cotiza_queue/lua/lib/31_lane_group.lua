-- A lane's group, or its stream, that was destroyed behind our back is made again, from the start of the stream: who
-- asks for it next finds it. What was held then is delivered anew, and stays with those who run it (70_delivery).
local GONE = { '^NOGROUP', 'no such key', 'requires the key to exist' }

local function gone(reply)
  if type(reply) ~= 'table' or not reply.err then return false end
  for _, pattern in ipairs(GONE) do
    if string.find(reply.err, pattern) then return true end
  end
  return false
end

-- One command about the group of a lane.
function lane.ask(q, number, ...)
  local reply = redis.pcall(...)
  if gone(reply) then
    redis.call('XGROUP', 'CREATE', lane.key(q, number), lane.group, '0', 'MKSTREAM')
    redis.call('ZADD', q.prefix .. 'ready', number, number)
    return redis.call(...)
  end
  if type(reply) == 'table' and reply.err then error(reply) end
  return reply
end

-- Up to which entry a lane has been handed out.
function lane.delivered(q, number)
  local group = redis.pcall('XINFO', 'GROUPS', lane.key(q, number))[1] or {}
  for i = 1, #group, 2 do
    if group[i] == 'last-delivered-id' then return group[i + 1] end
  end
  return '0-0'
end

function lane.pending(q, number, ...)
  return lane.ask(q, number, 'XPENDING', lane.key(q, number), lane.group, ...)
end

-- Of all lanes that there are.
function lane.numbers(q)
  local numbers = redis.call('HKEYS', q.prefix .. 'lanes')
  for i, number in ipairs(numbers) do numbers[i] = tonumber(number) end
  return numbers
end

function lane.read(q, number, worker, want)
  local reply = lane.ask(q, number, 'XREADGROUP', 'GROUP', lane.group, worker, 'COUNT', want,
    'STREAMS', lane.key(q, number), '>')
  return reply and reply[1][2] or {}
end

-- The tenant that an entry names; nil if its job was read.
function lane.of(read)
  local of = read[2][1]
  return of ~= '/' and of or nil
end

-- The numbers of a queue: `counts`, and those of each minute. A call notes what it changes of them, and writes it at its
-- end.
local numbers = {}

local function write_minute(q, status, n)
  local key = q.prefix .. 'metrics:' .. math.floor(q.now / 60000)
  if redis.call('HINCRBY', key, status, n) == n then redis.call('EXPIRE', key, 7200) end
end

-- One by one command; more of them are read and written at once.
local function write(q)
  local key, names, written = q.prefix .. 'counts', {}, {}
  for name, n in pairs(q.counts) do
    if n ~= 0 then names[#names + 1] = name end
  end
  if #names == 1 then return redis.call('HINCRBY', key, names[1], q.counts[names[1]]) end
  local found = #names > 0 and redis.call('HMGET', key, unpack(names))
  for i, name in ipairs(names) do
    written[2 * i - 1], written[2 * i] = name, (tonumber(found[i]) or 0) + q.counts[name]
  end
  if #names > 0 then redis.call('HSET', key, unpack(written)) end
end

local function add_finished(q)
  for status, n in pairs(q.finished) do
    queue.count(q, status, n)
    queue.count(q, 'total_' .. status, n)
    if status ~= 'cancelled' then write_minute(q, status, n) end
  end
end

function numbers.flush(q)
  add_finished(q)
  write(q)
end

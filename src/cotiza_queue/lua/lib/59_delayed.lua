-- The delayed jobs, by the moment when they are due. What a call delays is noted, and goes out at its end with one
-- command, so that a page of jobs pays for one.
local delayed = { page = 64 }

local function key_of(q) return q.prefix .. 'delayed' end

function delayed.put(q, id, moment)
  if not q.delayed then q.delayed = {} end
  q.delayed[id] = moment
end

function delayed.take_out(q, id)
  if q.delayed and q.delayed[id] then
    q.delayed[id] = nil
  else
    redis.call('ZREM', key_of(q), id)
  end
end

-- Whoever waits for the first one to be due is woken if it is another from now on.
function delayed.flush(q)
  local moments, list, n = q.delayed, {}, 0
  if not moments then return end
  q.delayed = nil
  for id, moment in pairs(moments) do
    list[n + 1], list[n + 2] = moment, id
    n = n + 2
  end
  late.write('ZADD', key_of(q), list)
  if moments[redis.call('ZRANGE', key_of(q), 0, 0)[1]] then q.wake = true end
end

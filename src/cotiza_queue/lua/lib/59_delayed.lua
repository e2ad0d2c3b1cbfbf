-- The delayed jobs, by the moment when they are due. What a call delays is noted, and goes out at its end with one
-- command, so that a page of jobs pays for one.
local delayed = { page = 64 }

local function key_of(q) return q.prefix .. 'delayed' end

function delayed.next_due(q) return tonumber(redis.call('ZRANGE', key_of(q), 0, 0, 'WITHSCORES')[2]) end

-- Before a call delays anything: a key of another type refuses all of it, before others have their places.
function delayed.begin(q)
  if not q.delayed then q.delayed, q.due_before = {}, delayed.next_due(q) end
end

function delayed.put(q, id, moment)
  delayed.begin(q)
  q.delayed[id] = moment
end

function delayed.take_out(q, id)
  if q.delayed and q.delayed[id] then
    q.delayed[id] = nil
  else
    redis.call('ZREM', key_of(q), id)
  end
end

-- Whoever waits for the first one to be due is woken if one is due earlier from now on.
function delayed.flush(q)
  local moments, list, n, first = q.delayed, {}, 0, q.due_before
  if not moments then return end
  q.delayed = nil
  for id, moment in pairs(moments) do
    list[n + 1], list[n + 2] = moment, id
    n = n + 2
    if not first or moment < first then first, q.wake = moment, true end
  end
  late.write('ZADD', key_of(q), list)
end

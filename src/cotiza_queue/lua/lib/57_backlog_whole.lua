-- A line, wherever it is: in its tenant's record or in its list.

-- The whole line lies in its list from now on.
function backlog.gather(q, t, number)
  local ids = head.take(t, number)
  for i = #ids, 1, -1 do redis.call('LPUSH', backlog.key(q, t, number), ids[i]) end
  backlog.flush(q, t, number)
end

-- The first ones of the whole line.
function backlog.ids(q, t, number, n)
  local ids = head.ids(t, number)
  for _, id in ipairs(redis.call('LRANGE', backlog.key(q, t, number), 0, n - 1)) do ids[#ids + 1] = id end
  return ids
end

function backlog.holds(q, t, j)
  for _, id in ipairs(head.ids(t, j.lane)) do
    if id == j.id then return true end
  end
  return redis.call('LPOS', backlog.key(q, t, j.lane), j.id)
end

function backlog.length(q, t, number) return #head.ids(t, number) + redis.call('LLEN', backlog.key(q, t, number)) end

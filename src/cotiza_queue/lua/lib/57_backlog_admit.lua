-- Admission: what a tenant's line has goes to its lane as there is room.

-- Admits as many as that. A job cancelled meanwhile, or admitted already, is passed over.
local function admit(q, t, number, n)
  backlog.flush(q, t, number)
  local ids = redis.call('LPOP', backlog.key(q, t, number), n) or {}
  tenant.add(t, tenant.behind(number), -n)
  job.fetch(q, ids)
  local entered = 0
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    if j and j.status == 'waiting' and j.entry == '' and j.lane == number then
      j.entry = lane.push(q, id, number)
      job.touch(q, j)
      entered = entered + 1
    end
  end
  backlog.enter(t, number, entered)
end

-- Admits what there is room for, and `extra` more that the caller takes at once.
function backlog.admit(q, t, number, extra)
  local left = backlog.page + (extra or 0)
  while left > 0 do
    local n = math.min(left, backlog.behind(t, number), tenant.room(q, t, number, extra))
    if n <= 0 then break end
    admit(q, t, number, n)
    left = left - n
  end
  -- A page of cancelled jobs was not the end of the line: the next turn goes on.
  if left == 0 and backlog.behind(t, number) > 0 and tenant.room(q, t, number) > 0 then
    redis.call('ZADD', q.prefix .. 'put_off', 0, t.name)
  end
end

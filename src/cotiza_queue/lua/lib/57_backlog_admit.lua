-- Admission: what a tenant's line has goes to its lane as there is room.

-- Admits as many as that. A job cancelled meanwhile, or admitted already, is passed over.
local function admit(q, t, number, n)
  backlog.flush(q, t, number)
  local ids = redis.call('LPOP', backlog.key(q, t, number), n) or {}
  tenant.add(t, tenant.behind(number), -n)
  job.fetch(q, ids)
  local jobs, entered = q.jobs, 0
  for i = 1, #ids do
    local id = ids[i]
    local j = jobs[id]
    if j and j.status == 'waiting' and j.entry == '' and j.lane == number then
      j.entry = lane.push(q, id, number)
      job.touch(q, j)
      entered = entered + 1
    end
  end
  backlog.enter(t, number, entered)
end

-- How many of the line may go.
local function due(q, t, number, extra)
  local room = tenant.room(q, t, number, extra)
  return room > 0 and math.min(room, backlog.behind(t, number)) or 0
end

-- Admits what there is room for, and `extra` more that the caller takes at once.
function backlog.admit(q, t, number, extra)
  local n, left = due(q, t, number, extra), backlog.page + (extra or 0)
  while n > 0 and left > 0 do
    admit(q, t, number, math.min(n, left))
    left = left - n
    n = due(q, t, number, extra)
  end
  -- A page of cancelled jobs was not the end of the line: the next turn goes on.
  if n > 0 and due(q, t, number) > 0 then
    redis.call('ZADD', q.prefix .. 'put_off', 0, t.name)
  end
end

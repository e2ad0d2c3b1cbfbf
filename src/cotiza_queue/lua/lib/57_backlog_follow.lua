-- Those that follow a page of a lane's entries: for each of these the next one of its tenant, in their order.

-- Takes the first of a line if there is room for it.
local function next_of(q, t, number)
  if (t[-number] or 0) <= 0 or tenant.room(q, t, number) <= 0 then return nil end
  backlog.flush(q, t, number)
  tenant.count(t, -number, -1)
  return redis.call('LPOP', backlog.key(q, t, number))
end

-- `tenants`: whose each entry was. Their jobs are read at once; where one was cancelled, its line is gone on with.
function backlog.follow(q, number, tenants)
  local ids, owners, n = {}, {}, 0
  for i = 1, #tenants do
    local t = tenants[i]
    local id = next_of(q, t, number)
    if id then
      n = n + 1
      ids[n], owners[n] = id, t
      tenant.count(t, number, 1)
    end
  end
  job.fetch(q, ids)
  for i = 1, n do
    local j, t = q.jobs[ids[i]], owners[i]
    if backlog.has(j, number) then
      j.entry = lane.push(q, j.id, number)
      job.touch(q, j)
    else
      tenant.count(t, number, -1)
      backlog.admit(q, t, number)
    end
  end
end

-- A tenant's jobs that have not started: `there`.
local AHEAD = { waiting = 1, delayed = 1, blocked = 1 }

-- So many more. Of tenants that the call has not read, it is noted, and counted at the end.
local function count(q, name, n)
  local t, unread = q.tenants[name], q.unread
  if t then
    t.there, t.changed = t.there + n, true
  else
    unread[name] = (unread[name] or 0) + n
  end
end

-- A job has another status. Its indexes follow at the end of the call (56_index_move.lua).
function job.move(q, j, status)
  local n = (AHEAD[status] or 0) - (AHEAD[j.status] or 0)
  if n ~= 0 then count(q, j.tenant, n) end
  j.status = status
  job.touch(q, j)
end

-- The job is gone.
function job.forget(q, j)
  if AHEAD[j.status] then count(q, j.tenant, -1) end
  q.jobs[j.id], j.gone = false, true
end

function tenant.follow_unread(q)
  local names = {}
  for name in pairs(q.unread) do names[#names + 1] = name end
  if names[1] then tenant.fetch(q, names) end
  for name, n in pairs(q.unread) do
    local t = q.tenants[name]
    t.there, t.changed = t.there + n, t.changed or n ~= 0
  end
end

-- A tenant's jobs that have not started: `there`, counted at the end of a call.
tenant.there = { waiting = 1, delayed = 1, blocked = 1 }

local function count(t, n) t.there, t.changed = t.there + n, true end

-- So many of its jobs had one status and have another. Of tenants that the call has not read, it is noted in `unread`.
function tenant.follow(q, name, was, now, n, unread)
  n = n * ((tenant.there[now] or 0) - (tenant.there[was] or 0))
  if n == 0 then return end
  local t = q.tenants[name]
  if t then return count(t, n) end
  unread[name] = (unread[name] or 0) + n
end

function tenant.follow_unread(q, unread)
  local names = {}
  for name in pairs(unread) do names[#names + 1] = name end
  if names[1] then tenant.fetch(q, names) end
  for name, n in pairs(unread) do count(q.tenants[name], n) end
end

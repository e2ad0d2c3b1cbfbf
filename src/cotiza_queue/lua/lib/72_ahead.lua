-- What starts before a waiting job, for people who ask; counted up to a bound. Reads only.
local ahead = { most = 1000 }

-- How many stand in better lanes, and of the job's own tenant also in the lines for them.
function ahead.better(q, j, t)
  local n, number = 0, j.lane
  local standing = redis.call('HGETALL', q.prefix .. 'lanes')
  for i = 1, #standing, 2 do
    if tonumber(standing[i]) < number then n = n + standing[i + 1] end
  end
  for _, line in ipairs(tenant.lanes(t)) do
    if line < number then n = n + t[-line] end
  end
  return n
end

-- How many of some ids wait in the job's lane before it, and whether it was met.
local function before(q, j, ids)
  local n = 0
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    if id == j.id then return n, true end
    local other = job.read(q, id)
    if other and other.status == 'waiting' and other.lane == j.lane then n = n + 1 end
  end
  return n, false
end

local function standing(q, number)
  local ids, after = {}, '(' .. lane.delivered(q, number)
  for i, read in ipairs(redis.call('XRANGE', lane.key(q, number), after, '+', 'COUNT', ahead.most)) do
    ids[i] = read[2][2]
  end
  return ids
end

-- How many wait before the job in its own lane, or in its tenant's line for it; 1 as the second value if there are
-- more than were counted.
function ahead.line(q, j, t)
  local ids, admitted = {}, 0
  if j.entry ~= '' then
    ids = standing(q, j.lane)
  else
    ids = backlog.ids(q, t, j.lane, ahead.most)
    admitted = t[j.lane] or 0
  end
  local n, met = before(q, j, ids)
  if not met and admitted > 0 then
    -- It has gone from the line to the lane unread.
    local others, found = before(q, j, standing(q, j.lane))
    if found then return others, 0 end
  end
  return n + admitted, met and 0 or 1
end

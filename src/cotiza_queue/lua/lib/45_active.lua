-- The active jobs: as many as there are slots, so they are read from the lanes' pending lists.
local active = { most = 2000 }

local function newest(jobs, limit)
  table.sort(jobs, function(a, b) return a.seq > b.seq end)
  for i = #jobs, limit + 1, -1 do jobs[i] = nil end
  return jobs, #jobs == limit and jobs[limit].seq or nil
end

-- Adds a page of the ids that workers hold of a lane. What it has from its first pending entry to its last is mostly
-- pending. Returns where the next page begins, nil after the last.
local function page(key, first, ids)
  local pending, held = {}, redis.pcall('XPENDING', key, lane.group, first, '+', active.most)
  if #held == 0 then return nil end
  local last = held[#held][1]
  for i = 1, #held do pending[held[i][1]] = true end
  local entries = redis.call('XRANGE', key, held[1][1], last, 'COUNT', 2 * active.most)
  for i = 1, #entries do
    if pending[entries[i][1]] then ids[#ids + 1] = entries[i][2][2] end
  end
  return #held == active.most and '(' .. last or nil
end

-- The ids of all jobs that workers hold.
function active.ids(q)
  local ids = {}
  for _, number in ipairs(lane.numbers(q)) do
    local key, first = lane.key(q, number), '-'
    while first do first = page(key, first, ids) end
  end
  return ids
end

-- Those for which `is` holds, newest first.
function active.page_of(q, f, is)
  local jobs, ids = {}, active.ids(q)
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    if j and j.seq < f.below and is(j) then jobs[#jobs + 1] = j end
  end
  return newest(jobs, f.limit)
end

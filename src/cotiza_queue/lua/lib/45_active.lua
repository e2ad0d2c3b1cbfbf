-- The active jobs: as many as there are slots, so they are read from the lanes' pending lists.
local active = { most = 2000 }

local function newest(jobs, limit)
  table.sort(jobs, function(a, b) return a.seq > b.seq end)
  for i = #jobs, limit + 1, -1 do jobs[i] = nil end
  return jobs, #jobs == limit and jobs[limit].seq or nil
end

-- The ids of the jobs that workers hold. What a lane has from its first pending entry to its last is mostly pending.
local function held_jobs(q)
  local ids = {}
  for _, number in ipairs(lane.numbers(q)) do
    local key, pending = lane.key(q, number), {}
    local held = redis.pcall('XPENDING', key, lane.group, '-', '+', active.most)
    for i = 1, #held do pending[held[i][1]] = true end
    local entries = held[1] and redis.call('XRANGE', key, held[1][1], held[#held][1], 'COUNT', 2 * active.most) or {}
    for i = 1, #entries do
      if pending[entries[i][1]] then ids[#ids + 1] = entries[i][2][2] end
    end
  end
  return ids
end

-- Those for which `is` holds, newest first.
function active.page_of(q, f, is)
  local jobs, ids = {}, held_jobs(q)
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    if j and j.seq < f.below and is(j) then jobs[#jobs + 1] = j end
  end
  return newest(jobs, f.limit)
end

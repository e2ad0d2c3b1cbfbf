-- The active jobs: as many as there are slots, so they are read from the lanes' pending lists.
local active = { most = 2000 }

local function newest(jobs, limit)
  table.sort(jobs, function(a, b) return a.seq > b.seq end)
  for i = #jobs, limit + 1, -1 do jobs[i] = nil end
  return jobs, #jobs == limit and jobs[limit].seq or nil
end

-- The ids of the jobs that workers hold.
local function held_jobs(q)
  local ids = {}
  for _, number in ipairs(lane.numbers(q)) do
    local key = lane.key(q, number)
    for _, held in ipairs(redis.pcall('XPENDING', key, lane.group, '-', '+', active.most)) do
      local entry = redis.call('XRANGE', key, held[1], held[1])[1]
      if entry then ids[#ids + 1] = entry[2][2] end
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

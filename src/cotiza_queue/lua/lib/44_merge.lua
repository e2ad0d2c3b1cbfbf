-- Pages of jobs, newest first, whose places lie in several indexes or in none.
local merge = { held = 2000 }

local function newest(rows, f)
  table.sort(rows, function(a, b) return a[2] > b[2] end)
  local ids = {}
  for i = 1, math.min(#rows, f.limit) do ids[i] = rows[i][1] end
  return ids, #rows >= f.limit and string.format('%.0f', rows[f.limit][2]) or ''
end

-- A tenant's jobs of any status.
function merge.classes(q, f)
  local rows = {}
  for _, class in ipairs(index.classes) do
    local found = redis.call('ZREVRANGEBYSCORE', index.key(q, f.tenant, class), f.below, '-inf', 'WITHSCORES',
      'LIMIT', 0, f.limit)
    for at = 1, #found, 2 do rows[#rows + 1] = { found[at], tonumber(found[at + 1]) } end
  end
  return newest(rows, f)
end

-- The ids of the jobs that workers hold.
local function held_jobs(q)
  local ids = {}
  for _, number in ipairs(lane.numbers(q)) do
    local key = lane.key(q, number)
    for _, held in ipairs(redis.pcall('XPENDING', key, lane.group, '-', '+', merge.held)) do
      local entry = redis.call('XRANGE', key, held[1], held[1])[1]
      if entry then ids[#ids + 1] = entry[2][2] end
    end
  end
  return ids
end

-- The active ones for which `is` holds: as many as there are slots, so they are read from the lanes' pending lists.
function merge.active(q, f, is)
  local rows, below = {}, tonumber(string.match(f.below, '%d+')) or math.huge
  local ids = held_jobs(q)
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    if j and j.seq < below and is(id) then rows[#rows + 1] = { id, j.seq } end
  end
  return newest(rows, f)
end

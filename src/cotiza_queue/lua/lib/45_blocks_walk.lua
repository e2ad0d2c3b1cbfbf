-- Pages of jobs, newest first: blocks are read whole, and their jobs put in order by the records.

-- Those ids that carry the tag, if one is asked for.
local function tagged(ids, tag)
  if not tag or not ids[1] then return ids end
  local scores, kept = redis.call('ZMSCORE', tag, unpack(ids)), {}
  for i, id in ipairs(ids) do
    if scores[i] then kept[#kept + 1] = id end
  end
  return kept
end

local function jobs_of(q, ids, before)
  local jobs = {}
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    if j and j.seq < before then jobs[#jobs + 1] = j end
  end
  table.sort(jobs, function(a, b) return a.seq > b.seq end)
  return jobs
end

-- Looks at about `page` jobs and blocks for the `limit` newest jobs for which `is` holds. Returns these, and the place
-- before which to go on, nil if there is nothing more.
function blocks.walk(q, from, f, page, is)
  local hits, seen, below, n = {}, 0, f.below, math.ceil(f.limit / index.block) + 1
  while seen < page do
    local ids, on, looked = blocks.step(q, from, below, n)
    for _, j in ipairs(jobs_of(q, tagged(ids, from.tag), f.below)) do
      if is(j) then hits[#hits + 1] = j end
      if #hits == f.limit then return hits, j.seq end
    end
    if not on then return hits, nil end
    seen, below, n = seen + looked, on, math.min(blocks.most, 2 * n)
  end
  return hits, below
end

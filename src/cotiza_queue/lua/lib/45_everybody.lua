-- Everybody's jobs, newest first: `index` has them by blocks, which are read whole.

-- Of `found`, members and scores, those of whole blocks: the last one may go on.
local function whole(q, found, asked)
  local last = found[#found]
  if #found < 2 * asked then return found, last end
  if found[2] == last then return redis.call('ZRANGEBYSCORE', q.prefix .. 'index', last, last, 'WITHSCORES'), last end
  while found[#found] == last do found[#found], found[#found - 1] = nil, nil end
  return found, found[#found]
end

-- The jobs of some blocks, newest first, how many were named, and where the last of these blocks begins.
local function step(q, below, least, asked)
  local found, first = whole(q, redis.call('ZREVRANGEBYSCORE', q.prefix .. 'index', below, '-inf', 'WITHSCORES',
    'LIMIT', 0, asked), asked)
  local ids, rows = {}, {}
  for i = 1, #found, 2 do
    for id in string.gmatch(found[i], '%S+') do ids[#ids + 1] = id end
  end
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    if j and j.seq < least then rows[#rows + 1] = j end
  end
  table.sort(rows, function(a, b) return a.seq > b.seq end)
  return rows, #ids, first
end

-- Looks at about `page` jobs, for those for which `is` holds.
function merge.everybody(q, f, page, is)
  local hits, seen, below, asked = {}, 0, f.below, 2
  local least = tonumber(string.match(below, '%d+')) or math.huge
  while seen < page do
    local rows, named, first = step(q, below, least, asked)
    for _, j in ipairs(rows) do
      if not is or is(j.id) then hits[#hits + 1] = j.id end
      if #hits == f.limit then return hits, string.format('%.0f', j.seq) end
    end
    if not first then return hits, '' end
    -- As many members next time as the rest of the page may need.
    seen, below = seen + named, '(' .. first
    asked = math.max(2, math.min(index.block, math.ceil((page - seen) * asked / math.max(named, 1))))
  end
  return hits, string.match(below, '%d+')
end

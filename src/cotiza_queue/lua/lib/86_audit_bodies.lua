-- The audit of bodies (39_bodies.lua).

-- The payload of a job is where its record says.
function audit.has_body(q, j)
  if not j.spot then return audit.exists(q, 'body:' .. j.id) end
  return bodies.of(q, j) ~= ''
end

-- Which spots of a block's list are some job's; nil if the index does not name all jobs of the block: it may be damaged,
-- and then nobody can tell.
local function taken(q, place)
  local ids, marked, spots = {}, 0, {}
  blocks.ids(q, place, marks.all, ids)
  for _, class in ipairs(index.classes) do marked = marked + marks.count(marks.at(index.of_class(q, class), place)) end
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    if not j then return nil end
    if j.spot then spots[j.spot] = true end
  end
  return marked == #ids and spots or nil
end

-- Lists of bodies: first places of blocks. What is not empty there is some job's, and not all is nobody's.
function audit.bodies(q, places)
  for _, place in ipairs(places) do
    local key, spots = q.prefix .. 'bodies:' .. place, taken(q, tonumber(place))
    local texts = spots and redis.call('LRANGE', key, 0, -1) or {}
    local wrong = texts[1] and not next(spots)
    for at, text in ipairs(texts) do
      local stray = text ~= '' and not spots[at - 1]
      if stray and q.fix then redis.call('LSET', key, at - 1, '') end
      wrong = wrong or stray
    end
    if wrong then audit.say(q, 'orphan', 'bodies:' .. place, 'of no job') end
    if wrong and q.fix and not next(spots) then redis.call('DEL', key) end
  end
end

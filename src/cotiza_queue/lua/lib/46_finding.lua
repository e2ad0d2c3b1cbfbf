-- A page of jobs, newest first, below a place in the order of their coming. Returns the ids, and the place of the last
-- one looked at, or '' where there are no more. A job keeps its place, so a page never shows again what another showed.
local finding = { page = 500 }

local function test(q, f)
  return function(id)
    local j = job.read(q, id)
    if not j or f.status ~= '' and j.status ~= f.status or f.tenant ~= '' and j.tenant ~= f.tenant then return false end
    return f.tag == '' or redis.call('ZSCORE', index.tag(q, j.tenant, f.tag), id)
  end
end

-- Steps down one index: over at most a page of jobs of which those fit that are in `other` and for which `is` holds.
local function walk(q, key, f, other, is)
  local page, ids, hits = (other or is) and finding.page or f.limit, {}, {}
  local found = redis.call('ZREVRANGEBYSCORE', key, f.below, '-inf', 'WITHSCORES', 'LIMIT', 0, page)
  for at = 1, #found, 2 do ids[#ids + 1] = found[at] end
  if is then job.fetch(q, ids) end
  local there = other and #ids > 0 and redis.call('ZMSCORE', other, unpack(ids))
  for i, id in ipairs(ids) do
    if (not there or there[i]) and (not is or is(id)) then hits[#hits + 1] = id end
    if #hits == f.limit then return hits, found[2 * i] end
  end
  return hits, #ids == page and found[2 * page] or ''
end

-- Of the two indexes of a status and a tag the smaller one is walked.
local function by_both(q, f, is)
  local class, tagged = index.key(q, f.tenant, f.status), index.tag(q, f.tenant, f.tag)
  if redis.call('ZCARD', class) < redis.call('ZCARD', tagged) then return walk(q, class, f, tagged, is) end
  return walk(q, tagged, f, class, is)
end

function finding.page_of(q, f)
  local running = tonumber(redis.call('HGET', q.prefix .. 'counts', 'active')) or 0
  if f.status == 'active' and running <= merge.held then return merge.active(q, f, test(q, f)) end
  if f.tenant == '' then
    if f.status == '' and f.tag == '' then return merge.everybody(q, f, f.limit) end
    return merge.everybody(q, f, finding.page, test(q, f))
  end
  -- Waiting and active jobs share a class.
  local is = (f.status == 'waiting' or f.status == 'active') and test(q, f)
  if f.tag == '' and f.status == '' then return merge.classes(q, f) end
  if f.tag == '' then return walk(q, index.key(q, f.tenant, f.status), f, nil, is) end
  if f.status == '' then return walk(q, index.tag(q, f.tenant, f.tag), f) end
  return by_both(q, f, is)
end

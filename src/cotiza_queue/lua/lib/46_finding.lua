-- A page of jobs, newest first, below a place in the order of their coming. Returns the jobs, and the place of the last
-- one looked at, nil where there are no more. A job keeps its place, so a page never shows again what another showed.
local finding = { page = 500 }

local function test(q, f)
  return function(j)
    if f.status ~= '' and j.status ~= f.status or f.tenant ~= '' and j.tenant ~= f.tenant then return false end
    return f.tag == '' or redis.call('ZSCORE', index.tag(q, j.tenant, f.tag), j.id)
  end
end

-- Steps down the index of a tag: over at most a page of jobs, if there is something to look for.
local function tagged(q, key, f, is)
  local page, ids, hits = is and finding.page or f.limit, {}, {}
  local top = f.below < math.huge and string.format('(%.0f', f.below) or '+inf'
  local found = redis.call('ZREVRANGEBYSCORE', key, top, '-inf', 'WITHSCORES', 'LIMIT', 0, page)
  for at = 1, #found, 2 do ids[#ids + 1] = found[at] end
  job.fetch(q, ids)
  for i, id in ipairs(ids) do
    local j = job.read(q, id)
    if j and (not is or is(j)) then hits[#hits + 1] = j end
    if #hits == f.limit then return hits, tonumber(found[2 * i]) end
  end
  return hits, #ids == page and tonumber(found[2 * page]) or nil
end

-- A tenant's with a tag, of one status or of any: the smaller index is walked.
local function by_tag(q, f, is)
  local tag = index.tag(q, f.tenant, f.tag)
  if f.status == '' then return tagged(q, tag, f) end
  local from = blocks.source(q, f.tenant, f.status)
  from.tag = tag
  if from.size * index.block < redis.call('ZCARD', tag) then return blocks.walk(q, from, f, finding.page, is) end
  return tagged(q, tag, f, is)
end

function finding.page_of(q, f)
  local running, is = tonumber(redis.call('HGET', q.prefix .. 'counts', 'active')) or 0, test(q, f)
  if f.status == 'active' and running <= active.most then return active.page_of(q, f, is) end
  if f.tag ~= '' and f.tenant ~= '' then return by_tag(q, f, is) end
  return blocks.walk(q, blocks.source(q, f.tenant, f.status), f, finding.page, is)
end

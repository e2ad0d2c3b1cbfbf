-- Sorted sets of which one score may be many jobs': those that a call brings are one member, their ids joined by blanks,
-- so that a page of jobs pays for one. Noted as the call goes, written at its end with what 15_late.lua holds.
local bundle = { held = 100 }

-- What this call does at one score: `ids` that come, and `gone` that go.
local function at(q, key, score)
  local scores = q.bundles[key] or {}
  q.bundles[key] = scores
  local found = scores[score] or { ids = {}, gone = {} }
  scores[score] = found
  return found
end

function bundle.enter(q, key, score, id)
  local ids = at(q, key, score).ids
  ids[#ids + 1] = id
end

function bundle.leave(q, key, score, id)
  local found = at(q, key, score)
  for i, known in ipairs(found.ids) do
    if known == id then return table.remove(found.ids, i) end
  end
  found.gone[id] = true
end

-- A member without those of its ids for which `is` holds.
function bundle.without(member, is)
  local rest = {}
  for id in string.gmatch(member, '%S+') do
    if not is(id) then rest[#rest + 1] = id end
  end
  return table.concat(rest, ' ')
end

-- Takes ids out of the members of a score: what else is in them stays together.
local function thin(q, key, score, gone)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, score, score)) do
    local rest = bundle.without(member, function(id) return gone[id] end)
    if rest ~= member then late.zrem(q, key, member) end
    if rest ~= member and rest ~= '' then late.zadd(q, key, score, rest) end
  end
end

function bundle.flush(q)
  for key, scores in pairs(q.bundles) do
    for score, found in pairs(scores) do
      if next(found.gone) then thin(q, key, score, found.gone) end
      for first = 1, #found.ids, bundle.held do
        local last = math.min(first + bundle.held - 1, #found.ids)
        late.zadd(q, key, score, table.concat(found.ids, ' ', first, last))
      end
    end
  end
end

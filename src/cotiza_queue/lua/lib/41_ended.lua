-- When ended jobs are to go: `ended:<status>`, a sorted set by that moment. Jobs that one call ends alike, and that go at
-- the same moment, are one member, their ids joined by blanks, so that a page of them pays for one.
local ended = { held = 100, page = 20 }

-- For how long, in ms, a job that ended so is kept, and how many of its like.
function ended.keep_of(q, j, status)
  local k = q.keeps[j.keep]
  if not k then
    k = { string.match(j.keep, '^(%d*):(%d*):(%d*):(%d*)$') }
    for i = 1, 4 do k[i] = tonumber(k[i]) or false end
    q.keeps[j.keep] = k
  end
  if status == 'completed' then return (k[1] or 0) * 1000, k[2] end
  return (k[3] or 0) * 1000, k[4]
end

-- The moment at which an ended job is to go.
function ended.moment(q, j) return j.finished + (ended.keep_of(q, j, j.status)) end

function ended.key(q, status) return q.prefix .. 'ended:' .. status end

-- What this call does at one moment: `ids` that come, and `gone` that go.
local function at(q, status, moment)
  local moments = q.ended[status] or {}
  q.ended[status] = moments
  local found = moments[moment] or { ids = {}, gone = {} }
  moments[moment] = found
  return found
end

function ended.enter(q, status, moment, id)
  local ids = at(q, status, moment).ids
  ids[#ids + 1] = id
end

function ended.leave(q, status, moment, id)
  local found = at(q, status, moment)
  for i, known in ipairs(found.ids) do
    if known == id then return table.remove(found.ids, i) end
  end
  found.gone[id] = true
end

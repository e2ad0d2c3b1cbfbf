-- Bodies that nobody needs any more.

-- These entries of a list; all of it, if they are all there is.
local function vacate(key, spots)
  local held = redis.pcall('LLEN', key)
  if held == #spots then return redis.call('DEL', key) end
  if type(held) ~= 'number' then return end
  for _, spot in ipairs(spots) do redis.pcall('LSET', key, spot, '') end
  if #redis.call('LPOS', key, '', 'COUNT', 0) == held then redis.call('DEL', key) end
end

-- The job goes, or its body lies elsewhere from now on.
function bodies.leave(q, j)
  if not j.spot then return end
  local key = bodies.list(q, j)
  local spots = q.vacant[key] or {}
  q.vacant[key], spots[#spots + 1] = spots, j.spot
end

function bodies.vacate(q)
  for key, spots in pairs(q.vacant) do vacate(key, spots) end
end

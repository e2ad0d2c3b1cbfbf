-- A rate as a theoretical arrival time (GCRA, ITU-T I.371): one start every `period` ms, `burst` of them at once.
local rate = {}

-- How many may start now, and from when on the next one may.
function rate.room(limit, now)
  if not limit.period then return 9007199254740991 end
  local slack = ((limit.burst or 1) - 1) * limit.period
  local ahead = math.max(limit.tat or 0, now) - now
  if ahead > slack then return 0, math.ceil(now + ahead - slack) end
  return math.floor((slack - ahead) / limit.period) + 1
end

function rate.spend(limit, now, n)
  if not limit.period then return end
  limit.tat = math.max(limit.tat or 0, now) + n * limit.period
  limit.moved = true
end

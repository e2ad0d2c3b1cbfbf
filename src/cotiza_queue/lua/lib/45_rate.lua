-- A rate as a theoretical arrival time (GCRA, ITU-T I.371): one unit every `period` ms, `burst` of them at once.
-- A start spends the cost of its job, one unit for most.
local rate = {}

-- From when on something of that cost may start. What costs more than the burst waits until all of it is there,
-- and leaves a debt that later starts wait for.
function rate.moment(limit, cost)
  if not limit.period then return 0 end
  local burst = limit.burst or 1
  return math.ceil((limit.tat or 0) - (burst - math.min(cost, burst)) * limit.period)
end

-- How many of cost 1 may start now, and from when on the next one may.
function rate.room(limit, now)
  if not limit.period then return 9007199254740991 end
  local slack = ((limit.burst or 1) - 1) * limit.period
  local ahead = math.max(limit.tat or 0, now) - now
  if ahead > slack then return 0, math.ceil(now + ahead - slack) end
  return math.floor((slack - ahead) / limit.period) + 1
end

-- Where the arrival time of a limit that has a rate is after such a start.
function rate.spent(limit, now, cost) return math.max(limit.tat or 0, now) + cost * limit.period end

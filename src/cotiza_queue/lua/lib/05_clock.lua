-- What time it is: the one place where a script asks. Tests load another file in its stead (../virtual).
local clock = {}

-- Milliseconds since the epoch, the same throughout a call.
function clock.now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Lanes by weight instead of strictly: stride scheduling (Waldspurger and Weihl, 1995). `passes` holds how far each
-- lane is ahead of the one that is furthest behind among those with jobs; a lane that comes back starts level with it.
local shares = {}

local function passes_of(q, lanes)
  local kept, passes = redis.call('HGETALL', q.prefix .. 'passes'), {}
  for i = 1, #kept, 2 do passes[tonumber(kept[i])] = tonumber(kept[i + 1]) end
  for _, number in ipairs(lanes) do passes[number] = passes[number] or 0 end
  return passes
end

-- How many of the next `left` starts each lane is to have.
local function portions(lanes, passes, weights, left)
  local portion = {}
  for _ = 1, left do
    local best = lanes[1]
    for _, number in ipairs(lanes) do
      if passes[number] < passes[best] then best = number end
    end
    portion[best] = (portion[best] or 0) + 1
    passes[best] = passes[best] + 1 / (weights[best] or 1)
  end
  return portion
end

-- Reads each lane's portion; the lanes that had that many are left in the round. Returns them, and what was started.
local function round(q, lanes, passes, weights, left, read)
  local portion, full, started = portions(lanes, passes, weights, left), {}, 0
  for _, number in ipairs(lanes) do
    local due = portion[number] or 0
    local n = due > 0 and not q.limit.shut and read(number, due) or 0
    started = started + n
    passes[number] = passes[number] - (due - n) / (weights[number] or 1)
    if n == due then full[#full + 1] = number end
  end
  return full, started
end

local function keep(q, full, passes)
  local least
  for _, number in ipairs(full) do least = math.min(least or passes[number], passes[number]) end
  for number, pass in pairs(passes) do
    if least and pass > least then
      redis.call('HSET', q.prefix .. 'passes', number, pass - least)
    else
      redis.call('HDEL', q.prefix .. 'passes', number)
    end
  end
end

-- Returns how many of `left` were not started.
function shares.serve(q, lanes, left, read)
  local weights, passes, full = cmsgpack.unpack(q.limit.shares), passes_of(q, lanes), lanes
  while left > 0 and #full > 0 and not q.limit.shut do
    local rest, started = round(q, full, passes, weights, left, read)
    full, left = rest, left - started
  end
  keep(q, full, passes)
  return left
end

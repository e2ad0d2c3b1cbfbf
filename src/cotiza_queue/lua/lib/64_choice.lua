-- Which lanes a take reads, in which order, and how much of each.
local choice = {}

local function over(q, budget, left)
  return left == 0 or budget.entries <= 0 or q.limit.shut
end

-- The best lane first, as long as it has jobs.
local function strictly(q, lanes, left, budget, read)
  for _, number in ipairs(lanes) do
    if over(q, budget, left) then break end
    left = left - read(number, left)
  end
  return left
end

-- By weight; what was returned goes before everything else, as ever.
local function by_shares(q, lanes, left, budget, read)
  local returned, others = {}, {}
  for _, number in ipairs(lanes) do
    local kind = number % 2 == 0 and returned or others
    kind[#kind + 1] = number
  end
  left = strictly(q, returned, left, budget, read)
  if over(q, budget, left) then return left end
  return shares.serve(q, others, left, read)
end

-- `read(number, n)` starts up to n jobs of a lane and says how many. Returns how many were started in all.
function choice.serve(q, want, budget, read)
  local lanes, late = lane.all_ready(q), 0
  if q.limit.max_wait then late = patience.serve(q, lanes, want, budget, read) end
  local serve = q.limit.shares and by_shares or strictly
  local started = want - serve(q, lanes, want - late, budget, read)
  if q.limit.max_wait then patience.keep(q, started, late) end
  return started
end

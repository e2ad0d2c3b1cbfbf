-- A tenant's counters by lane: how many of its jobs stand there, and how many are behind these.

-- The lanes in which it has, or had in this call, jobs of its own.
function tenant.lanes(t)
  local lanes = { t.lane or nil }
  for i = 1, t.others and #t.others or 0 do lanes[#lanes + 1] = t.others[i] end
  return lanes
end

-- A lane in which the tenant had nothing in this call. One that is empty by now makes room for it.
local function begin(t, number)
  local lane = t.lane
  if lane and t[lane] == 0 and t[-lane] == 0 then t[lane], t[-lane], lane = nil, nil, false end
  if not lane then
    t.lane = number
  else
    t.others = t.others or {}
    t.others[#t.others + 1] = number
  end
  t[number], t[-number] = 0, 0
end

-- So many stand in the lane more; of its negative number, so many are behind these.
function tenant.count(t, place, n)
  if not t[place] then begin(t, math.abs(place)) end
  t[place], t.changed = t[place] + n, true
end

-- How many stand in all lanes.
function tenant.admitted(t)
  local n = 0
  for _, number in ipairs(tenant.lanes(t)) do n = n + t[number] end
  return n
end

-- A tenant's record as it is written.

local function further(t)
  local list = {}
  for _, number in ipairs(t.others) do
    local inside, behind, n = t[number], t[-number], #list
    if inside ~= 0 or behind ~= 0 then list[n + 1], list[n + 2], list[n + 3] = number, inside, behind end
  end
  return list[1] and list
end

-- Nil of a tenant with nothing left.
function tenant.pack(t)
  local number, limits, others = t.lane or 0, next(t.limits) and t.limits, t.others and further(t)
  local inside, behind = t[number] or 0, t[-number] or 0
  if t.there == 0 and inside == 0 and behind == 0 and not limits and not others then return nil end
  if not (limits or others) then return cmsgpack.pack(t.there, number, inside, behind) end
  return cmsgpack.pack(t.there, number, inside, behind, limits, others)
end

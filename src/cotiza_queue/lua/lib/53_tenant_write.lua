-- A tenant's record as it is written.

local function further(t)
  local list = {}
  for _, number in ipairs(t.others) do
    local inside, behind, n = t[number], t[-number], #list
    if inside ~= 0 or behind ~= 0 then list[n + 1], list[n + 2], list[n + 3] = number, inside, behind end
  end
  return list[1] and list
end

local BYTES = {}
for n = 0, 127 do BYTES[n] = true end

-- Nil of a tenant with nothing left.
function tenant.pack(t)
  local there, number, text = t.there, t.lane or 0, t.text
  local inside, behind = t[number] or 0, t[-number] or 0
  local limits, others = t.limits ~= tenant.none and next(t.limits) and t.limits, t.others and further(t)
  if limits or others or not (BYTES[there] and BYTES[number] and BYTES[inside] and BYTES[behind]) then
    return cmsgpack.pack(there, number, inside, behind, limits or false, others or false, text)
  end
  if there == 0 and inside == 0 and behind == 0 and text == '' then return nil end
  return string.char(there, number, inside, behind) .. text
end

function tenant.write_all(q)
  local writes, gone, n, prefix = q.writes, {}, #q.writes, q.prefix .. 'tenant:'
  for name, t in pairs(q.tenants) do
    local packed = t.changed and tenant.pack(t)
    if packed then
      writes[n + 1], writes[n + 2] = prefix .. name, packed
      n = n + 2
    elseif t.changed then
      gone[#gone + 1] = prefix .. name
    end
  end
  queue.in_pages('DEL', gone)
end

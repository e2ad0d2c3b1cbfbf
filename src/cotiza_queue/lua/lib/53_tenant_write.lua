-- A tenant's record as it is written. The server would walk through a small hash of short values; a long one keeps it from
-- that. No tenant is called so.
local REMARK = 'records of tenants, by name; this line is so long that the server looks them up'

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
  if t.listed then text = '=' .. text end
  local limits, others = t.limits ~= tenant.none and next(t.limits) and t.limits, t.others and further(t)
  if limits or others or not (BYTES[there] and BYTES[number] and BYTES[inside] and BYTES[behind]) then
    return cmsgpack.pack(there, number, inside, behind, limits or false, others or false, text)
  end
  if there == 0 and inside == 0 and behind == 0 and text == '' then return nil end
  return string.char(there, number, inside, behind) .. text
end

function tenant.write_all(q)
  local opened, writes, gone, n = q.opened, { '/', REMARK }, {}, 2
  for i = 1, #opened do
    local t = opened[i]
    local packed = t.changed and tenant.pack(t)
    if packed then
      writes[n + 1], writes[n + 2] = t.name, packed
      n = n + 2
    elseif t.changed then
      gone[#gone + 1] = t.name
    end
  end
  if n > 2 then late.write('HSET', q.prefix .. 'tenants', writes) end
  late.write('HDEL', q.prefix .. 'tenants', gone)
end

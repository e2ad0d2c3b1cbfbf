-- Which of a block's jobs are a tenant's (37_marks.lua): of a tenant of few jobs, its record says so. So it needs no set,
-- and a job that comes costs a few bytes more of a record that is written anyway. There each is a blank, the place, a
-- blank and the bits, the newest first. When these become too many, or a call brings several blocks, they all go to
-- `index:<tenant>`, and what comes later goes there: an equals sign before all else says so.
local newest = { most = 64 }

local function parts(t) return string.match(t.text, '^(=?)([^/]*)(.*)$') end

-- Those of the record: [place, bits] each.
function newest.rows(t)
  local rows, _, said = {}, parts(t)
  for place, bits in bundle.each(said) do rows[#rows + 1] = { tonumber(place, 16), tonumber(bits, 16) } end
  return rows
end

-- Whether what comes goes to the set.
function newest.in_set(t) return string.byte(t.text) == 61 end

function newest.full(t)
  local size = #t.text
  return size > newest.most and (string.find(t.text, '/', 1, true) or size + 1) - 1 > newest.most
end

-- The bits at a place, of the record and of the set.
function newest.at(q, t, place)
  local found = marks.at(index.of_tenant(q, t.name), place)
  for _, row in ipairs(newest.rows(t)) do found = row[1] == place and bit.bor(found, row[2]) or found end
  return found
end

-- Gives those of the record other bits, as `rest_of(place, bits)` says.
function newest.change(t, rest_of)
  local sign, before, line = parts(t)
  local after = before ~= '' and bundle.with(before, rest_of) or ''
  after = after ~= '' and ' ' .. after or after
  if after ~= before then t.text, t.changed = sign .. after .. line, true end
end

-- These, and those of the record, go to the set.
function newest.to_set(q, t, places)
  local _, _, line = parts(t)
  for _, row in ipairs(newest.rows(t)) do places[row[1]] = row[2] end
  marks.put_in(index.of_tenant(q, t.name), places)
  t.text, t.changed = '=' .. line, true
end

-- Takes bits, by place, out of the record and the set.
function newest.take_out(q, t, places)
  local key = index.of_tenant(q, t.name)
  newest.change(t, function(place, bits)
    local gone = bit.band(bits, places[place] or 0)
    if gone ~= 0 then places[place] = places[place] ~= gone and places[place] - gone or nil end
    return bits - gone
  end)
  if next(places) then marks.take_out(key, places) end
  if newest.in_set(t) and redis.call('EXISTS', key) == 0 then
    t.text, t.changed = string.sub(t.text, 2), true
  end
end

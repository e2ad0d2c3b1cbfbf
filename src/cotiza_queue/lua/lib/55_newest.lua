-- Which jobs are a tenant's (37_marks.lua): of a tenant of few jobs, its record says so. So it needs no set, and a job
-- that comes costs a few bytes more of a record that is written anyway. There each is a blank, the number of its block, and
-- a digit for its place in that, both hexadecimal; the newest first. When these become too many they all go to
-- `index:<tenant>`, and what comes later goes there: the tenant is `listed` then.
local newest = { most = 64, digits = 16 }

-- The jobs, and what is behind them.
local function parts(t) return string.match(t.text, '^([^/]*)(.*)$') end

-- Those of the record: block and bit of each, its place, and how that is said.
function newest.rows(t)
  local rows, said = {}, parts(t)
  for word in string.gmatch(said, ' (%x+)') do
    local n = tonumber(word, 16)
    local at = n % newest.digits
    local place = (n - at) / newest.digits * index.block
    rows[#rows + 1] = { place, marks.bits[at] or 0, place + at, word }
  end
  return rows
end

function newest.full(t)
  local size = #t.text
  return size > newest.most and (string.find(t.text, '/', 1, true) or size + 1) - 1 > newest.most
end

-- The bits of a block, of the record and of the set.
function newest.at(q, t, place)
  local found = marks.at(index.of_tenant(q, t.name), place)
  for _, row in ipairs(newest.rows(t)) do found = row[1] == place and bit.bor(found, row[2]) or found end
  return found
end

-- Leaves in the record those of which `keeps(block, bit)` says so.
function newest.keep(t, keeps)
  local after, before, line = '', parts(t)
  for _, row in ipairs(newest.rows(t)) do
    if keeps(row[1], row[2]) then after = after .. ' ' .. row[4] end
  end
  if after ~= before then t.text, t.changed = after .. line, true end
end

-- Those of the record go to the set, with what comes after them in this call.
function newest.to_set(q, t)
  local rows, _, line = newest.rows(t), parts(t)
  t.text, t.listed, t.changed = line, true, true
  for i = #rows, 1, -1 do index.come(q, t, rows[i][3]) end
end

-- Takes bits, by block, out of the record and the set.
function newest.take_out(q, t, places)
  local key = index.of_tenant(q, t.name)
  newest.keep(t, function(place, its)
    local bits = places[place] or 0
    if bit.band(bits, its) == 0 then return true end
    places[place] = bits ~= its and bits - its or nil
  end)
  if next(places) then marks.take_out(key, places) end
  if t.listed and redis.call('EXISTS', key) == 0 then t.listed, t.changed = nil, true end
end

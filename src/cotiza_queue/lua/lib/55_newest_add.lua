-- One job more, in the record or in the set. What was written lately is kept: tenants that take turns share a block.
local DIGITS = { [0] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f' }
local TEXT, BLOCKS, PLACES, SCORES, n = {}, {}, {}, {}, 0

local function text_of(bits)
  TEXT[bits] = string.format('%x', bits)
  return TEXT[bits]
end

local function text_at(place)
  if n == 100 then BLOCKS, PLACES, SCORES, n = {}, {}, {}, 0 end
  BLOCKS[place], PLACES[place] = string.format(' %x', place / index.block), string.format('%x ', place)
  SCORES[place], n = string.format('%.0f', place), n + 1
end

function newest.add(q, t, seq)
  local at = seq % index.block
  local place = seq - at
  if not BLOCKS[place] then text_at(place) end
  t.text = BLOCKS[place] .. DIGITS[at] .. t.text
  if newest.full(t) then newest.to_set(q, t) end
end

function newest.add_to_set(q, t, place, bits)
  if not PLACES[place] then text_at(place) end
  local member = PLACES[place] .. (TEXT[bits] or text_of(bits))
  redis.call('ZADD', index.of_tenant(q, t.name), SCORES[place], member)
end

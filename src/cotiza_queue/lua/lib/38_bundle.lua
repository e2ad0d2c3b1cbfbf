-- Sorted sets of which one score may be many jobs': those that a call brings are one member, so that a page of jobs pays
-- for one. It says of blocks which of their jobs (37_marks.lua): first place and bits of each, with blanks between. Noted
-- as the call goes, written at its end with what 15_late.lua holds. `held`: blocks of a member.
local bundle = { held = 8 }

-- What this call does at one score: bits that come, and that go, by places; those that come in their order.
local function at(q, key, score)
  local scores = q.bundles[key] or {}
  q.bundles[key] = scores
  local found = scores[score] or { come = {}, gone = {}, places = {} }
  scores[score] = found
  return found
end

function bundle.enter(q, key, score, place, bits)
  local found = at(q, key, score)
  local come, places = found.come, found.places
  if not come[place] then places[#places + 1] = place end
  come[place] = (come[place] or 0) + bits
end

function bundle.leave(q, key, score, place, bits)
  local gone = at(q, key, score).gone
  gone[place] = bit.bor(gone[place] or 0, bits)
end

-- What a member says: place and bits of each block.
function bundle.each(member) return string.gmatch(member, '(%x+) (%x+)') end

-- A member with other bits, as `rest_of(place, bits)` says; without blocks of which none is left.
function bundle.with(member, rest_of)
  local words = {}
  for place, bits in bundle.each(member) do
    place = tonumber(place, 16)
    local rest = rest_of(place, tonumber(bits, 16))
    if rest ~= 0 then words[#words + 1] = marks.member(place, rest) end
  end
  return table.concat(words, ' ')
end

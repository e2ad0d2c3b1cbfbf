-- Which jobs of a block are of a kind: sorted sets with a member for a block at its first place, that place and the bits
-- of those jobs as hexadecimal numbers. A block may have several members, but no job two.
local marks = { bits = {}, all = 2 ^ index.block - 1 }
for at = 0, index.block - 1 do marks.bits[at] = 2 ^ at end

function marks.bit(j) return marks.bits[j.seq % index.block] end
function marks.member(place, bits) return string.format('%x %x', place, bits) end

-- Those of a member; none, of what is no such member.
function marks.of(member) return tonumber(string.match(member, '^%x+ (%x+)$') or '0', 16) end

function marks.count(bits)
  local n = 0
  for at = 0, index.block - 1 do n = n + math.floor(bits / marks.bits[at]) % 2 end
  return n
end

function marks.members(key, place) return redis.call('ZRANGEBYSCORE', key, place, place) end

function marks.at(key, place)
  local bits = 0
  for _, member in ipairs(marks.members(key, place)) do bits = bit.bor(bits, marks.of(member)) end
  return bits
end

-- Takes bits, by place, out of members that have others besides.
function marks.thin(key, places)
  local old, new = {}, {}
  for place, gone in pairs(places) do
    for _, member in ipairs(marks.members(key, place)) do
      local bits = marks.of(member)
      local rest = bit.band(bits, bit.bnot(gone))
      if rest ~= bits then old[#old + 1] = member end
      if rest ~= bits and rest ~= 0 then new[#new + 1], new[#new + 2] = place, marks.member(place, rest) end
    end
  end
  late.write('ZREM', key, old)
  late.write('ZADD', key, new)
end

-- Takes out bits by place. Jobs mostly leave together as they came, and then nothing need be read.
function marks.take_out(key, places)
  local members = {}
  for place, bits in pairs(places) do members[#members + 1] = marks.member(place, bits) end
  if late.write('ZREM', key, members) < #members then marks.thin(key, places) end
end

function marks.put_in(key, places)
  local members, n = {}, 0
  for place, bits in pairs(places) do
    members[n + 1], members[n + 2] = place, marks.member(place, bits)
    n = n + 2
  end
  late.write('ZADD', key, members)
end

-- Takes bits, by place, out of the members of a score: what else is in them stays together.
local function thin(q, key, score, gone)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, score, score)) do
    local rest = bundle.with(member, function(place, bits) return bit.band(bits, bit.bnot(gone[place] or 0)) end)
    if rest ~= member then late.zrem(q, key, member) end
    if rest ~= member and rest ~= '' then late.zadd(q, key, score, rest) end
  end
end

local function put(q, key, score, places, come)
  local words = {}
  for i = 1, #places do words[i] = marks.member(places[i], come[places[i]]) end
  for first = 1, #words, bundle.held do
    late.zadd(q, key, score, table.concat(words, ' ', first, math.min(first + bundle.held - 1, #words)))
  end
end

function bundle.flush(q)
  for key, scores in pairs(q.bundles) do
    for score, found in pairs(scores) do
      if next(found.gone) then thin(q, key, score, found.gone) end
      put(q, key, score, found.places, found.come)
    end
  end
end

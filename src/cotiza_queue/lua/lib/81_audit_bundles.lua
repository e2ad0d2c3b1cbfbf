-- The audit of sorted sets whose members say which jobs of some blocks (38_bundle.lua).

-- A job is named once at its score.
function audit.bundled(q, code, name, score, j)
  local key, n, place, its = q.prefix .. name, 0, index.block_of(j.seq), marks.bit(j)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, score, score)) do
    bundle.with(member, function(block, bits)
      if block == place and bit.band(bits, its) ~= 0 then n = n + 1 end
      return bits
    end)
  end
  if n == 1 then return end
  audit.say(q, code, j.id, (n == 0 and 'not right' or 'more than once') .. ' in ' .. name)
  if not q.fix then return end
  bundle.leave(q, key, score, place, its)
  bundle.enter(q, key, score, place, its)
end

-- The bits of those jobs of a block that have ended so, and go at that moment.
local function right(q, place, bits, status, moment)
  local ids, rest = {}, 0
  blocks.ids(q, place, bits, ids)
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    local is = j and j.status == status and ended.moment(q, j) == moment and index.block_of(j.seq) == place
    if is then rest = bit.bor(rest, marks.bit(j)) end
  end
  return bit.band(bits, rest)
end

-- Who is named is there, has ended so, and goes at that moment.
function audit.named_together(q, name, status, members)
  local key = q.prefix .. name
  for _, member in ipairs(members) do
    local moment = tonumber(redis.call('ZSCORE', key, member))
    local rest = moment and bundle.with(member, function(place, bits) return right(q, place, bits, status, moment) end)
    if rest and rest ~= member then
      audit.say(q, 'dangling', member, 'in ' .. name)
      if q.fix then redis.call('ZREM', key, member) end
      if q.fix and rest ~= '' then redis.call('ZADD', key, moment, rest) end
    end
  end
end

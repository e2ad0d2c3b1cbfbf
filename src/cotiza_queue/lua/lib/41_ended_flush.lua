-- Who has come among the ended jobs, and who has left them, is written at the end of a call.

-- A member without those of its ids for which `is` holds.
function ended.without(member, is)
  local rest = {}
  for id in string.gmatch(member, '%S+') do
    if not is(id) then rest[#rest + 1] = id end
  end
  return table.concat(rest, ' ')
end

-- Takes ids out of the members of a moment: what else is in them stays together.
local function thin(q, key, moment, gone)
  for _, member in ipairs(next(gone) and redis.call('ZRANGEBYSCORE', key, moment, moment) or {}) do
    local rest = ended.without(member, function(id) return gone[id] end)
    if rest ~= member then late.zrem(q, key, member) end
    if rest ~= member and rest ~= '' then late.zadd(q, key, moment, rest) end
  end
end

function ended.flush(q)
  for status, moments in pairs(q.ended) do
    local key = ended.key(q, status)
    for moment, found in pairs(moments) do
      thin(q, key, moment, found.gone)
      for first = 1, #found.ids, ended.held do
        local last = math.min(first + ended.held - 1, #found.ids)
        late.zadd(q, key, moment, table.concat(found.ids, ' ', first, last))
      end
    end
  end
  q.ended = {}
end

-- The audit of lanes: what was handed out is held by somebody for an active job, and nothing else is left there.
local function ghost(q, number, entry, why)
  audit.say(q, 'ghost', 'lane:' .. number .. ' ' .. entry, why)
  if q.fix then lane.drop(q, number, entry) end
end

-- A page of a lane: number after limit. Returns where to go on. Tombstones that are still to be read are in order.
function audit.entries(q, args)
  local number, after, limit = tonumber(args[1]), args[2], tonumber(args[3])
  local key, last = lane.key(q, number), lane.delivered(q, number)
  local entries = redis.call('XRANGE', key, after, last, 'COUNT', limit)
  for _, read in ipairs(entries) do
    local j = job.read(q, read[2][2])
    if not job.stands(j, number, read[1]) or j.status ~= 'active' then
      -- A waiting job whose entry was handed out is found, and brought back, as a lost job.
      if not (job.stands(j, number, read[1]) and j.status == 'waiting') then
        ghost(q, number, read[1], 'handed out for ' .. read[2][2] .. ', which is ' .. (j and j.status or 'gone'))
      end
    end
  end
  return #entries == limit and '(' .. entries[#entries][1] or ''
end

-- A page of what is pending in a lane: number after limit. Its entry must still be there.
function audit.pending(q, args)
  local number, limit = tonumber(args[1]), tonumber(args[3])
  local held = redis.pcall('XPENDING', lane.key(q, number), lane.group, args[2], '+', limit)
  for _, one in ipairs(held) do
    if #redis.call('XRANGE', lane.key(q, number), one[1], one[1]) == 0 then
      ghost(q, number, one[1], 'held by ' .. one[2] .. ', but the entry is gone')
    end
  end
  return #held == limit and '(' .. held[#held][1] or ''
end

-- A page of dead letters: after limit. The index names each, by its job.
function audit.letters(q, args)
  local letters = redis.call('XRANGE', q.prefix .. 'dead', args[1], '+', 'COUNT', args[2])
  for _, letter in ipairs(letters) do
    local id = letter[2][2]
    local named = redis.call('HGET', q.prefix .. 'dead:index', id)
    if named ~= letter[1] then
      audit.say(q, 'dead_letter', id, 'the index does not name its letter ' .. letter[1])
      local other = named and #redis.call('XRANGE', q.prefix .. 'dead', named, named) > 0
      if q.fix and other then redis.call('XDEL', q.prefix .. 'dead', letter[1]) end
      if q.fix and not other then redis.call('HSET', q.prefix .. 'dead:index', id, letter[1]) end
    end
  end
  return #letters == tonumber(args[2]) and '(' .. letters[#letters][1] or ''
end

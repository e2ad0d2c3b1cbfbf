-- What a call has collected for its lanes goes out at its end: entries that are done with, counts, a wake-up.
lane.trimmed = 8

function lane.drop(q, number, entry)
  local entries = q.acks[number]
  if not entries then
    entries = {}
    q.acks[number] = entries
  end
  entries[#entries + 1] = entry
end

-- Deletes entries that are done with. Nothing before the oldest pending entry is of use, so a page of them mostly goes
-- with one trim: deleted one by one they cost ten times as much.
local function delete(q, number, entries)
  local key = lane.key(q, number)
  local oldest = #entries >= lane.trimmed and lane.pending(q, number, '-', '+', 1)[1]
  if oldest and redis.call('XTRIM', key, 'MINID', oldest[1]) >= #entries then return end
  for first = 1, #entries, 1000 do
    redis.call('XDEL', key, unpack(entries, first, math.min(first + 999, #entries)))
  end
end

local function leave(q, number, entries)
  for first = 1, #entries, 1000 do
    redis.call('XACK', lane.key(q, number), lane.group, unpack(entries, first, math.min(first + 999, #entries)))
  end
  delete(q, number, entries)
end

function lane.flush(q)
  for number, l in pairs(q.lanes) do
    if l.emptied then redis.call('ZREM', q.prefix .. 'ready', number) end
    if l.waiting ~= 0 then
      local count = redis.call('HINCRBY', q.prefix .. 'lanes', number, l.waiting)
      if l.waiting > 0 and count == l.waiting then q.wake = true end
    end
  end
  for number, entries in pairs(q.acks) do leave(q, number, entries) end
end

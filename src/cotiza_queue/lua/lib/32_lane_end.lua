-- What a call has collected for its lanes goes out at its end: entries that are done with, counts, a wake-up.
function lane.drop(q, number, entry)
  local entries = q.acks[number] or {}
  entries[#entries + 1] = entry
  q.acks[number] = entries
end

function lane.flush(q)
  for number, l in pairs(q.lanes) do
    if l.waiting ~= 0 then
      local count = redis.call('HINCRBY', q.prefix .. 'lanes', number, l.waiting)
      if l.waiting > 0 and count == l.waiting then q.wake = true end
    end
  end
  q.lanes = {}
  for number, entries in pairs(q.acks) do
    for first = 1, #entries, 1000 do
      local last = math.min(first + 999, #entries)
      redis.call('XACK', lane.key(q, number), lane.group, unpack(entries, first, last))
      redis.call('XDEL', lane.key(q, number), unpack(entries, first, last))
    end
  end
  q.acks = {}
end

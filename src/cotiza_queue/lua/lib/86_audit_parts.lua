-- The audit of keys that are there for something else.
-- Parts: [name of the key, id of the job that it belongs to] each.
function audit.parts(q, args)
  for i = 1, #args, 2 do
    if audit.exists(q, args[i]) and not audit.recorded(q, args[i + 1]) then
      audit.say(q, 'orphan', args[i], 'without ' .. args[i + 1])
      if q.fix then redis.call('DEL', q.prefix .. args[i]) end
    end
  end
end

-- Unique keys: names. Without an end of its own, a key is held by a job that is there and has not given it up.
function audit.uniques(q, names)
  for _, name in ipairs(names) do
    local key = q.prefix .. name
    local value = redis.call('GET', key)
    local id = value and unique.told(value)
    local j = id and job.read(q, id)
    local holds = j and j.options.unique and 'unique:' .. j.options.unique == name
      and (j.options.span or string.find(j.options.hold or unique.usual, j.status, 1, true))
    if id and not holds and redis.call('PTTL', key) < 0 then
      audit.say(q, 'unique', name, 'held by ' .. id .. ', which is ' .. (j and j.status or 'gone'))
      if q.fix then redis.call('DEL', key) end
    end
  end
end

-- Keys that go by themselves: names.
function audit.ends(q, names)
  for _, name in ipairs(names) do
    if redis.call('PTTL', q.prefix .. name) == -1 then
      audit.say(q, 'endless', name, 'it was to go by itself, and has no end')
      if q.fix then redis.call('PEXPIRE', q.prefix .. name, memory.kept_ms) end
    end
  end
end

-- Schedules: ids.
function audit.listed(q, ids)
  for _, id in ipairs(ids) do
    if audit.exists(q, 'schedule:' .. id) and not redis.call('ZSCORE', q.prefix .. 'schedules:all', id) then
      audit.say(q, 'schedule', id, 'it is in no list')
      if q.fix then redis.call('ZADD', q.prefix .. 'schedules:all', q.now, id) end
    end
  end
end

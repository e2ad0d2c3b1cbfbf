-- The audit of sorted sets whose members name several jobs (16_bundle.lua).

-- A job is named once at its score.
function audit.bundled(q, code, name, score, id)
  local key, n = q.prefix .. name, 0
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, score, score)) do
    if string.find(' ' .. member .. ' ', ' ' .. id .. ' ', 1, true) then n = n + 1 end
  end
  if n == 1 then return end
  audit.say(q, code, id, (n == 0 and 'not right' or 'more than once') .. ' in ' .. name)
  if not q.fix then return end
  bundle.leave(q, key, score, id)
  bundle.enter(q, key, score, id)
end

-- Who is named is there, has ended so, and goes at that moment.
function audit.named_together(q, name, status, members)
  local key, ids = q.prefix .. name, {}
  for id in string.gmatch(table.concat(members, ' '), '%S+') do ids[#ids + 1] = id end
  job.fetch(q, ids)
  for _, member in ipairs(members) do
    local score = tonumber(redis.call('ZSCORE', key, member))
    local rest = score and bundle.without(member, function(id)
      local j = job.read(q, id)
      if j and j.status == status and ended.moment(q, j) == score then return false end
      audit.say(q, 'dangling', id, 'named by ' .. name)
      return true
    end)
    if q.fix and rest and rest ~= member then
      redis.call('ZREM', key, member)
      if rest ~= '' then redis.call('ZADD', key, score, rest) end
    end
  end
end

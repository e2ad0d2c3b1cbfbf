-- The audit of when ended jobs are to go.

-- Who has ended is named once at the right moment.
function audit.ended(q, j)
  local moment, n = ended.moment(q, j), 0
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', ended.key(q, j.status), moment, moment)) do
    if string.find(' ' .. member .. ' ', ' ' .. j.id .. ' ', 1, true) then n = n + 1 end
  end
  if n == 1 then return end
  audit.say(q, 'retention', j.id, (n == 0 and 'not right' or 'more than once') .. ' in ended:' .. j.status)
  if not q.fix then return end
  ended.leave(q, j.status, moment, j.id)
  ended.enter(q, j.status, moment, j.id)
end

-- Who is named there ended so, and goes at that moment.
function audit.named_ended(q, status, members)
  local key, ids = ended.key(q, status), {}
  for id in string.gmatch(table.concat(members, ' '), '%S+') do ids[#ids + 1] = id end
  job.fetch(q, ids)
  for _, member in ipairs(members) do
    local moment = tonumber(redis.call('ZSCORE', key, member))
    local rest = moment and ended.without(member, function(id)
      local j = job.read(q, id)
      if j and j.status == status and ended.moment(q, j) == moment then return false end
      audit.say(q, 'dangling', id, 'named by ended:' .. status)
      return true
    end)
    if q.fix and rest and rest ~= member then
      redis.call('ZREM', key, member)
      if rest ~= '' then redis.call('ZADD', key, moment, rest) end
    end
  end
end

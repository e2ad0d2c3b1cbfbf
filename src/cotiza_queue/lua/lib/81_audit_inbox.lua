-- The audit of the inbox (66_inbox.lua).

local function is_job(moment, asked, body)
  if not (asked and body and (tonumber(moment) or standby.noted(moment))) then return false end
  local whole, id, tenant_id, priority, number, attempts, keep, delay, options, call = pcall(cmsgpack.unpack, asked)
  return whole and type(id) == 'string' and type(tenant_id) == 'string' and type(priority or 0) == 'number'
    and type(number) == 'number' and type(attempts) == 'number' and type(keep) == 'string'
    and string.find(keep, '^%d*:%d*:%d*:%d*$') and delay == 0 and type(options or {}) == 'table' and not call
end

-- What is no job is taken out from between the jobs.
function audit.inbox(q)
  local key, kept, at = q.prefix .. 'inbox', {}, 1
  local list = redis.call('LRANGE', key, 0, -1)
  while at <= #list do
    local n, job_there = #kept, is_job(list[at], list[at + 1], list[at + 2])
    if job_there then
      kept[n + 1], kept[n + 2], kept[n + 3] = list[at], list[at + 1], list[at + 2]
    else
      audit.say(q, 'inbox', 'inbox', 'no job at place ' .. at)
    end
    at = at + (job_there and inbox.fields or 1)
  end
  if not q.fix or #kept == #list then return end
  redis.call('DEL', key)
  for first = 1, #kept, 1000 do redis.call('RPUSH', key, unpack(kept, first, math.min(first + 999, #kept))) end
end

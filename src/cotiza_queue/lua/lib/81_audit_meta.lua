-- The audit of what `meta` knows of all jobs and tenants.

local function behind(q, field, n, why)
  q.known = q.known or {}
  q.known[field] = q.known[field] or tonumber(redis.call('HGET', q.prefix .. 'meta', field)) or 0
  if q.known[field] >= n then return end
  audit.say(q, 'counter', 'meta', field .. ' says ' .. q.known[field] .. ', ' .. why .. n)
  if not q.fix then return end
  redis.call('HSET', q.prefix .. 'meta', field, n)
  q.known[field] = n
end

-- What a job has was given out, and is not given out again.
function audit.given(q, j)
  behind(q, 'seq', j.seq, 'a job has ')
  behind(q, 'token', j.token, 'a job has ')
end

-- Where tenants are limited, and where by number of jobs, that is known.
function audit.limited(q, t)
  if t.limits ~= tenant.none then behind(q, 'limited', 1, 'a tenant makes it ') end
  if t.limits.depth then behind(q, 'bounded', 1, 'a tenant makes it ') end
end

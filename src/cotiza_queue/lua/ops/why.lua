-- why: all that a take would look at before it starts a job, read and not touched.
-- KEYS     meta
-- ARGS     id tenant ("" for any)
-- RETURNS  [[name, value, ...] (names as in model/why.py Seen), last failure or "", [info per live worker]], or nothing
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(lanes + 1,000): of a longer line it says that there are more; at most 1,000 workers are read
-- FLAGS    no-writes
local function put(facts, ...)
  for i = 1, select('#', ...), 2 do
    local name, value = select(i, ...)
    if value and value ~= '' then
      facts[#facts + 1] = name
      facts[#facts + 1] = tostring(value)
    end
  end
end

-- What is set, or nil.
local function set(number) return number ~= 0 and number or nil end

-- A moment, as text without an exponent; nil for none and for one that is over.
local function ahead_of(q, moment)
  moment = tonumber(moment)
  return moment and moment > q.now and string.format('%.0f', moment) or nil
end

local function of_queue(q, j, facts)
  local found = redis.call('HMGET', q.prefix .. 'meta', 'paused', 'paused_until', 'paused_reason', 'rested',
    'concurrency', 'period', 'burst', 'tat')
  local paused = found[1] and not (found[2] and tonumber(found[2]) <= q.now)
  local limit = { period = tonumber(found[6]), burst = tonumber(found[7]), tat = tonumber(found[8]) }
  local moment = rate.moment(limit, j.options.cost or 1)
  put(facts, 'queue_paused_ms', paused and found[1], 'queue_paused_until_ms', ahead_of(q, found[2]),
    'queue_pause_reason', paused and found[3], 'queue_rate_until_ms', ahead_of(q, found[4]) or ahead_of(q, moment),
    'queue_concurrency', found[5], 'queue_active', redis.call('HGET', q.prefix .. 'counts', 'active'))
end

local function of_tenant(q, j, t, facts)
  local moment = rate.moment(t.limits, j.options.cost or 1)
  local since, reason = string.match(redis.call('HGET', q.prefix .. 'pauses', t.name) or '', '^(%d+) %d* (.*)$')
  local paused = ahead_of(q, t.limits['until'])
  put(facts, 'tenant_paused_until_ms', paused, 'tenant_paused_ms', paused and since,
    'tenant_pause_reason', paused and reason, 'tenant_rate_until_ms', ahead_of(q, t.limits.rested) or ahead_of(q, moment),
    'tenant_concurrency', t.limits.concurrency, 'tenant_active', t.limits.active or 0)
end

local function of_job(q, j, facts)
  put(facts, 'version', j.options.version)
  put(facts, 'now_ms', string.format('%.0f', q.now), 'tenant', j.tenant, 'status', j.status, 'deadline_ms', j.rare.deadline,
    'started_ms', set(j.started), 'attempt', j.attempt, 'worker', by_whom.name(q, j), 'snoozed', j.rare.snoozed,
    'due_ms', redis.call('ZSCORE', q.prefix .. 'delayed', j.id),
    'ended_ms', set(j.finished), 'behind', j.rare.after)
end

local function workers(q)
  local infos = {}
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', q.prefix .. 'workers', q.now, '+inf', 'LIMIT', 0, 1000)) do
    infos[#infos + 1] = redis.call('GET', q.prefix .. 'worker:' .. name) or nil
  end
  return infos
end

local function why(keys, args)
  local q, facts = queue.look(keys[1]), {}
  local j = inbox.look(q, args[1])
  if not j or (args[2] ~= '' and j.tenant ~= args[2]) then return nil end
  local t = tenant.open(q, j.tenant)
  of_job(q, j, facts)
  of_queue(q, j, facts)
  of_tenant(q, j, t, facts)
  local apart = j.options.version and redis.call('ZSCORE', q.prefix .. 'newer', j.id)
  if j.status == 'waiting' and not apart then
    local line, more = ahead.line(q, j, t)
    put(facts, 'better', ahead.better(q, j, t), 'line', line, 'line_more', more)
  end
  return { facts, redis.call('LRANGE', q.prefix .. 'failures:' .. j.id, -1, -1)[1] or '', workers(q) }
end

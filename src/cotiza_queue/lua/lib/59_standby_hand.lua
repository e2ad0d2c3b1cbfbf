-- Handing a job that comes alone to the worker on standby.

-- The token that the job gets if it may start at once: nothing else waits, and nothing is held back or counted.
local function token_for(meta_key, prefix, tenant_id)
  local found = redis.call('HMGET', meta_key, 'token', 'paused', 'rested', 'concurrency', 'period', 'newer')
  for i = 2, 6 do
    if found[i] then return nil end
  end
  if redis.call('EXISTS', prefix .. 'ready') == 1 then return nil end
  local t = tenant.open({ prefix = prefix, jobs = {}, tenants = {} }, tenant_id)
  return t.limits == tenant.none and (tonumber(found[1]) or 0) + 1 or nil
end

-- Told are four numbers, the lengths of what follows among them, then names and body as they are. True if it listens.
local function tell(prefix, worker, token, now, id, tenant_id, body)
  local head = table.concat({ token, now, #id, #tenant_id }, ' ')
  return redis.call('PUBLISH', prefix .. 'wake:' .. worker, head .. '\n' .. id .. tenant_id .. body) > 0
end

-- Returns the moment of its coming with the worker that was handed the job, nil if nobody was. First it is told, since
-- only so it is known who listens; nothing of what follows can fail.
function standby.hand(meta_key, text, now, asked, body)
  local s, prefix = standby.parts(text), queue.prefix(meta_key)
  if s.id or not s.worker or s.since + standby.fresh <= now then return nil end
  local id, tenant_id, _, _, _, _, _, options = cmsgpack.unpack(asked)
  if options and (options.version or 1) > s.version then return nil end
  local token = token_for(meta_key, prefix, tenant_id)
  if not token or not tell(prefix, s.worker, token, now, id, tenant_id, body) then return nil end
  redis.call('HSET', meta_key, 'token', token, 'standby', cmsgpack.pack(s.worker, s.version, s.since, id, token))
  return now .. ' ' .. token .. ' ' .. s.worker
end

-- What the inbox says of a job's coming.
function standby.note(asked, text)
  asked.came = tonumber(text)
  if asked.came then return end
  local came, token, worker = standby.noted(text)
  asked.came, asked.token_there, asked.handed_to = tonumber(came), tonumber(token), worker
end

function standby.noted(text) return string.match(text, '^(%d+) (%d+) ([%w_.-]+)$') end

-- Handing a job that comes alone to the worker on standby.

-- The token that the job will get if it may start at once: nothing else waits, and nothing is held back or counted. In
-- most queues no tenant is limited in any way, and none needs to be looked at.
local function token_for(meta_key, prefix, tenant_id)
  if redis.call('EXISTS', prefix .. 'inbox', prefix .. 'ready') > 0 then return nil end
  local found = redis.call('HMGET', meta_key, 'token', 'limited', 'paused', 'rested', 'concurrency', 'period', 'newer')
  for i = 3, 7 do
    if found[i] then return nil end
  end
  local packed = found[2] and redis.call('HGET', prefix .. 'tenants', tenant_id)
  if packed and tenant.unpacked(tenant_id, packed).limits ~= tenant.none then return nil end
  return (tonumber(found[1]) or 0) + 1
end

-- Told are token and moment, the lengths of the names that follow, the names, and the body. True if it listens: on a
-- sharded channel, as who reads others by a pattern would be counted, and may be anybody. The job is there by then, so
-- a caller who may not publish has told nobody, and that is no error.
local function tell(prefix, worker, token, now, id, tenant_id, body)
  local told = struct.pack('>I8I8I2I2', token, now, #id, #tenant_id) .. id .. tenant_id .. body
  local heard = redis.pcall('SPUBLISH', prefix .. 'wake:' .. worker, told)
  return type(heard) == 'number' and heard > 0
end

-- True if the job was written down: when it came, under which token it is handed over, to whom. That comes first: nobody
-- is told of a job that may yet be refused. Where nobody listens, it waits as any other.
function standby.hand(meta_key, prefix, text, now, asked, body)
  local s = standby.parts(text)
  if s.id or not s.worker or s.since + standby.fresh <= now then return false end
  local id, tenant_id, _, _, _, _, _, options = cmsgpack.unpack(asked)
  if options and (options.version or 1) > s.version then return false end
  local token, key = token_for(meta_key, prefix, tenant_id), prefix .. 'inbox'
  if not token then return false end
  redis.call('RPUSH', key, now .. ' ' .. token .. ' ' .. s.worker, asked, body)
  if not tell(prefix, s.worker, token, now, id, tenant_id, body) then
    redis.call('LSET', key, 0, now)
    redis.call('PUBLISH', prefix .. 'wake', 'wake')
  end
  return true
end

-- What the inbox says of a job's coming.
function standby.note(asked, text)
  asked.came = tonumber(text)
  if asked.came then return end
  local came, token, worker = standby.noted(text)
  asked.came, asked.token_there, asked.handed_to = tonumber(came), tonumber(token), worker
end

function standby.noted(text) return string.match(text, '^(%d+) (%d+) ([%w_.-]+)$') end

-- Handing a job that comes alone to the worker on standby.
standby.held = { 'paused', 'rested', 'concurrency', 'period', 'newer' }

function standby.channel(prefix, worker) return prefix .. 'wake:' .. worker end

-- True where the job could start at once: nothing else waits, and nothing is held back or counted.
local function open(meta_key, prefix, tenant_id)
  for _, value in ipairs(redis.call('HMGET', meta_key, unpack(standby.held))) do
    if value then return false end
  end
  if redis.call('EXISTS', prefix .. 'ready') == 1 then return false end
  return tenant.open({ prefix = prefix, jobs = {}, tenants = {} }, tenant_id).limits == tenant.none
end

-- Returns the worker and the token that the job has there, nil if it goes to nobody: also if the worker doesn't listen.
function standby.hand(meta_key, text, now, asked)
  local s, prefix = standby.parts(text), queue.prefix(meta_key)
  if s.id or not s.worker or s.since + standby.fresh <= now then return nil end
  if (asked.options.version or 1) > s.version or not open(meta_key, prefix, asked.tenant) then return nil end
  -- Where the account may not ask, nobody listens.
  local listeners = redis.pcall('PUBSUB', 'NUMSUB', standby.channel(prefix, s.worker))[2]
  if not listeners or listeners == 0 then return nil end
  local token = redis.call('HINCRBY', meta_key, 'token', 1)
  redis.call('HSET', meta_key, 'standby', cmsgpack.pack(s.worker, s.version, s.since, asked.id, token))
  return s.worker, token
end

-- Four numbers, the lengths of what follows among them, then names and body as they are.
function standby.tell(prefix, worker, token, now, asked)
  local head = table.concat({ token, now, #asked.id, #asked.tenant }, ' ')
  redis.call('PUBLISH', standby.channel(prefix, worker), head .. '\n' .. asked.id .. asked.tenant .. asked.body)
end

-- The moment when a job came, with whom it was handed to, is one text in the inbox.
function standby.mark(now, worker, token) return now .. ' ' .. token .. ' ' .. worker end

function standby.note(asked, text)
  asked.came = tonumber(text)
  if asked.came then return end
  local came, token, worker = string.match(text, '^(%d+) (%d+) (.+)$')
  asked.came, asked.token_there, asked.handed_to = tonumber(came), tonumber(token), worker
end

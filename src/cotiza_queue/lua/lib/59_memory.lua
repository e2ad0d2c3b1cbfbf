-- Requests that were answered before: by job id, and by idempotency key for a day.
local memory = { kept_ms = 86400000 }

function memory.known(q, id)
  local j = job.read(q, id)
  return j and { id, 0, j.status, j.created, j.rare.due or '' }
end

-- What an idempotency key was answered with: nothing, the first answer, or a conflict (2) if the request differs.
function memory.answer(q, key, fingerprint)
  local kept = redis.call('GET', q.prefix .. 'once:' .. key)
  if not kept then return nil end
  local print, status, created, due, id = string.match(kept, '^(%S+) (%S+) (%d+) (%d*) (.+)$')
  return { id, print == fingerprint and 0 or 2, status, created, due }
end

function memory.keep(q, key, answer)
  redis.call('SET', q.prefix .. 'once:' .. key, table.concat(answer, ' '), 'PX', memory.kept_ms)
end

-- Who runs a job, or ran it: its record has a number made from the worker's name, and the name itself lies beside the
-- record, once for all of a run (11_run.lua), under the four bytes of that number. So a record is short.
local by_whom = { none = 0 }

-- Of a worker that starts jobs in this call.
function by_whom.of(q, worker)
  local number = tonumber(string.sub(redis.sha1hex(worker), 1, 8), 16)
  q.workers[number] = worker
  return number
end

function by_whom.field(number) return struct.pack('>I4', number) end

-- The name; '' for nobody.
function by_whom.name(q, j)
  local number = j.worker
  if number == by_whom.none then return '' end
  return q.workers[number] or run.ask('HGET', j.key, by_whom.field(number)) or ''
end

-- The record with the name in it, for who only reads.
function by_whom.shown(q, j)
  j.worker = by_whom.name(q, j)
  return record.pack(j)
end

-- A job's record: one packed value. These fields in this order, seventeen with the last two: its options, and what few
-- jobs have (`rare`: stalls, deadline, priority, snoozed, next, after, delay, due, saved, blob, untold, counted; absent unless
-- set). store/record.py reads the same. `entry` and `worker` are '' for none, moments and `token` 0; `result` is
-- false for none, true if it lies apart.
local record = { none = {} }

function record.pack(j)
  local options, rare = j.options, j.rare
  if options == record.none or not next(options) then options = nil end
  if rare == record.none or not next(rare) then rare = nil end
  return cmsgpack.pack(j.status, j.tenant, j.lane, j.entry, j.token, j.attempt, j.attempts, j.created, j.started,
    j.finished, j.worker, j.seq, j.size, j.keep, j.result, options, rare)
end

local function fields(id, key, whole, ...)
  local status, tenant, lane, entry, token, attempt, attempts, created, started, finished, worker, seq, size, keep,
    result, options, rare = ...
  return whole and keep and { id = id, key = key, status = status, was = status, tenant = tenant, lane = lane, entry = entry,
    token = token, attempt = attempt, attempts = attempts, created = created, started = started, finished = finished,
    worker = worker, seq = seq, size = size, keep = keep, result = result, options = options or record.none,
    rare = rare or record.none }
end

-- False for what is no record of ours: the doctor will find it.
function record.unpack(id, key, packed) return fields(id, key, pcall(cmsgpack.unpack, packed)) end

-- A job's record: one packed value. These sixteen in this order; store/record.py reads the same. The status is a code.
-- `entry` and `worker` are '' for none, `token` is 0. When it started and finished is told by the ms since it was
-- created, false for neither. `result` is false for none, true if it lies apart. `spot`: 39_bodies.lua. `more` is what
-- few jobs have, nil for most: how long to keep it, if not as usual; its options; and `rare`: stalls, deadline, priority,
-- snoozed, next, after, delay, due, saved, blob, untold, counted.
local record = { none = {}, usual = '86400::604800:' }
local STATUSES = { 'blocked', 'waiting', 'delayed', 'active', 'completed', 'failed', 'cancelled' }
local CODES = {}
for code = 1, #STATUSES do CODES[STATUSES[code]] = code end

local function more_of(keep, options, rare)
  options, rare = next(options) and options or false, next(rare) and rare or false
  keep = keep ~= record.usual and keep
  return (keep or options or rare) and { keep, options, rare } or nil
end

function record.pack(j)
  local options, rare, created, started, finished = j.options, j.rare, j.created, j.started, j.finished
  local plain = options == record.none and rare == record.none and j.keep == record.usual
  local more = not plain and more_of(j.keep, options, rare) or nil
  return cmsgpack.pack(CODES[j.status], j.tenant, j.lane, j.entry, j.token, j.attempt, j.attempts, created,
    started > 0 and started - created, finished > 0 and finished - created, j.worker, j.seq, j.size, j.result, j.spot, more)
end

local function fields(id, key, whole, ...)
  local code, tenant, lane, entry, token, attempt, attempts, created, started, finished, worker, seq, size, result, spot,
    more = ...
  local status = whole and spot ~= nil and STATUSES[code]
  return status and { id = id, key = key, status = status, was = status, tenant = tenant, lane = lane, entry = entry,
    token = token, attempt = attempt, attempts = attempts, created = created, started = started and created + started or 0,
    finished = finished and created + finished or 0, worker = worker, seq = seq, size = size, result = result, spot = spot,
    keep = more and more[1] or record.usual, options = more and more[2] or record.none,
    rare = more and more[3] or record.none }
end

-- False for what is no record of ours: the doctor will find it.
function record.unpack(id, key, packed) return fields(id, key, pcall(cmsgpack.unpack, packed)) end

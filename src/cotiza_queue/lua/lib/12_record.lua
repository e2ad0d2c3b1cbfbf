-- A job's record: one packed value. These sixteen in this order; store/record.py reads the same. The status is a code.
-- `spot`: 39_bodies.lua. What a plain job lacks as long as it waits comes after that, and is left out then: all of it in
-- its tenant's line, all but its entry in a lane. `entry` is '' for none, `token` and `worker` (16_by_whom.lua) 0. When it
-- started and finished is told by the ms since it was created, false for neither. `result` is false for none, true if it lies apart.
-- `more` is what few jobs have, nil for most: how long to keep it, if not as usual; its options; and `rare`: stalls,
-- deadline, priority, snoozed, next, after, delay, due, saved, blob, untold, counted.
local NONE, USUAL = {}, '86400::604800:'
local record = { none = NONE, usual = USUAL }
local STATUSES = { 'blocked', 'waiting', 'delayed', 'active', 'completed', 'failed', 'cancelled' }
local CODES = {}
for code = 1, #STATUSES do CODES[STATUSES[code]] = code end

local function more_of(keep, options, rare)
  options, rare = next(options) and options or false, next(rare) and rare or false
  keep = keep ~= USUAL and keep
  return (keep or options or rare) and { keep, options, rare } or nil
end

function record.pack(j)
  local code, options, rare, token, entry, finished = CODES[j.status], j.options, j.rare, j.token, j.entry, j.finished
  local plain = options == NONE and rare == NONE and j.keep == USUAL
  if plain and token == 0 and finished == 0 then
    if entry == '' then return cmsgpack.pack(code, j.tenant, j.lane, j.attempts, j.created, j.seq, j.size, j.spot) end
    return cmsgpack.pack(code, j.tenant, j.lane, j.attempts, j.created, j.seq, j.size, j.spot, entry)
  end
  local started, created, more = j.started, j.created, not plain and more_of(j.keep, options, rare) or nil
  return cmsgpack.pack(code, j.tenant, j.lane, j.attempts, created, j.seq, j.size, j.spot, entry, token, j.attempt,
    started > 0 and started - created, finished > 0 and finished - created, j.worker, j.result, more)
end

local function fields(id, key, field, whole, ...)
  local code, tenant, lane, attempts, created, seq, size, spot, entry, token, attempt, started, finished, worker, result,
    more = ...
  local status = whole and spot ~= nil and STATUSES[code]
  return status and { id = id, key = key, field = field, status = status, was = status, tenant = tenant, lane = lane,
    attempts = attempts, created = created, seq = seq, size = size, spot = spot, token = token or 0, entry = entry or '',
    attempt = attempt or 0, started = started and created + started or 0,
    finished = finished and created + finished or 0, worker = worker or 0, result = result or false,
    keep = more and more[1] or USUAL, options = more and more[2] or NONE,
    rare = more and more[3] or NONE }
end

-- False for what is no record of ours: the doctor will find it.
function record.unpack(id, key, field, packed) return fields(id, key, field, pcall(cmsgpack.unpack, packed)) end

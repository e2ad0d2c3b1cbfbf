-- replay: a failed or cancelled job runs again, same id, fresh attempts; its dead letter is lifted.
-- KEYS     meta
-- ARGS     id tenant ("" for any) by (who asks, or "")
-- RETURNS  ok | not_found | unique_key_taken | the status that forbids it
-- EDGE     failed -> waiting, cancelled -> waiting
-- EMITS    waiting
-- ERRORS   none
-- COST     O(log jobs). A job that retention has removed is made anew from its dead letter.
local function from_letter(q, id, tenant)
  local entry = redis.call('HGET', q.prefix .. 'dead:index', id)
  local found = entry and redis.call('XRANGE', q.prefix .. 'dead', entry, entry)[1]
  if not found then return nil end
  local letter = {}
  for i = 1, #found[2], 2 do letter[found[2][i]] = found[2][i + 1] end
  if tenant ~= '' and letter.tenant ~= tenant then return nil end
  return letter
end

-- True if another job has the unique key now.
local function taken(q, options, id)
  return (unique.holder(q, options) or id) ~= id
end

local function revive(q, id, letter, by)
  local options = letter.options ~= '' and cmsgpack.unpack(letter.options) or {}
  if taken(q, options, id) then return 'unique_key_taken' end
  dead.lift(q, id)
  redis.call('DEL', q.prefix .. 'history:' .. id) -- it begins a life; one that is gone may have left something
  history.note(q, { id = id, status = '' }, 'waiting', 'replay', '', by)
  local n = intake.asked(id, letter.tenant, tonumber(letter.priority), lane.home(tonumber(letter.lane)),
    tonumber(letter.attempts), letter.keep, 0, options)
  n.body = letter.body
  intake.accept(q, n)
  queue.close(q)
  return 'ok'
end

local function replay(keys, args)
  local q = queue.open(keys[1])
  local id, tenant_id = args[1], args[2]
  local j = job.read(q, id)
  if not j then
    local letter = from_letter(q, id, tenant_id)
    return letter and revive(q, id, letter, args[3]) or 'not_found'
  end
  if tenant_id ~= '' and j.tenant ~= tenant_id then return 'not_found' end
  if j.status ~= 'failed' and j.status ~= 'cancelled' then return j.status end
  if taken(q, j.options, id) then return 'unique_key_taken' end
  history.note(q, j, 'waiting', 'replay', '', args[3])
  litter.letter(q, id, dead.lift(q, id))
  ended.leave(q, j.status, ended.moment(q, j), j.seq)
  redis.call('ZREM', q.prefix .. 'newest:' .. j.status .. ':' .. j.tenant, id)
  queue.count(q, j.status, -1)
  queue.count(q, 'kept_bytes', -j.size)
  for _, name in ipairs({ 'stalls', 'snoozed', 'deadline' }) do job.set(q, j, name, nil) end
  job.set(q, j, 'due', q.now)
  j.attempt, j.token, j.finished, j.started, j.worker = 0, queue.tokens(q, 1), 0, 0, by_whom.none
  redis.call('DEL', q.prefix .. 'progress:' .. id)
  intake.place(q, j, lane.home(j.lane), 0)
  event.emit(q, id, j.tenant, 'waiting')
  queue.close(q)
  return 'ok'
end

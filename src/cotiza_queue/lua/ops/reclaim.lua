-- reclaim: jobs whose lease ran out go back before their lane; one that has lost too many workers is the cause, and dies.
-- KEYS     meta
-- ARGS     worker lease_ms max_stalls, then per entry: lane entry (seen silent twice, see stale)
-- RETURNS  [job id, "waiting" or "failed"] per recovered job
-- EDGE     active -> waiting, active -> failed
-- EMITS    stalled, waiting, failed
-- ERRORS   none
-- COST     O(entries); XCLAIM checks once more that the entry is idle
-- FLAGS    allow-oom
local function recover(q, number, entry, id, max_stalls)
  lane.drop(q, number, entry)
  local j = job.read(q, id)
  if not job.stands(j, number, entry) or j.status ~= 'active' then return nil end
  local stalls = (j.rare.stalls or 0) + 1
  job.set(q, j, 'stalls', stalls)
  admission.ended(q, j)
  queue.count(q, 'total_stalled', 1)
  local failure = dead.failure(q, j, 'worker_lost', 'the worker that ran this job stopped answering')
  event.emit(q, id, j.tenant, 'stalled', failure)
  local dies = stalls >= max_stalls
  history.note(q, j, dies and 'failed' or 'waiting', 'reclaim', dies and 'poisoned' or 'worker_lost')
  j.token = queue.tokens(q, 1)
  if dies then
    dead.bury(q, j, dead.failure(q, j, 'poisoned', 'it lost its worker ' .. stalls .. ' times, and is taken for the cause'))
    return { id, 'failed' }
  end
  dead.note(q, id, failure)
  j.attempt = j.attempt - 1
  intake.place(q, j, lane.before(j.lane), 0)
  event.emit(q, id, j.tenant, 'waiting')
  return { id, 'waiting' }
end

local function reclaim(keys, args)
  local q = queue.open(keys[1])
  local worker, lease_ms, max_stalls = args[1], args[2], tonumber(args[3])
  local recovered = {}
  for at = 4, #args, 2 do
    local number, entry = tonumber(args[at]), args[at + 1]
    local claimed = lane.ask(q, number, 'XCLAIM', lane.key(q, number), lane.group, worker, lease_ms, entry)[1]
    if claimed and claimed[2] then
      recovered[#recovered + 1] = recover(q, number, entry, claimed[2][2], max_stalls)
    end
  end
  queue.close(q)
  return recovered
end

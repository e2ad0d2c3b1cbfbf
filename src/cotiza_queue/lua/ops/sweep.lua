-- sweep: after a lost reply, a worker hands back what was delivered to it and it never heard of.
-- KEYS     meta
-- ARGS     worker, then the ids of the jobs that it is running
-- RETURNS  the ids handed back
-- EDGE     active -> waiting
-- EMITS    waiting
-- ERRORS   none
-- COST     O(lanes + entries pending on this worker)
-- FLAGS    allow-oom
local function sweep(keys, args)
  local q = queue.open(keys[1])
  local worker, running, returned = args[1], {}, {}
  for at = 2, #args do running[args[at]] = true end
  for _, number in ipairs(lane.numbers(q)) do
    local pending = lane.pending(q, number, '-', '+', 1000, worker)
    for _, held in ipairs(pending) do
      local found = redis.call('XRANGE', lane.key(q, number), held[1], held[1])[1]
      local j = found and job.read(q, found[2][2])
      if not (j and running[j.id]) then
        lane.drop(q, number, held[1])
        if job.stands(j, number, held[1]) and j.status == 'active' then
          history.note(q, j, 'waiting', 'sweep')
          j.attempt, j.token = j.attempt - 1, queue.tokens(q, 1)
          admission.ended(q, j)
          intake.place(q, j, lane.before(j.lane), 0)
          event.emit(q, j.id, j.tenant, 'waiting')
          returned[#returned + 1] = j.id
        end
      end
    end
  end
  queue.close(q)
  return returned
end

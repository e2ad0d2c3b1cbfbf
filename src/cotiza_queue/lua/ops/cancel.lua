-- cancel: ends a job that has not ended. A running one ends at once; its worker is told and loses the right to write.
-- KEYS     meta
-- ARGS     id tenant ("" for any) by (who asks, or "")
-- RETURNS  ok | not_found | the final status that forbids it
-- EDGE     waiting -> cancelled, delayed -> cancelled, blocked -> cancelled, active -> cancelled
-- EMITS    cancelled
-- ERRORS   none
-- COST     O(log delayed). A waiting job's entry stays in its lane as a tombstone: deleting it would blind the group's lag.
-- FLAGS    allow-oom
local function cancel(keys, args)
  local q = queue.open(keys[1])
  local j = job.read(q, args[1])
  if not j or (args[2] ~= '' and j.tenant ~= args[2]) then return 'not_found' end
  local from = j.status
  if from == 'completed' or from == 'failed' or from == 'cancelled' then return from end
  if from ~= 'active' then
    moving.withdraw(q, j)
  else
    lane.drop(q, j.lane, j.entry)
    admission.ended(q, j)
    redis.call('PUBLISH', q.prefix .. 'wake', 'cancel ' .. j.id .. ' ' .. string.format('%.0f', j.token))
  end
  history.note(q, j, 'cancelled', 'cancel', '', args[3])
  if from == 'active' then j.token = queue.tokens(q, 1) end
  job.finish(q, j, 'cancelled')
  queue.close(q)
  return 'ok'
end

-- What becomes of a running job: one function for each kind of outcome. If the job fails for good instead of what was
-- asked, the answer is the code of that failure.
local settle = {}

-- value: result, extra: run_ms
function settle.complete(q, j, result, run_ms)
  job.store(q, j, result)
  queue.count(q, 'total_run_ms', tonumber(run_ms))
  queue.count(q, 'run:' .. math.floor(4 * math.log(tonumber(run_ms) + 1) / math.log(2)), 1)
  job.finish(q, j, 'completed')
end

-- Due again after a span, at least a millisecond, so that it always passes through the delayed; unless that is past
-- the job's deadline.
local function again_after(q, j, cause, delay_ms, data)
  local delay = math.max(1, tonumber(delay_ms))
  if j.deadline ~= '' and q.now + delay > tonumber(j.deadline) then
    history.note(q, j, 'failed', 'deadline', 'deadline_exceeded')
    dead.bury(q, j, dead.failure(q, j, 'deadline_exceeded', 'its next attempt would have come after its deadline'))
    return 'deadline_exceeded'
  end
  history.note(q, j, 'delayed', cause, cause == 'retry' and history.code(data))
  intake.place(q, j, lane.home(j.lane), delay)
  event.emit(q, j.id, j.tenant, 'delayed', data)
end

-- value: failure, extra: delay_ms
function settle.retry(q, j, failure, delay_ms)
  dead.note(q, j.id, failure)
  queue.count(q, 'total_retried', 1)
  return again_after(q, j, 'retry', delay_ms, failure)
end

-- value: {"reason"}, extra: delay_ms. It costs no attempt.
function settle.snooze(q, j, reason, delay_ms)
  redis.call('HINCRBY', q.prefix .. 'job:' .. j.id, 'attempt', -1)
  redis.call('HINCRBY', q.prefix .. 'job:' .. j.id, 'snoozed', 1)
  return again_after(q, j, 'snooze', delay_ms, reason)
end

-- value: failure
function settle.fail(q, j, failure)
  history.note(q, j, 'failed', 'fail', history.code(failure))
  dead.bury(q, j, failure)
end

-- value: failure, why nobody needs the job any more. No dead letter.
function settle.discard(q, j, failure)
  history.note(q, j, 'cancelled', 'discard', history.code(failure))
  dead.note(q, j.id, failure)
  job.finish(q, j, 'cancelled', failure)
end

-- `hold` (value: tenant | queue, extra: ms) is sent before the outcome itself, and ends nothing: see 76_fence.lua.
function settle.release(q, j)
  history.note(q, j, 'waiting', 'release')
  redis.call('HINCRBY', q.prefix .. 'job:' .. j.id, 'attempt', -1)
  intake.place(q, j, lane.before(j.lane), 0)
  event.emit(q, j.id, j.tenant, 'waiting')
end

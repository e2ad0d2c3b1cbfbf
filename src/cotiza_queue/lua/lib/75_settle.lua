-- What becomes of a running job, by the kind of outcome. If it fails for good instead, the answer is that code.
local settle = { fields = 6, delays = { retry = true, snooze = true } }

-- value: result, extra: run_ms
function settle.complete(q, j, result, run_ms)
  job.store(q, j, result)
  queue.count_run(q, run_ms)
  job.finish(q, j, 'completed')
end

-- Due again after a span, at least a millisecond, so that it always passes through the delayed; unless that is past
-- the job's deadline.
local function again_after(q, j, cause, delay_ms, data)
  local delay, spared = math.max(1, delay_ms), cause == 'snooze' and 1 or 0
  if j.rare.deadline and q.now + delay > j.rare.deadline then
    history.note(q, j, 'failed', 'deadline', 'deadline_exceeded')
    local failure = dead.failure(q, j, 'deadline_exceeded', 'its next attempt would have come after its deadline')
    j.attempt = j.attempt - spared
    dead.bury(q, j, failure)
    return 'deadline_exceeded'
  end
  history.note(q, j, 'delayed', cause, cause == 'retry' and history.code(data))
  j.attempt = j.attempt - spared
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
  job.set(q, j, 'snoozed', (j.rare.snoozed or 0) + 1)
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
  j.attempt = j.attempt - 1
  intake.place(q, j, lane.before(j.lane), 0)
  event.emit(q, j.id, j.tenant, 'waiting')
end

-- turn: settles finished attempts and takes the next jobs, in one round trip.
-- KEYS     meta
-- ARGS     worker want, then per outcome: kind id token value extra notice
--          kind complete (value: result, extra: run_ms) | retry (value: failure, extra: delay_ms) | fail (value: failure) | release
--          | hold (value: tenant | queue, extra: ms): nothing of that starts for so long; sent before the outcome itself
-- RETURNS  [now_ms, next_due_ms or "", [ok | again | lost per outcome], [id token attempt stalls created tenant body deadline per job]]
-- EDGE     waiting -> active, active -> completed, active -> failed, active -> delayed, active -> waiting
-- EMITS    active, completed, failed, delayed, waiting, stalled
-- ERRORS   none: a stale token is answered with lost and changes nothing; a repeated outcome with again
-- COST     O(outcomes + want + promoted), each at most a page
-- FLAGS    allow-oom
local settle = {}

function settle.complete(q, j, result, run_ms)
  redis.call('SET', q.prefix .. 'result:' .. j.id, result)
  queue.count(q, 'total_run_ms', tonumber(run_ms))
  queue.count(q, 'run:' .. math.floor(4 * math.log(tonumber(run_ms) + 1) / math.log(2)), 1)
  job.finish(q, j, 'completed')
end

function settle.retry(q, j, failure, delay_ms)
  dead.note(q, j.id, failure)
  queue.count(q, 'total_retried', 1)
  -- At least a millisecond, so that a retry always passes through the delayed.
  intake.place(q, j, lane.home(j.lane), math.max(1, tonumber(delay_ms)))
  event.emit(q, j.id, j.tenant, 'delayed', failure)
end

function settle.fail(q, j, failure)
  dead.bury(q, j, failure)
end

function settle.release(q, j)
  redis.call('HINCRBY', q.prefix .. 'job:' .. j.id, 'attempt', -1)
  intake.place(q, j, lane.before(j.lane), 0)
  event.emit(q, j.id, j.tenant, 'waiting')
end

local function settle_one(q, kind, id, token, value, extra, notice)
  local j = job.read(q, id)
  if not j or j.token ~= token then
    queue.count(q, 'total_refused', 1)
    return 'lost'
  end
  if j.status ~= 'active' then return 'again' end
  if kind == 'hold' then
    hold.begin(q, j, value, extra)
    return 'ok'
  end
  lane.drop(q, j.lane, j.entry)
  admission.ended(q, j)
  if notice ~= '' then event.emit(q, id, j.tenant, notice, value) end
  settle[kind](q, j, value, extra)
  return 'ok'
end

local function soonest(...)
  local least = ''
  for i = 1, select('#', ...) do
    local moment = tonumber((select(i, ...)))
    if moment and (least == '' or moment < least) then least = moment end
  end
  return least
end

local function turn(keys, args)
  local q = queue.open(keys[1])
  local answers = {}
  for at = 3, #args, 6 do
    answers[#answers + 1] = settle_one(q, unpack(args, at, at + 5))
  end
  local resume_at = admission.resume(q)
  local next_due = delayed.promote(q)
  local taken, rate_at = delivery.take(q, args[1], tonumber(args[2]))
  queue.close(q)
  return { q.now, soonest(next_due, resume_at, rate_at), answers, taken }
end

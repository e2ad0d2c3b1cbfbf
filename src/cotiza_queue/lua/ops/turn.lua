-- turn: settles finished attempts and takes the next jobs, in one round trip.
-- KEYS     meta
-- ARGS     worker want version (of payloads, the newest that it knows), then per outcome: kind id token value extra notice
--          kinds, with value and extra: see lib/75_settle.lua
-- RETURNS  [now_ms, next_due_ms or "", [ok | again | lost | the code that the job failed with instead, per outcome],
--          [id token attempt stalls created tenant body deadline snoozed saved per job]]
-- EDGE     waiting -> active, waiting -> failed, active -> completed, active -> failed, active -> delayed, active -> waiting,
--          active -> cancelled
-- EMITS    active, completed, failed, delayed, waiting, cancelled, stalled
-- ERRORS   none: a stale token is answered with lost and changes nothing; a repeated outcome with again
-- COST     O(outcomes + want + promoted), each at most a page
-- FLAGS    allow-oom
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
  q.version = tonumber(args[3])
  for at = 4, #args, 6 do
    answers[#answers + 1] = settle.one(q, unpack(args, at, at + 5))
  end
  local resume_at = admission.resume(q)
  local next_due = delayed.promote(q)
  local taken, rate_at = delivery.take(q, args[1], tonumber(args[2]))
  queue.close(q)
  return { q.now, soonest(next_due, resume_at, rate_at), answers, taken }
end

-- turn: settles finished attempts and takes the next jobs, in one round trip.
-- KEYS     meta
-- ARGS     worker want version (of payloads, the newest that it knows), outcomes: one packed list ("" for none) of
--          kind id token value extra notice per outcome; kinds, with value and extra: see lib/75_settle.lua
-- RETURNS  [now_ms, next_due_ms or "", [place, again | lost | the code that the job failed with instead; per outcome
--          that was not just settled], [id token attempt stalls created tenant deadline snoozed saved body per job]]
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

local function told(q, taken)
  local bodies, keys, out = {}, {}, {}
  for i, j in ipairs(taken) do keys[i] = q.prefix .. 'body:' .. j.id end
  if #keys > 0 then bodies = redis.call('MGET', unpack(keys)) end
  for i, j in ipairs(taken) do
    local n, rare = #out, j.rare
    out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = j.id, j.token, j.attempt, rare.stalls or 0, j.created
    out[n + 6], out[n + 7], out[n + 8], out[n + 9] = j.tenant, rare.deadline or '', rare.snoozed or 0, rare.saved or 0
    out[n + 10] = bodies[i] or ''
  end
  return out
end

local function turn(keys, args)
  local q = queue.open(keys[1])
  q.version = tonumber(args[3])
  local answers = args[4] == '' and {} or settle.all(q, cmsgpack.unpack(args[4]))
  local resume_at = admission.resume(q)
  local next_due = delayed.promote(q)
  local taken, rate_at = delivery.take(q, args[1], tonumber(args[2]))
  queue.close(q)
  return { q.now, soonest(next_due, resume_at, rate_at), answers, told(q, taken) }
end

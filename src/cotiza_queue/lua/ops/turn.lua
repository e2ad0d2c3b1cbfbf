-- turn: settles finished attempts and takes the next jobs, in one round trip.
-- KEYS     meta
-- ARGS     worker, want, version (of payloads, the newest that it knows), heard ("" if it can't be on standby, else the
--          token of the job that it was handed, 0 for none), idle ("" or 1: if nothing comes it is on standby from now
--          on; 59_standby.lua), outcomes: one packed list ("" for none) of
--          kind id token value extra notice per outcome; kinds, with value and extra: see lib/75_settle.lua
-- RETURNS  [now_ms, next_due_ms or "", [place, again | lost | the code that the job failed with instead; per outcome
--          that was not just settled], [id token attempt created tenant body rare per job]]; rare: "" for most, or a
--          packed list of stalls deadline (0 for none) snoozed saved
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

local function told_rarely(rare)
  if rare == record.none then return '' end
  return cmsgpack.pack({ rare.stalls or 0, rare.deadline or 0, rare.snoozed or 0, rare.saved or 0 })
end

local function told(q, taken)
  local found, out, n = bodies.all(q, taken), {}, 0
  for i = 1, #taken do
    local j = taken[i]
    out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = j.id, j.token, j.attempt, j.created, j.tenant
    out[n + 6], out[n + 7] = found[i], told_rarely(j.rare)
    n = n + 7
  end
  return out
end

local function turn(keys, args)
  local q = queue.look(keys[1])
  inbox.empty(q)
  q.version = tonumber(args[3])
  local answers = args[6] == '' and {} or settle.all(q, cmsgpack.unpack(args[6]))
  local resume_at = admission.resume(q)
  local next_due = delayed.promote(q)
  local handed = args[4] ~= '' and standby.finish(q, args[1], tonumber(args[4]))
  local taken, rate_at = delivery.take(q, args[1], tonumber(args[2]) - (handed and 1 or 0))
  if handed then taken[#taken + 1] = handed end
  if args[5] ~= '' and #taken == 0 then standby.begin(q, args[1]) end
  queue.close(q)
  return { q.now, soonest(next_due, resume_at, rate_at), answers, told(q, taken) }
end

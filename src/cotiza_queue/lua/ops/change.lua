-- change: a job that has not started gets another body, lane or moment. A take that is first wins.
-- KEYS     meta
-- ARGS     id, tenant ("" for any), sha1 of the body that the caller has read ("" without a new one), new body,
--          priority ("" as it is), lane, delay_ms ("" as it is, "now": at once, blocked or not),
--          1 if the payload is another, so that what attempts have saved is worth nothing, by (who asks, or "")
-- RETURNS  [ok, status before, status now], or [not_found | changed (the body is another by now) | the status that forbids it]
-- EDGE     waiting -> delayed, delayed -> waiting, blocked -> waiting
-- EMITS    waiting, delayed
-- ERRORS   none
-- COST     O(log delayed)
local function to_moment(q, j, number, delay, by)
  if delay == '' then return moving.to_lane(q, j, number) end
  if j.status == 'blocked' and delay ~= 'now' then
    job.set(q, j, 'delay', tonumber(delay))
    return moving.to_lane(q, j, number)
  end
  delay = tonumber(delay) or 0
  if j.status == 'waiting' and delay == 0 then return moving.to_lane(q, j, number) end
  moving.place(q, j, number, delay, by)
end

local function change(keys, args)
  local q = queue.open(keys[1])
  local id, tenant_id, sha, body, priority, number, delay, fresh, by = unpack(args)
  local j = job.read(q, id)
  if not j or (tenant_id ~= '' and j.tenant ~= tenant_id) then return { 'not_found' } end
  if j.status ~= 'waiting' and j.status ~= 'delayed' and j.status ~= 'blocked' then return { j.status } end
  local before = j.status
  if sha ~= '' then
    if redis.sha1hex(bodies.of(q, j)) ~= sha then return { 'changed' } end
    job.carry(q, j, body)
    job.touch(q, j)
  end
  if fresh == '1' then checkpoint.forget(q, j) end
  if priority ~= '' then job.set(q, j, 'priority', tonumber(priority)) end
  to_moment(q, j, priority == '' and lane.home(j.lane) or tonumber(number), delay, by)
  queue.close(q)
  return { 'ok', before, j.status }
end

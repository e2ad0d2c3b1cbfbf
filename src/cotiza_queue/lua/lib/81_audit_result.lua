-- The audit of results.
-- A result lies apart if the record says so, and only then.
function audit.result(q, j)
  local apart = audit.exists(q, 'result:' .. j.id)
  if apart == (j.result == true) then return end
  audit.say(q, 'result', j.id, apart and 'one that its record does not know' or 'its result is gone')
  if not q.fix then return end
  redis.call('DEL', q.prefix .. 'result:' .. j.id)
  if not apart then
    j.result = false
    job.touch(q, j)
  end
end

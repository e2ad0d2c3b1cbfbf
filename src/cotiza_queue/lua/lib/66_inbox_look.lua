-- A job, or nil, for a call that writes nothing. One that the server would not let us place is not said to be nowhere.
function inbox.look(q, id)
  local j = job.read(q, id)
  local list = j and {} or redis.call('LRANGE', q.prefix .. 'inbox', 0, -1)
  for at = 2, #list, inbox.fields do
    if string.find(list[at], id, 1, true) then error({ err = 'TRYAGAIN the job has come, and has no place yet' }) end
  end
  return j
end

-- The audit of where records lie (11_run.lua).

-- Is there a record of that id, be it what it may?
function audit.recorded(q, id)
  local name, field = run.of(id)
  return run.ask('HEXISTS', q.prefix .. name, field) == 1
end

-- The ids that some hashes name. A field that is no id's there is nobody's.
function audit.recorded_in(q, names)
  local ids = {}
  for _, name in ipairs(names) do
    for _, field in ipairs(run.ask('HKEYS', q.prefix .. name)) do
      local id = name .. field
      local home, its = run.of(id)
      if home == name and its == field then
        ids[#ids + 1] = id
      else
        audit.say(q, 'broken_job', id, 'its record lies where nobody looks for it')
        if q.fix then redis.call('HDEL', q.prefix .. name, field) end
      end
    end
  end
  return ids
end

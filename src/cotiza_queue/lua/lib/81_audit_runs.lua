-- The audit of where records lie (11_run.lua).

-- Is there a record of that id, be it what it may?
function audit.recorded(q, id)
  local name, field = run.of(id)
  return run.ask('HEXISTS', q.prefix .. name, field) == 1
end

-- The ids that a hash names, beside workers. A field that is no id's there is nobody's. False if there are workers alone.
local function named_by(q, name, ids)
  local fields, jobs = run.ask('HKEYS', q.prefix .. name), false
  for _, field in ipairs(fields) do
    local home, its = run.of(name .. field)
    local a_jobs = run.of_job(field)
    jobs = jobs or a_jobs
    if a_jobs and home == name and its == field then
      ids[#ids + 1] = name .. field
    elseif a_jobs then
      audit.say(q, 'broken_job', name .. field, 'its record lies where nobody looks for it')
      if q.fix then redis.call('HDEL', q.prefix .. name, field) end
    end
  end
  return #fields == 0 or jobs
end

-- Those that some hashes name.
function audit.recorded_in(q, names)
  local ids = {}
  for _, name in ipairs(names) do
    if not named_by(q, name, ids) then
      audit.say(q, 'orphan', name, 'records of no job')
      if q.fix then redis.call('DEL', q.prefix .. name) end
    end
  end
  return ids
end

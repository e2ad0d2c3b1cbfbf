-- The audit of jobs, page by page: what a job is made of, then its places.
local STATUSES = { waiting = true, active = true, delayed = true, blocked = true, completed = true, failed = true,
  cancelled = true }

local function fault_of(q, id, j)
  if not j or not STATUSES[j.status] then return 'its record can\'t be read' end
  if not audit.has_body(q, j) then return 'its payload is gone' end
end

-- What can't be run or shown any more is removed. What names it elsewhere is found there.
local function broken(q, id, j)
  local fault = fault_of(q, id, j)
  if not fault then return false end
  audit.say(q, 'broken_job', id, fault)
  if not q.fix then return true end
  if j and STATUSES[j.status] then
    if j.entry ~= '' then lane.drop(q, j.lane, j.entry) end
    redis.call('ZREM', q.prefix .. 'delayed', id)
    job.remove(q, j)
  else
    job.drop(q, id)
  end
  return true
end

-- Jobs: names of hashes of records; `runs` if there may be many in each. Beside findings, "?line" rows name the jobs that
-- must stand in their tenant's line, which is read later.
function audit.jobs(q, names)
  local ids = audit.recorded_in(q, names)
  if #ids <= late.page then job.fetch(q, ids) end -- more are not ours, and more than Lua can pass at once
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    if not broken(q, id, j) then
      audit.given(q, j)
      audit.place(q, 'delayed', 'delayed', id, j.status == 'delayed' and (j.rare.due or q.now))
      audit.indexed(q, j)
      audit.retention(q, j)
      audit.standing(q, j)
      audit.result(q, j)
    end
  end
end

audit.runs = audit.jobs

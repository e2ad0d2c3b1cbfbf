-- The jobs that a call works on: each is read once, and written once, at its end, however often the call changes it.
-- Ids are as store/ids.py makes them; a job's record lies under its id.
local job = {}

-- Reads a page of jobs at once; what was read before stays as it is. `q.jobs` has jobs by their ids, false for none.
function job.fetch(q, ids)
  local jobs, prefix, keys, wanted, n = q.jobs, q.prefix, {}, {}, 0
  for i = 1, #ids do
    local id = ids[i]
    if jobs[id] == nil then
      n = n + 1
      keys[n], wanted[n], jobs[id] = prefix .. id, id, false
    end
  end
  local values = queue.values(keys)
  for i = 1, n do
    local id, packed = wanted[i], values[i]
    if packed then jobs[id] = record.unpack(id, keys[i], packed) end
  end
end

-- A job as this call knows it, or nil.
function job.read(q, id)
  if q.jobs[id] == nil then job.fetch(q, { id }) end
  return q.jobs[id] or nil
end

-- The job if it is active and the token is the one it is held by.
function job.held(q, id, token)
  local j = job.read(q, id)
  return j and j.status == 'active' and j.token == tonumber(token) and j or nil
end

-- Since when a waiting job may start.
function job.waits_since(j) return math.max(j.created, j.rare.due or 0) end

-- True if the entry is the one that stands for the job now: entry ids of two lanes may be alike.
function job.stands(j, number, entry) return j and j.entry == entry and j.lane == number end

-- The jobs that a call works on: each is read once, and written once, at its end, however often the call changes it.
-- Ids are as store/ids.py makes them; where records lie: 11_run.lua.
local job = {}

-- Those of some ids that the call does not know yet, by the hashes that have them: [ids, fields, name] each. From now on
-- it knows of none that any of them is there.
local function unknown(jobs, ids)
  local rows, n, last, its_ids, its_fields, at = {}, 0, nil, nil, nil, 0
  for i = 1, #ids do
    local id = ids[i]
    if jobs[id] == nil then
      local name, field = run.of(id)
      if name ~= last then
        local row = rows[name]
        if not row then
          row, n = { {}, {}, name }, n + 1
          rows[name], rows[n] = row, row
        end
        last, its_ids, its_fields, at = name, row[1], row[2], #row[1]
      end
      at = at + 1
      jobs[id], its_ids[at], its_fields[at] = false, id, field
    end
  end
  return rows
end

-- Reads a page of jobs at once; what was read before stays as it is. `q.jobs` has jobs by their ids, false for none.
function job.fetch(q, ids)
  local jobs, rows = q.jobs, unknown(q.jobs, ids)
  for n = 1, #rows do
    local its_ids, fields, key = rows[n][1], rows[n][2], q.prefix .. rows[n][3]
    local values = run.ask('HMGET', key, unpack(fields))
    for i = 1, #values do
      local packed = values[i]
      if packed then
        local id = its_ids[i]
        jobs[id] = record.unpack(id, key, fields[i], packed)
      end
    end
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

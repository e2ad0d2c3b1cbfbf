-- What a call changes of jobs: noted as it goes, written at its end.

-- It was changed.
function job.touch(q, j)
  if j.touched then return end
  j.touched = true
  q.touched[#q.touched + 1] = j
end

-- Sets what few jobs have, or takes it away.
function job.set(q, j, name, value)
  if j.rare == record.none then j.rare = {} end
  j.rare[name] = value
  job.touch(q, j)
end

function job.create(q, j)
  q.jobs[j.id] = j
  job.touch(q, j)
end

-- Its body, which goes out with the records (39_bodies.lua); the last one counts.
function job.carry(q, j, body)
  j.body, j.size = body, #body
  if j.carries then return end
  j.carries = true
  q.carried[#q.carried + 1] = j
end

-- Its record goes.
function job.drop(q, id)
  local name, field = run.of(id)
  local fields = q.dropped[name] or {}
  q.dropped[name], fields[#fields + 1] = fields, field
end

-- Those that go first: an id may have been given anew.
function job.flush(q)
  for name, fields in pairs(q.dropped) do run.drop(q.prefix .. name, fields) end
  local rows, keys, touched, workers, key, row, n, told = {}, {}, q.touched, q.workers, nil, nil, 0, nil
  for i = 1, #touched do
    local j = touched[i]
    if not j.gone then
      if j.key ~= key then
        key = j.key
        row = rows[key]
        if not row then row, keys[#keys + 1] = {}, key end
        rows[key], n, told = row, #row, nil
      end
      row[n + 1], row[n + 2] = j.field, record.pack(j)
      n = n + 2
      local worker = j.worker
      if worker ~= told and workers[worker] then
        row[n + 1], row[n + 2] = by_whom.field(worker), workers[worker]
        n, told = n + 2, worker
      end
    end
  end
  for i = 1, #keys do run.write(keys[i], rows[keys[i]]) end
end

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

function job.flush(q)
  local writes, touched = q.writes, q.touched
  local n = #writes
  for i = 1, #touched do
    local j = touched[i]
    if not j.gone then
      writes[n + 1], writes[n + 2] = j.key, record.pack(j)
      n = n + 2
    end
  end
end

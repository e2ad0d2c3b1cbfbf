-- Large payloads are shared by a job and its dead letter: what one of them lets go stays for as long as the other needs
-- it. The two may be of different lives of a job id, and then have different payloads.

-- A job is removed.
function litter.job(q, j)
  litter.add(q, j.blob)
  local name = j.options and j.options.blob
  if not name then return end
  local letter = dead.read(q, j.id)
  if not letter or job.options(dead.packed(letter)).blob ~= name then litter.add(q, name) end
end

-- A dead letter is gone.
function litter.letter(q, id, letter)
  local name = letter and job.options(dead.packed(letter)).blob
  if not name then return end
  local packed = redis.call('HGET', q.prefix .. 'job:' .. id, 'options')
  if not packed or job.options(packed).blob ~= name then litter.add(q, name) end
end

-- Large payloads are shared by a job and its dead letter: what one of them lets go stays for as long as the other needs
-- it. The two may be of different lives of a job id, and then have different payloads.

-- A job is removed.
function litter.job(q, j)
  litter.add(q, j.rare and j.rare.blob)
  local name = j.options and j.options.blob
  if not name then return end
  local letter = dead.read(q, j.id)
  if not letter or dead.options(letter).blob ~= name then litter.add(q, name) end
end

-- A dead letter is gone.
function litter.letter(q, id, letter)
  local name = letter and dead.options(letter).blob
  if not name then return end
  local j = job.read(q, id)
  if not j or j.options.blob ~= name then litter.add(q, name) end
end

-- What has happened to a job: a list of packed entries, each a change of status that the hash does not tell by itself.
-- The hash is the open chapter: created, and of an active or completed job when it started, by whom, and when it ended.
-- So a plain job writes none. An entry that leaves `active` closes that chapter, and carries it.
local history = { kept = 200, code_bytes = 200 }

-- The code of a failure, which we encode with `{"code":"` in front: what stands between the quotes of a JSON string.
function history.code(failure)
  local unescaped = string.gsub(failure, '\\.', '  ')
  local last = string.find(unescaped, '"', 10, true) or 10
  return string.sub(failure, 10, math.min(last - 1, 9 + history.code_bytes))
end

-- Called before the job has its new status. `by`: who asked for it, if somebody did.
function history.note(q, j, to, cause, code, by)
  local key = q.prefix .. 'history:' .. j.id
  local chapter = j.status == 'active'
  local n = redis.call('RPUSH', key, cmsgpack.pack({ q.now, j.status, to, cause, code or '', by or '',
    chapter and j.started or 0, chapter and by_whom.name(q, j) or '', chapter and j.token or 0, chapter and j.attempt or 0 }))
  if n <= history.kept then return end
  redis.call('LTRIM', key, -history.kept, -1)
  job.set(q, j, 'untold', (j.rare.untold or 0) + n - history.kept)
end

-- Which jobs are to go, by the members of `ended:<status>`.

-- The ids of a member's jobs, and if `seqs` is given their places.
local function jobs_of(q, member, ids, seqs)
  for place, bits in bundle.each(member) do blocks.ids(q, tonumber(place, 16), tonumber(bits, 16), ids, seqs) end
end

-- The first `n` of a status that come after `skip` others: [id, moment, place] each. What this very call has removed is still
-- among them.
function ended.oldest(q, status, skip, n)
  local rows, first, key = {}, 0, ended.key(q, status)
  while #rows < n do
    local found = redis.call('ZRANGE', key, first, first + ended.page - 1, 'WITHSCORES')
    for i = 1, #found, 2 do
      local ids, seqs = {}, {}
      jobs_of(q, found[i], ids, seqs)
      for k, id in ipairs(ids) do
        if skip <= 0 and #rows < n then rows[#rows + 1] = { id, tonumber(found[i + 1]), seqs[k] } end
        skip = skip - 1
      end
    end
    if #found < 2 * ended.page then break end
    first = first + ended.page
  end
  return rows
end

-- Takes out members that are due, whole, until these are at least `n` jobs. Returns their ids.
function ended.expire(q, status, n)
  local ids, first, key = {}, 0, ended.key(q, status)
  while #ids < n do
    local due = redis.call('ZRANGEBYSCORE', key, '-inf', q.now, 'LIMIT', first, ended.page)
    for _, member in ipairs(due) do
      if #ids >= n then return ids end
      late.zrem(q, key, member)
      jobs_of(q, member, ids)
    end
    if #due < ended.page then break end
    first = first + ended.page
  end
  return ids
end

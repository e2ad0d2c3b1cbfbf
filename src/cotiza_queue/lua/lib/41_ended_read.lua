-- Reading the ended jobs in the order in which they go, and letting those go that are due.

-- The first `n` of a status that come after `skip` others: [id, moment] each. What this very call has removed is still
-- among them.
function ended.oldest(q, status, skip, n)
  local rows, first, key = {}, 0, ended.key(q, status)
  while #rows < n do
    local found = redis.call('ZRANGE', key, first, first + ended.page - 1, 'WITHSCORES')
    for i = 1, #found, 2 do
      for id in string.gmatch(found[i], '%S+') do
        if skip <= 0 and #rows < n then rows[#rows + 1] = { id, tonumber(found[i + 1]) } end
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
      for id in string.gmatch(member, '%S+') do ids[#ids + 1] = id end
    end
    if #due < ended.page then break end
    first = first + ended.page
  end
  return ids
end

-- When ended jobs are to go: `ended:<status>`, a sorted set by that moment, with those in one member that a call ends
-- alike and that go at the same moment (16_bundle.lua). Read in the order in which they go.
local ended = { page = 20 }

-- For how long, in ms, a job that ended so is kept, and how many of its like.
function ended.keep_of(q, j, status)
  local k = q.keeps[j.keep]
  if not k then
    k = { string.match(j.keep, '^(%d*):(%d*):(%d*):(%d*)$') }
    for i = 1, 4 do k[i] = tonumber(k[i]) or false end
    q.keeps[j.keep] = k
  end
  if status == 'completed' then return (k[1] or 0) * 1000, k[2] end
  return (k[3] or 0) * 1000, k[4]
end

-- The moment at which an ended job is to go.
function ended.moment(q, j) return j.finished + (ended.keep_of(q, j, j.status)) end

function ended.key(q, status)
  q.ends[status] = q.ends[status] or q.prefix .. 'ended:' .. status
  return q.ends[status]
end

function ended.enter(q, status, moment, id) bundle.enter(q, ended.key(q, status), moment, id) end
function ended.leave(q, status, moment, id) bundle.leave(q, ended.key(q, status), moment, id) end

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

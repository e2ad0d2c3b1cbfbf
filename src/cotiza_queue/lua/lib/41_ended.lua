-- When ended jobs are to go: `ended:<status>`, a sorted set by that moment, with those in one member that a call ends
-- alike and that go at the same moment (38_bundle.lua). Read in the order in which they go.
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

-- Some of a block's jobs.
function ended.enter(q, status, moment, place, bits) bundle.enter(q, ended.key(q, status), moment, place, bits) end

-- The job at a place in the order of coming.
function ended.leave(q, status, moment, seq)
  bundle.leave(q, ended.key(q, status), moment, index.block_of(seq), marks.bits[seq % index.block])
end

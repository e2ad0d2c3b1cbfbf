-- Those that follow a page of a lane's entries: for each of these the next one of its tenant, in their order. They go
-- from the line to the lane unread. The entry names its tenant besides (`of`), and counts for it until it is read; it
-- stands for its job if that still waits in this lane and its record names no entry.

-- Takes the first of a line if there is room for it.
local function next_of(q, t, number)
  if (t[-number] or 0) <= 0 or tenant.room(q, t, number) <= 0 then return nil end
  tenant.count(t, -number, -1)
  local id = head.pop(t, number)
  if id then return id end
  backlog.flush(q, t, number)
  return redis.call('LPOP', backlog.key(q, t, number))
end

-- `take.followed`: whose each entry was.
function backlog.follow(q, number, take)
  for i = 1, #take.followed do
    local t = take.followed[i]
    local id = next_of(q, t, number)
    if id then
      tenant.count(t, number, 1)
      lane.push(q, id, number, t.name)
    end
  end
  take.followed = {}
end

-- Whether an entry stands for its job, though the job's record does not name it.
function backlog.unread(j, number, read) return read[2][1] ~= '/' and backlog.has(j, number) end

-- The jobs, by id, for which entries of a lane stand so that nobody has read, of the first `most` entries; and whether
-- there are more.
function backlog.all_unread(q, number, most)
  local key, ids = lane.key(q, number), {}
  local entries = redis.call('XRANGE', key, '(' .. lane.delivered(q, number), '+', 'COUNT', most + 1)
  for i = 1, math.min(#entries, most) do
    local read = entries[i]
    if lane.of(read) then ids[read[2][2]] = true end
  end
  return { ids = ids, more = #entries > most }
end

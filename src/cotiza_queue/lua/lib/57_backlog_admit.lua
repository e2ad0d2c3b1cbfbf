-- Admission: what a tenant's line has goes to its lane as there is room.

-- Those from `first` on stay at the head of the line.
local function put_back(q, t, number, ids, first)
  local rest = {}
  for i = #ids, first, -1 do rest[#rest + 1] = ids[i] end
  redis.call('LPUSH', backlog.key(q, t, number), unpack(rest))
  tenant.count(t, -number, #rest)
end

-- Whether a job waits for that lane, and its record names no entry there.
function backlog.has(j, number) return j and j.status == 'waiting' and j.entry == '' and j.lane == number end

-- Admits as many as that, but more than `room` only as long as these take no more than `bytes`. A job cancelled
-- meanwhile, or admitted already, is passed over. Returns the bytes that are left.
local function admit(q, t, number, n, room, bytes)
  backlog.gather(q, t, number)
  local ids = redis.call('LPOP', backlog.key(q, t, number), n) or {}
  tenant.count(t, -number, -n)
  job.fetch(q, ids)
  local jobs, entered = q.jobs, 0
  for i = 1, #ids do
    local id = ids[i]
    local j = jobs[id]
    if backlog.has(j, number) then
      if entered >= room and bytes <= 0 then
        put_back(q, t, number, ids, i)
        break
      end
      if entered >= room then bytes = bytes - j.size end
      j.entry = lane.push(q, id, number)
      job.touch(q, j)
      entered = entered + 1
    end
  end
  tenant.count(t, number, entered)
  return bytes
end

-- How many of the line may go.
local function due(q, t, number, extra)
  local room = tenant.room(q, t, number, extra)
  return room > 0 and math.min(room, t[-number] or 0) or 0
end

-- Admits what there is room for, and `extra` more, of about so many `bytes`, that the caller takes at once.
function backlog.admit(q, t, number, extra, bytes)
  extra = extra and bytes > 0 and extra or 0
  local n, left = due(q, t, number, extra), backlog.page + extra
  while n > 0 and left > 0 do
    local room = extra > 0 and tenant.room(q, t, number) or n
    bytes = admit(q, t, number, math.min(n, left), room, bytes)
    left = left - n
    n = due(q, t, number, extra > 0 and bytes > 0 and extra or 0)
  end
  -- A page of cancelled jobs was not the end of the line: the next turn goes on.
  if n > 0 and due(q, t, number) > 0 then
    redis.call('ZADD', q.prefix .. 'put_off', 0, t.name)
  end
end

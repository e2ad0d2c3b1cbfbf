-- A tenant's waiting jobs that its lane has no room for yet: a line for each lane, the oldest first.
local backlog = { page = 100 }

function backlog.key(q, t, number) return q.prefix .. 'backlog:' .. number .. ':' .. t.name end

-- What comes to the end of a line is written in one go, before the line is read and at the end of the call.
function backlog.flush(q, t, number)
  local ids = q.lines[number] and q.lines[number][t]
  if not ids then return end
  local key = backlog.key(q, t, number)
  for first = 1, #ids, 1000 do redis.call('RPUSH', key, unpack(ids, first, math.min(first + 999, #ids))) end
  q.lines[number][t] = nil
end

function backlog.flush_all(q)
  for number, lines in pairs(q.lines) do
    for t in pairs(lines) do backlog.flush(q, t, number) end
  end
end

-- To the end of the line. A line that outgrows the record goes to its list.
function backlog.append(q, t, id, number)
  local lines = q.lines[number]
  local ids = lines and lines[t]
  if ids then
    ids[#ids + 1] = id
  elseif not head.add(t, number, id) then
    ids = head.take(t, number)
    ids[#ids + 1] = id
    q.lines[number] = lines or {}
    q.lines[number][t] = ids
  end
  tenant.count(t, -number, 1)
  return ''
end

-- What was read from a lane but may not start now goes to the head of the line again.
function backlog.give_back(q, t, j, number)
  backlog.gather(q, t, number)
  redis.call('LPUSH', backlog.key(q, t, number), j.id)
  j.lane, j.entry = number, ''
  job.touch(q, j)
  tenant.count(t, -number, 1)
end

-- A job that comes in: into the lane if there is room for it, else to the end of its tenant's line.
function backlog.stand(q, id, t, number)
  if number % 2 == 0 then return lane.push(q, id, number) end
  if (t[-number] or 0) == 0 and tenant.room(q, t, number) > 0 then
    tenant.count(t, number, 1)
    return lane.push(q, id, number)
  end
  return backlog.append(q, t, id, number)
end

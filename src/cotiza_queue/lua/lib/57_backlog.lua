-- A tenant's waiting jobs that its lane has no room for yet: a line for each lane, the oldest first.
local backlog = { page = 100 }

function backlog.key(q, t, number) return q.prefix .. 'backlog:' .. number .. ':' .. t.name end

function backlog.behind(t, number) return t[tenant.behind(number)] or 0 end

-- What comes to the end of a line is written in one go, before the line is read and at the end of the call.
function backlog.flush(q, t, number)
  local ids = t.lines and t.lines[number] or {}
  for first = 1, #ids, 1000 do redis.call('RPUSH', backlog.key(q, t, number), unpack(ids, first, math.min(first + 999, #ids))) end
  if t.lines then t.lines[number] = nil end
end

function backlog.append(q, t, id, number)
  t.lines = t.lines or {}
  local ids = t.lines[number] or {}
  ids[#ids + 1] = id
  t.lines[number] = ids
  tenant.add(t, tenant.behind(number), 1)
  return ''
end

-- What was read from a lane but may not start now goes to the head of the line again.
function backlog.give_back(q, t, j, number)
  redis.call('LPUSH', backlog.key(q, t, number), j.id)
  j.lane, j.entry = number, ''
  job.touch(q, j)
  tenant.add(t, tenant.behind(number), 1)
end

-- So many stand in the lane more.
function backlog.enter(t, number, n)
  local inside = tenant.inside(number)
  t[inside], t.admitted, t.changed = (t[inside] or 0) + n, (t.admitted or 0) + n, true
end

-- A job that comes in: into the lane if there is room for it, else to the end of its tenant's line.
function backlog.stand(q, id, t, number)
  if number % 2 == 0 then return lane.push(q, id, number) end
  if backlog.behind(t, number) == 0 and tenant.room(q, t, number) > 0 then
    backlog.enter(t, number, 1)
    return lane.push(q, id, number)
  end
  return backlog.append(q, t, id, number)
end

-- A tenant's waiting jobs that its lane has no room for yet, and their admission: the oldest first.
local backlog = { page = 100 }

local function key(q, t, number)
  return q.prefix .. 'backlog:' .. number .. ':' .. t.name
end

function backlog.append(q, t, id, number)
  redis.call('RPUSH', key(q, t, number), id)
  tenant.add(t, 'back:' .. number, 1)
  return ''
end

-- What was read from a lane but may not start now goes to the head of the line again.
function backlog.give_back(q, t, id, number)
  redis.call('LPUSH', key(q, t, number), id)
  redis.call('HSET', q.prefix .. 'job:' .. id, 'lane', number, 'entry', '')
  tenant.add(t, 'back:' .. number, 1)
end

function backlog.enter(q, t, id, number)
  tenant.add(t, 'in:' .. number, 1)
  tenant.add(t, 'admitted', 1)
  return lane.push(q, id, number)
end

-- A job that comes in: into the lane if there is room for it, else to the end of its tenant's line.
function backlog.stand(q, id, t, number)
  if number % 2 == 0 then return lane.push(q, id, number) end
  if tenant.number(t, 'back:' .. number) == 0 and tenant.room(q, t, number) > 0 then
    return backlog.enter(q, t, id, number)
  end
  return backlog.append(q, t, id, number)
end

function backlog.left(q, t, number)
  tenant.add(t, 'in:' .. number, -1)
  tenant.add(t, 'admitted', -1)
end

-- Admits what there is room for, and `extra` more that the caller takes at once. A job cancelled meanwhile, or
-- admitted already, is passed over.
function backlog.admit(q, t, number, extra)
  local left = backlog.page + (extra or 0)
  while left > 0 and tenant.number(t, 'back:' .. number) > 0 and tenant.room(q, t, number, extra) > 0 do
    left = left - 1
    local id = redis.call('LPOP', key(q, t, number))
    tenant.add(t, 'back:' .. number, -1)
    local found = id and redis.call('HMGET', q.prefix .. 'job:' .. id, 'status', 'entry', 'lane')
    if found and found[1] == 'waiting' and found[2] == '' and tonumber(found[3]) == tonumber(number) then
      redis.call('HSET', q.prefix .. 'job:' .. id, 'entry', backlog.enter(q, t, id, number))
    end
  end
  -- A page of cancelled jobs was not the end of the line: the next turn goes on.
  if left == 0 and tenant.number(t, 'back:' .. number) > 0 and tenant.room(q, t, number) > 0 then
    redis.call('ZADD', q.prefix .. 'put_off', 0, t.name)
  end
end

-- Changes of sorted sets that no script reads back in the same call: collected by key, and written at the end of the
-- call with one command a key, so that a page of jobs pays for one.
local late = { page = 1000 }

function late.zadd(q, key, score, member)
  local changes = q.late[key]
  if changes then changes[member] = score else q.late[key] = { [member] = score } end
end

function late.zrem(q, key, member) late.zadd(q, key, false, member) end

-- A command with many arguments, as many at once as Lua can pass. Returns how many members it added or removed.
function late.write(command, key, arguments)
  local changed = 0
  for first = 1, #arguments, late.page do
    changed = changed + redis.call(command, key, unpack(arguments, first, math.min(first + late.page - 1, #arguments)))
  end
  return changed
end

local function write_all(key, changes)
  local added, removed = {}, {}
  for member, score in pairs(changes) do
    if score then
      added[#added + 1], added[#added + 2] = score, member
    else
      removed[#removed + 1] = member
    end
  end
  late.write('ZREM', key, removed)
  late.write('ZADD', key, added)
end

function late.flush(q)
  for key, changes in pairs(q.late) do
    local member, score = next(changes)
    if next(changes, member) then
      write_all(key, changes)
    elseif score then
      redis.call('ZADD', key, score, member)
    else
      redis.call('ZREM', key, member)
    end
  end
end

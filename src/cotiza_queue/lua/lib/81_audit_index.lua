-- The audit of everybody's index (36_blocks.lua).

-- The names in a block by their order, all members in one; and how often, and whether rightly, a job is among them.
local function block_of(q, j)
  local names, n, right, place = {}, 0, false, index.block_of(j.seq)
  for _, member in ipairs(blocks.members(q, place)) do
    local at = 0
    for id in string.gmatch(member, '%S+') do
      at = at + 1
      if id == j.id then n, right = n + 1, place + at - 1 == j.seq end
      if (names[at] or '-') == '-' then names[at] = id ~= j.id and id or '-' end
    end
  end
  return names, n, right
end

-- A job is named once, in its place.
function audit.named_by_all(q, j)
  local names, n, right = block_of(q, j)
  if n == 1 and right then return end
  audit.say(q, 'index', j.id, (n > 1 and 'more than once' or 'not right') .. ' in index')
  if not q.fix then return end
  local place = index.block_of(j.seq)
  for _, member in ipairs(blocks.members(q, place)) do redis.call('ZREM', q.prefix .. 'index', member) end
  for at = 1, j.seq - place do names[at] = names[at] or '-' end
  names[j.seq - place + 1] = j.id
  redis.call('ZADD', q.prefix .. 'index', place, table.concat(names, ' '))
end

-- Who is named is there, and came at that place.
function audit.blocks(q, members)
  for _, member in ipairs(members) do
    local place, at = tonumber(redis.call('ZSCORE', q.prefix .. 'index', member)), -1
    local rest = place and string.gsub(member, '%S+', function(id)
      at = at + 1
      local j = id ~= '-' and job.read(q, id)
      if id == '-' or j and j.seq == place + at then return end
      audit.say(q, 'dangling', id, 'named by index')
      return '-'
    end)
    if q.fix and rest then blocks.change(q, place, member, rest) end
  end
end

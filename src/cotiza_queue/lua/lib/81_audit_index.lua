-- The audit of everybody's index (36_blocks.lua).

-- The names in a block by their order, all members in one; and how often, and whether rightly, a job is among them.
local function block_of(q, j)
  local names, n, right, place = {}, 0, false, index.block_of(j.seq)
  for _, member in ipairs(blocks.members(q, place)) do
    for at, id in ipairs(blocks.words(member)) do
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
    local place, words = tonumber(redis.call('ZSCORE', q.prefix .. 'index', member)), blocks.words(member)
    for at, id in ipairs(place and words or {}) do
      local j = id ~= '-' and job.read(q, id)
      if id ~= '-' and not (j and j.seq == place + at - 1) then
        audit.say(q, 'dangling', id, 'named by index')
        words[at] = '-'
      end
    end
    if q.fix and place then blocks.change(q, place, member, table.concat(words, ' ')) end
  end
end

-- The audit of marks (37_marks.lua): those of a tenant's jobs, and of classes of statuses.

local function marked(q, j, name, wanted)
  local key, place, bits, n = q.prefix .. name, index.block_of(j.seq), marks.bit(j), 0
  for _, member in ipairs(marks.members(key, place)) do
    if bit.band(marks.of(member), bits) ~= 0 then n = n + 1 end
  end
  if n == wanted then return end
  audit.say(q, 'index', j.id, (wanted == 1 and 'not right' or 'wrongly') .. ' in ' .. name)
  if not q.fix then return end
  marks.thin(key, { [place] = bits })
  if wanted == 1 then redis.call('ZADD', key, place, marks.member(place, bits)) end
end

-- A job is one of its tenant's, and in one class.
function audit.marks(q, j)
  marked(q, j, 'index:' .. j.tenant, 1)
  for _, class in ipairs(index.classes) do
    marked(q, j, 'class:' .. class, index.class(j.status) == class and 1 or 0)
  end
end

-- The bits that a block must have, by the records of its jobs.
local function right(q, place, head, rest)
  local ids, bits = {}, 0
  blocks.ids(q, place, marks.all, ids)
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    local is = j and (head == 'index' and j.tenant or index.class(j.status)) == rest
    if is and index.block_of(j.seq) == place then bits = bit.bor(bits, marks.bit(j)) end
  end
  return bits
end

-- What is said of blocks is true.
function audit.said_of_blocks(q, name, members)
  local key, head, rest = q.prefix .. name, string.match(name, '^(%l+):(.*)$')
  for _, member in ipairs(members) do
    local place, bits = tonumber(redis.call('ZSCORE', key, member)), marks.of(member)
    local kept = place and bit.band(bits, right(q, place, head, rest))
    if place and (kept == 0 or member ~= marks.member(place, kept)) then
      audit.say(q, 'dangling', member, 'in ' .. name)
      if q.fix then redis.call('ZREM', key, member) end
      if q.fix and kept ~= 0 then redis.call('ZADD', key, place, marks.member(place, kept)) end
    end
  end
end
